/* SPDX-License-Identifier: MIT
 *
 * npy: types, byte orders and storage orders give the same numbers; the header
 * is what NumPy writes and nothing else. */
#include "formats/npy.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <string.h>

static const double value[] = {1, -2, 3, 4, 0.5, -1};
static const struct array matrix = {"", 2, {2, 3}, value};

/* y = W x with W by rows, whatever the file does. */
START_TEST(one_matrix_in_every_form)
{
    static const char *const descr[] = {"<f8", ">f8", "<f4", ">f4"};
    for (size_t i = 0; i < 8; i++) {
        struct lip_ctx ctx = {.deadline = 0};
        struct lip_network *network;
        struct bytes bytes = {0};
        double y[2], x[] = {1, 10, 100};
        bytes_npy(&bytes, &matrix, descr[i / 2], i % 2);
        ck_assert_int_eq(read_bytes(&network, &bytes, NULL, &ctx), LIP_OK);
        ck_assert_uint_eq(network->count, 1);
        ck_assert_int_eq(lip_network_eval(y, network, x, &ctx), LIP_OK);
        ck_assert_double_eq(y[0], 281);
        ck_assert_double_eq(y[1], -91);
        lip_network_free(network);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(layout_io_is_the_transpose)
{
    struct lip_read_options options = {.weight_is_inputs_by_outputs = true};
    for (int fortran = 0; fortran < 2; fortran++) {
        struct lip_ctx ctx = {.deadline = 0};
        struct lip_network *network;
        struct bytes bytes = {0};
        double y[3], x[] = {1, 10};
        bytes_npy(&bytes, &matrix, "<f8", fortran);
        ck_assert_int_eq(read_bytes(&network, &bytes, &options, &ctx), LIP_OK);
        ck_assert_uint_eq(network->inputs, 2);
        ck_assert_int_eq(lip_network_eval(y, network, x, &ctx), LIP_OK);
        ck_assert(y[0] == 41 && y[1] == 3 && y[2] == -7);
        lip_network_free(network);
        bytes_clear(&bytes);
    }
}
END_TEST

#define D(descr, order, shape)                                                 \
    "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"

/* Versions, quotes, order of keys and padding are free as in NumPy. */
START_TEST(headers_that_are_taken)
{
    static const struct {
        int version;
        const char *header;
    } cases[] = {
        {1, D("'<f8'", "False", "(1, 2)")},
        {2, D("'<f8'", "False", "(1, 2)")},
        {3, D("'<f8'", "True", "(1, 2)") "    \n"},
        {1, "{'descr':'<f8','fortran_order':False,'shape':(1,2)}"},
        {1,
         "{\"shape\": (1, 2,), \"descr\": \"<f8\", \"fortran_order\": True}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        char id[LIP_DIGEST_TEXT];
        bytes_npy_raw(&bytes, cases[i].version, cases[i].header, value, 16);
        model_id(id, &bytes, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(refusals)
{
    static const struct {
        int version;
        const char *header;
        size_t size;
        enum lip_status status;
        const char *says;
    } cases[] = {
        {1, D("'|O'", "False", "(1, 2)"), 16, LIP_UNSUPPORTED, "pickles"},
        {1, D("'<i8'", "False", "(1, 2)"), 16, LIP_UNSUPPORTED, "integers"},
        {1, D("'|u1'", "False", "(1, 2)"), 2, LIP_UNSUPPORTED, "integers"},
        {1, D("'|b1'", "False", "(1, 2)"), 2, LIP_UNSUPPORTED, "integers"},
        {1, D("'<c16'", "False", "(1, 1)"), 16, LIP_UNSUPPORTED, "complex"},
        {1, D("'<U4'", "False", "(1, 1)"), 16, LIP_UNSUPPORTED, "<U4"},
        {1, D("'<f16'", "False", "(1, 1)"), 16, LIP_UNSUPPORTED, "<f16"},
        {1, D("'|V2'", "False", "(1, 2)"), 4, LIP_UNSUPPORTED, "|V2"},
        {1, D("'f8'", "False", "(1, 2)"), 16, LIP_UNSUPPORTED, "f8"},
        {1, D("''", "False", "(1, 2)"), 16, LIP_UNSUPPORTED, "type"},
        {1, D("[('a', '<f8')]", "False", "(1, 2)"), 16, LIP_UNSUPPORTED,
         "records"},
        {1, D("'<f8'", "0", "(1, 2)"), 16, LIP_MALFORMED, "dictionary"},
        {1, D("'<f8'", "False", "[1, 2]"), 16, LIP_MALFORMED, "dictionary"},
        {1, D("'<f8'", "False", "(2)"), 16, LIP_MALFORMED, "dictionary"},
        {1, D("'<f8'", "False", "(1, -2)"), 16, LIP_MALFORMED, "dictionary"},
        {1, D("'<f8'", "False", "(1,, 2)"), 16, LIP_MALFORMED, "dictionary"},
        {1, D("'<f8'", "False", "(,)"), 16, LIP_MALFORMED, "dictionary"},
        {1, D("'<f8'", "False", "(1 2)"), 16, LIP_MALFORMED, "dictionary"},
        {1, D("'<f8'", "False", "(1, 2L)"), 16, LIP_MALFORMED, "dictionary"},
        {1, D("'<f8'", "False", "(1, 2)") "x", 16, LIP_MALFORMED, "dict"},
        {1, "{'descr': '<f8', 'shape': (1, 2), }", 16, LIP_MALFORMED, "dict"},
        {1,
         "{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, "
         "'shape': (1, 2), }",
         16, LIP_MALFORMED, "dict"},
        {1,
         "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), "
         "'x': 1}",
         16, LIP_MALFORMED, "dict"},
        {1, "{'descr': '<f8' 'fortran_order': False, 'shape': (1, 2)}", 16,
         LIP_MALFORMED, "dict"},
        {1, "", 16, LIP_MALFORMED, "dictionary"},
        {1, D("'<f8'", "False", "(1, 2)"), 15, LIP_MALFORMED, "needs 16"},
        {1, D("'<f8'", "False", "(1, 2)"), 17, LIP_MALFORMED, "needs 16"},
        {1, D("'<f8'", "False", "(9223372036854775808, 4)"), 0, LIP_INVALID,
         "address space"},
        {1, D("'<f8'", "False", "(99999999999999999999999, 4)"), 0, LIP_INVALID,
         "address space"},
        {1, D("'<f8'", "False", "(1,1,1,1,1,1,1,1,1)"), 8, LIP_UNSUPPORTED,
         "8 dimensions"},
        {4, D("'<f8'", "False", "(1, 2)"), 16, LIP_UNSUPPORTED, "1 to 3"},
        {0, D("'<f8'", "False", "(1, 2)"), 16, LIP_UNSUPPORTED, "1 to 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        struct refusal refusal = {cases[i].status, LIP_AT_BYTE, NULL,
                                  cases[i].says};
        bytes_npy_raw(&bytes, cases[i].version, cases[i].header, value,
                      cases[i].size);
        must_refuse(&bytes, &refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

/* Only a matrix is a network. */
START_TEST(other_ranks)
{
    static const struct {
        const char *shape;
        size_t size;
        struct refusal refusal;
    } cases[] = {
        {"()", 8, {LIP_INVALID, LIP_AT_TENSOR, "weight", "single number"}},
        {"(2,)", 16, {LIP_INVALID, LIP_AT_TENSOR, "weight", "one dimension"}},
        {"(0, 3)", 0, {LIP_INVALID, LIP_AT_TENSOR, "weight", "empty"}},
        {"(1, 1, 1, 2)",
         16,
         {LIP_UNSUPPORTED, LIP_AT_TENSOR, "weight", "convolutions"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0}, header = {0};
        bytes_text(&header,
                   "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }",
                   cases[i].shape);
        bytes_put(&header, "", 1);
        bytes_npy_raw(&bytes, 1, (const char *)header.data, value,
                      cases[i].size);
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
        bytes_clear(&header);
    }
}
END_TEST

START_TEST(lack_of_memory_and_damage)
{
    struct bytes bytes = {0};
    bytes_npy(&bytes, &matrix, ">f8", true);
    must_survive_lack_of_memory(&bytes);
    must_survive_damage(&bytes);
    bytes_clear(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npy");
    TCase *tests = tcase_create("npy");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, one_matrix_in_every_form);
    tcase_add_test(tests, layout_io_is_the_transpose);
    tcase_add_test(tests, headers_that_are_taken);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, other_ranks);
    tcase_add_test(tests, lack_of_memory_and_damage);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
