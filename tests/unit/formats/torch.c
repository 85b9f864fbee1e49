/* SPDX-License-Identifier: MIT
 *
 * PyTorch files: however torch wrote the network, it is the same one; what is
 * more than a state dict of dense layers is refused with the remedy; files
 * made to do harm do none. */
#include "formats/torch.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <zip.h>

#define FIXTURES "tests/unit/formats/fixtures/"

static void load(struct bytes *bytes, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, FIXTURES "%s", name);
    ck_assert_msg(bytes_load(bytes, path), "%s", path);
}

/* The network of torch_files.py. */
static void json_id(char id[LIP_DIGEST_TEXT])
{
    struct bytes bytes = {0};
    bytes_text(&bytes,
               "{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,-2.5],"
               "[0.125,4],[-0.5,-3]],\"bias\":[0.5,0,-1]},{\"type\":\"relu\"},"
               "{\"type\":\"dense\",\"weight\":[[1,2,-1]]}]}");
    model_id(id, &bytes, NULL);
    bytes_clear(&bytes);
}

START_TEST(the_same_network_in_every_form)
{
    char wanted[LIP_DIGEST_TEXT], id[LIP_DIGEST_TEXT];
    glob_t found;
    json_id(wanted);
    ck_assert_int_eq(glob(FIXTURES "net-*.pt", 0, NULL, &found), 0);
    ck_assert_uint_ge(found.gl_pathc, 10);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct bytes bytes = {0};
        ck_assert(bytes_load(&bytes, found.gl_pathv[i]));
        model_id(id, &bytes, NULL);
        ck_assert_msg(strcmp(id, wanted) == 0, "%s", found.gl_pathv[i]);
        bytes_clear(&bytes);
    }
    globfree(&found);
}
END_TEST

START_TEST(other_files_of_torch)
{
    static const struct {
        const char *name;
        struct refusal refusal;
    } cases[] = {
        {"module.pt",
         {LIP_UNSUPPORTED, LIP_NOWHERE, "",
          "torch.nn.modules.container.Sequential"}},
        {"module.pt", {LIP_UNSUPPORTED, LIP_NOWHERE, "", "state_dict()"}},
        {"tensor.pt", {LIP_UNSUPPORTED, LIP_NOWHERE, "", "single tensor"}},
        {"two.pt", {LIP_INVALID, LIP_NOWHERE, "", "several"}},
        {"nothing.pt", {LIP_INVALID, LIP_NOWHERE, "", "no state dict"}},
        {"complex.pt",
         {LIP_UNSUPPORTED, LIP_AT_TENSOR, "0.weight", "ComplexFloat"}},
        {"sparse.pt",
         {LIP_UNSUPPORTED, LIP_NOWHERE, "", "_rebuild_sparse_tensor"}},
        {"conv.pt",
         {LIP_UNSUPPORTED, LIP_AT_TENSOR, "weight", "torch.onnx.export"}},
        {"norm.pt",
         {LIP_UNSUPPORTED, LIP_AT_TENSOR, "running_mean", "torch.onnx.export"}},
        {"old.pt", {LIP_UNSUPPORTED, LIP_NOWHERE, "", "default zip format"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        load(&bytes, cases[i].name);
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

/* --- pickles by hand */

static const double two[] = {1, -2};

#define PROTOCOL "\x80\2"
#define TENSOR "ctorch._utils\n_rebuild_tensor_v2\n"
#define STORAGE(type, key, count)                                              \
    "(U\7storagectorch\n" type "\nU\1" key "U\3cpu" count "tQ"
#define TWO STORAGE("DoubleStorage", "0", "K\2")
#define REST "\x89)tR"
/* A dictionary of one tensor "w", by its arguments. */
#define ONE(arguments) PROTOCOL "}U\1w" TENSOR "(" arguments REST "s."

struct pickle {
    const char *bytes;
    size_t size;
};
#define P(text)                                                                \
    {                                                                          \
        text, sizeof text - 1                                                  \
    }

/* A file of this pickle with two doubles as its storage "0". */
static void put_file(struct bytes *bytes, const struct pickle *pickle)
{
    struct entry entry[] = {{"x/data.pkl", pickle->bytes, pickle->size},
                            {"x/data/0", two, sizeof two},
                            {"x/version", "3\n", 2}};
    bytes_zip(bytes, entry, 3, ZIP_CM_STORE, NULL);
}

START_TEST(a_pickle_by_hand)
{
    static const struct pickle pickles[] = {
        P(ONE(TWO "K\0K\1K\2\x86K\2K\1\x86")),
        P(ONE(TWO "K\0K\1K\2\x86K\0K\1\x86")), /* one row: any stride */
        P(PROTOCOL "}U\5modelccollections\nOrderedDict\n)RU\1w" TENSOR "(" TWO
                   "K\0K\1K\2\x86K\2K\1\x86" REST "ss."),
        P(PROTOCOL "}U\1wctorch._utils\n_rebuild_parameter\n(" TENSOR "(" TWO
                   "K\0K\1K\2\x86K\2K\1\x86" REST "\x88)tRs."),
        P(PROTOCOL "}(U\1w" TENSOR "(" TWO "K\0K\1K\2\x86K\2K\1\x86" REST
                   "U\1nK\5U\1tU\2hiu."),
    };
    char wanted[LIP_DIGEST_TEXT], id[LIP_DIGEST_TEXT];
    struct bytes json = {0};
    bytes_text(&json, "{\"layers\":[{\"type\":\"dense\","
                      "\"weight\":[[1,-2]]}]}");
    model_id(wanted, &json, NULL);
    for (size_t i = 0; i < sizeof pickles / sizeof *pickles; i++) {
        struct bytes bytes = {0};
        put_file(&bytes, &pickles[i]);
        model_id(id, &bytes, NULL);
        ck_assert_msg(strcmp(id, wanted) == 0, "%zu", i);
        bytes_clear(&bytes);
    }
    bytes_clear(&json);
}
END_TEST

START_TEST(harmful_files)
{
    static const struct {
        struct pickle pickle;
        enum lip_status status;
        const char *says;
    } cases[] = {
        {P(PROTOCOL "cposix\nsystem\nU\2ls\x85R."), LIP_UNSUPPORTED,
         "(posix.system), which is code and is not run"},
        {P(PROTOCOL "}U\1wcposix\nsystem\nU\2ls\x85Rs."), LIP_UNSUPPORTED,
         "posix.system"},
        {P("\x80\4}\x8c\1w\x8c\2os\x8c\6system\x93\x8c\2ls\x85Rs."),
         LIP_UNSUPPORTED, "os.system"},
        {P(PROTOCOL "}(U\1v" TENSOR "(" TWO "K\0K\1K\2\x86K\2K\1\x86" REST
                    "U\1wcbuiltins\neval\nU\1"
                    "1\x85Ru."),
         LIP_UNSUPPORTED, "builtins.eval"},
        {P(ONE(TWO "J\xff\xff\xff\xffK\1K\2\x86K\2K\1\x86")), LIP_MALFORMED,
         "not described"},
        {P(ONE(TWO "K\0J\xff\xff\xff\xffK\2\x86K\2K\1\x86")), LIP_MALFORMED,
         "not described"},
        {P(ONE(TWO "K\0K\1K\2\x86J\xff\xff\xff\xffK\1\x86")), LIP_MALFORMED,
         "not described"},
        {P(ONE(TWO "K\1K\1K\2\x86K\2K\1\x86")), LIP_MALFORMED,
         "reaches beyond"},
        {P(ONE(TWO "K\0K\1K\3\x86K\3K\1\x86")), LIP_MALFORMED,
         "reaches beyond"},
        {P(ONE(TWO "K\0K\2K\2\x86K\1K\2\x86")), LIP_MALFORMED,
         "reaches beyond"},
        {P(ONE(TWO "\x8a\x8\xff\xff\xff\xff\xff\xff\xff\x7fK\1K\2\x86K\2K\1"
                   "\x86")),
         LIP_MALFORMED, "reaches beyond"},
        {P(ONE(TWO "K\0K\3K\2\x86\x8a\x8\xff\xff\xff\xff\xff\xff\xff\x7fK\1"
                   "\x86")),
         LIP_MALFORMED, "reaches beyond"},
        {P(ONE(TWO "K\0\x8a\x6\0\0\0\0\0\1\x8a\x6\0\0\0\0\0\1\x86K\0K\0\x86")),
         LIP_MALFORMED, "reaches beyond"},
        {P(ONE(TWO "K\0\x8a\5\0\0\0\0\1K\2\x86K\0K\1\x86")), LIP_TOO_LARGE,
         "over the limit"},
        {P(ONE(STORAGE("DoubleStorage", "0", "K\3") "K\0K\1K\3\x86K\3K\1\x86")),
         LIP_MALFORMED, "fewer numbers"},
        {P(ONE(STORAGE("DoubleStorage", "0",
                       "\x8a\x8\xff\xff\xff\xff\xff\xff\xff\x7f") "K\0K\1K\2"
                                                                  "\x86K\2K\1"
                                                                  "\x86")),
         LIP_MALFORMED, "fewer numbers"},
        {P(ONE(STORAGE("DoubleStorage", "1", "K\2") "K\0K\1K\2\x86K\2K\1\x86")),
         LIP_MALFORMED, "no entry"},
        {P(ONE(STORAGE("DoubleStorage", "/", "K\2") "K\0K\1K\2\x86K\2K\1\x86")),
         LIP_MALFORMED, "no entry"},
        {P(ONE(STORAGE("OddStorage", "0", "K\2") "K\0K\1K\2\x86K\2K\1\x86")),
         LIP_UNSUPPORTED, "torch.OddStorage"},
        {P(ONE("U\1xQK\0K\1K\2\x86K\2K\1\x86")), LIP_MALFORMED,
         "not described"},
        {P(ONE("K\0K\0K\1K\2\x86K\2K\1\x86")), LIP_MALFORMED, "not described"},
        {P(ONE(TWO "K\0K\1K\2\x86K\1\x85")), LIP_MALFORMED, "not described"},
        {P(ONE(TWO "K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1K\1K\1"
                   "K\1t")),
         LIP_MALFORMED, "not described"},
        {P(ONE(TWO "K\0K\0K\2\x86K\2K\1\x86")), LIP_INVALID, "empty"},
        {P(PROTOCOL "}K\1" TENSOR "(" TWO "K\0K\1K\2\x86K\2K\1\x86" REST "s."),
         LIP_INVALID, "name"},
        {P(PROTOCOL "}U\1\xff" TENSOR "(" TWO "K\0K\1K\2\x86K\2K\1\x86" REST
                    "s."),
         LIP_INVALID, "name"},
        {P(PROTOCOL "}U\2w\0" TENSOR "(" TWO "K\0K\1K\2\x86K\2K\1\x86" REST
                    "s."),
         LIP_INVALID, "name"},
        {P(PROTOCOL "}(U\1w" TENSOR "(" TWO "K\0K\1K\2\x86K\2K\1\x86" REST
                    "q\1U\1wh\1u."),
         LIP_INVALID, "twice"},
        /* A parameter of itself, for ever. */
        {P(PROTOCOL "}U\1wctorch._utils\n_rebuild_parameter\n]q\1Rq\2"
                    "0h\1h\2"
                    "a0h\2s."),
         LIP_UNSUPPORTED, "_rebuild_parameter"},
        /* Dictionaries that are inside of themselves. */
        {P(PROTOCOL "}q\1U\1ah\1s."), LIP_INVALID, "no state dict"},
        {P(PROTOCOL "ccollections\nOrderedDict\n]\x85RU\1w" TENSOR "(" TWO
                    "K\0K\1K\2\x86K\2K\1\x86" REST "s."),
         LIP_UNSUPPORTED, "Python 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        struct lip_budget budget;
        struct lip_ctx ctx = {.budget = &budget};
        struct lip_network *network;
        lip_budget_init(&budget, 64 << 20);
        put_file(&bytes, &cases[i].pickle);
        enum lip_status status = read_bytes(&network, &bytes, NULL, &ctx);
        ck_assert_msg(status == cases[i].status && !network &&
                          strstr(ctx.error.detail, cases[i].says),
                      "%zu: %s: %s", i, lip_status_name(status),
                      ctx.error.detail);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(odd_archives)
{
    static const char pickle[] = ONE(TWO "K\0K\1K\2\x86K\2K\1\x86");
    static const struct {
        struct entry entry[3];
        int method;
        const char *password;
        struct refusal refusal;
    } cases[] = {
        {{{"data.pkl", pickle, sizeof pickle - 1},
          {"data/0", two, sizeof two},
          {"byteorder", "big", 3}},
         ZIP_CM_STORE,
         NULL,
         {LIP_UNSUPPORTED, LIP_NOWHERE, "", "big-endian"}},
        {{{"a/data.pkl", pickle, sizeof pickle - 1},
          {"b/data/0", two, sizeof two},
          {"c", "", 0}},
         ZIP_CM_STORE,
         NULL,
         {LIP_MALFORMED, LIP_AT_TENSOR, "w", "no entry"}},
        {{{"a/data.pkl", "aaaaaaaaaaaaaaaaaaaaaaaaaaa", 27},
          {"a/data/0", two, sizeof two},
          {"c", "", 0}},
         ZIP_CM_DEFLATE,
         NULL,
         {LIP_UNSUPPORTED, LIP_NOWHERE, "", "compressed"}},
        {{{"a/data.pkl", pickle, sizeof pickle - 1},
          {"a/data/0", two, sizeof two},
          {"c", "", 0}},
         ZIP_CM_STORE,
         "secret",
         {LIP_UNSUPPORTED, LIP_NOWHERE, "", "encrypted"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        bytes_zip(&bytes, cases[i].entry, 3, cases[i].method,
                  cases[i].password);
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

/* Numbers are views of the file: no memory goes into them but for names. */
START_TEST(nothing_is_copied)
{
    enum { SIDE = 1024 };
    static float numbers[SIDE * SIDE];
    static const char pickle[] = ONE(STORAGE(
        "FloatStorage", "0", "J\0\0\x10\0") "K\0M\0\4M\0\4\x86M\0\4K\1\x86");
    struct entry entry[] = {{"x/data.pkl", pickle, sizeof pickle - 1},
                            {"x/data/0", numbers, sizeof numbers}};
    struct bytes bytes = {0};
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_tensor_list list = {.limit = 8};
    bytes_zip(&bytes, entry, 2, ZIP_CM_STORE, NULL);
    void *copy = lip_alloc(NULL, bytes.size, 1);
    struct lip_buffer *buffer =
        lip_buffer_take(memcpy(copy, bytes.data, bytes.size), bytes.size, NULL);
    lip_budget_init(&budget, 0);
    ck_assert_int_eq(lip_torch_read(&list, buffer, NULL, &ctx), LIP_OK);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_uint_lt(atomic_load(&budget.peak), 64 << 10);
    lip_tensor_list_clear(&list);
    lip_buffer_put(buffer);
    bytes_clear(&bytes);
}
END_TEST

/* With the layers beside it a state dict may hold convolutions, too. */
START_TEST(layers_from_elsewhere)
{
    static const char text[] =
        "[{\"type\":\"reshape\",\"shape\":[1,4,4]},{\"type\":\"conv\","
        "\"weight\":\"weight\",\"bias\":\"bias\",\"padding\":[1]},"
        "{\"type\":\"relu\"}]";
    struct lip_ctx ctx = {0};
    struct bytes bytes = {0};
    struct lip_network *network;
    void *copy = memcpy(lip_alloc(NULL, sizeof text, 1), text, sizeof text - 1);
    struct lip_read_options options = {
        .layers = lip_buffer_take(copy, sizeof text - 1, NULL)};
    load(&bytes, "conv.pt");
    enum lip_status status = read_bytes(&network, &bytes, &options, &ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    ck_assert_uint_eq(network->inputs, 16);
    ck_assert_uint_eq(network->outputs, 32);
    ck_assert_uint_eq(network->count, 3);
    lip_network_free(network);
    lip_buffer_put(options.layers);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(lack_of_memory)
{
    struct bytes bytes = {0};
    load(&bytes, "net-views.pt");
    must_survive_lack_of_memory(&bytes);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(damage)
{
    struct bytes bytes = {0};
    load(&bytes, "net-views.pt");
    must_survive_damage(&bytes);
    bytes_clear(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("torch");
    TCase *tests = tcase_create("torch");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_same_network_in_every_form);
    tcase_add_test(tests, other_files_of_torch);
    tcase_add_test(tests, a_pickle_by_hand);
    tcase_add_test(tests, harmful_files);
    tcase_add_test(tests, odd_archives);
    tcase_add_test(tests, nothing_is_copied);
    tcase_add_test(tests, layers_from_elsewhere);
    tcase_add_test(tests, lack_of_memory);
    tcase_add_test(tests, damage);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
