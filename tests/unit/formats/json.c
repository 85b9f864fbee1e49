/* SPDX-License-Identifier: MIT
 *
 * The model document: the numbers arrive, every refusal has its pointer, and
 * nothing that is sent takes long, leaks or crashes. */
#include "formats/json.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NET                                                                    \
    "{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,-2],[3,4],[0,-1]],"       \
    "\"bias\":[0.5,0,-1]},{\"type\":\"relu\"},{\"type\":\"dense\","            \
    "\"weight\":[[1,2,-1]]}]}"

static struct bytes text_of(const char *text)
{
    struct bytes bytes = {0};
    bytes_put(&bytes, text, strlen(text));
    return bytes;
}

START_TEST(numbers_arrive)
{
    struct lip_ctx ctx = {.deadline = 0};
    struct lip_network *network;
    struct bytes bytes = text_of(NET);
    double y, x[] = {1, 2};
    ck_assert_int_eq(read_bytes(&network, &bytes, NULL, &ctx), LIP_OK);
    ck_assert_int_eq(lip_network_eval(&y, network, x, &ctx), LIP_OK);
    ck_assert_double_eq(y, 22);
    lip_network_free(network);
    bytes_clear(&bytes);
}
END_TEST

/* Space, order, escapes and the wrapper change nothing. */
START_TEST(one_model_one_id)
{
    static const char *const texts[] = {
        NET,
        "{\"model\":" NET "}",
        " {\n\"model\" : " NET " } ",
        "{\"\\u006dodel\":" NET "}",
        "{\"layers\" : [ {\"bias\":[5e-1,-0,-1.0] , \"weight\":[[1.0,-2],"
        "[3,4e0],[0.0,-1]], \"name\":\"first\",\"type\":\"dense\"},"
        "{\"inputs\":[\"first\"],\"type\":\"relu\"},"
        "{\"weight\":[[1,2,-1]],\"type\":\"dense\"}]}",
    };
    char id[2][LIP_DIGEST_TEXT];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct bytes bytes = text_of(texts[i]);
        model_id(id[i > 0], &bytes, NULL);
        ck_assert_str_eq(id[0], id[i > 0]);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(refusals)
{
    static const struct {
        const char *text;
        struct refusal refusal;
    } cases[] = {
        {"{}", {LIP_INVALID, LIP_AT_POINTER, "", "layers"}},
        {"[]", {LIP_INVALID, LIP_AT_POINTER, "", "an object"}},
        {"{\"layers\":[]}", {LIP_INVALID, LIP_NOWHERE, "", "no layers"}},
        {"{\"layers\":{}}", {LIP_INVALID, LIP_AT_POINTER, "/layers", "array"}},
        {"{\"layers\":[],\"layers\":[]}",
         {LIP_INVALID, LIP_AT_POINTER, "/layers", "twice"}},
        {"{\"layers\":[],\"norm\":2}",
         {LIP_INVALID, LIP_AT_POINTER, "/norm", "\"norm\""}},
        {"{\"norm\":2}", {LIP_INVALID, LIP_AT_POINTER, "/norm", "layers"}},
        {"{\"model\":{\"layers\":[]},\"norm\":2}",
         {LIP_INVALID, LIP_AT_POINTER, "/norm", "\"norm\""}},
        {"{\"model\":{\"id\":\"sha256:0\"}}",
         {LIP_INVALID, LIP_AT_POINTER, "/model/id", "\"id\""}},
        {"{\"model\":3}", {LIP_INVALID, LIP_AT_POINTER, "/model", "object"}},
        {"{\"layers\":[3]}",
         {LIP_INVALID, LIP_AT_POINTER, "/layers/0", "an object"}},
        {"{\"layers\":[{\"type\":\"relu\"}]}",
         {LIP_INVALID, LIP_NOWHERE, "", "no layer with weights"}},
        {"{\"layers\":[{\"type\":\"relu\"},{\"type\":\"lstm\"}]}",
         {LIP_UNSUPPORTED, LIP_AT_POINTER, "/layers/1/type", "leaky-relu"}},
        {"{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2],"
         "[3,\"x\"]]}]}}",
         {LIP_INVALID, LIP_AT_POINTER, "/model/layers/0/weight/1/1",
          "a number, not a string"}},
        {"{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2]]},"
         "{\"type\":\"dense\",\"weight\":[[1,2]]}]}",
         {LIP_INVALID, LIP_AT_POINTER, "/layers/1", "come in"}},
        {"{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2]],"
         "\"bias\":[1,2]}]}",
         {LIP_INVALID, LIP_AT_POINTER, "/layers/0", "bias"}},
        {"{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1]],"
         "\"bias\":[1,2]}]}}",
         {LIP_INVALID, LIP_AT_POINTER, "/model/layers/0", "bias"}},
        {"{\"layers\":[{\"type\":\"dense\",\"weight\":[[Infinity]]}]}",
         {LIP_INVALID, LIP_AT_POINTER, "/layers/0/weight/0/0", "finite"}},
        {"{\"layers\":[{\"type\":\"dense\",\"weight\":[[1]]}]} x",
         {LIP_MALFORMED, LIP_AT_BYTE, "45", "nothing may follow"}},
        {"{\"model\":{\"layers\":[}}",
         {LIP_MALFORMED, LIP_AT_BYTE, "20", "value"}},
        {"\xef\xbb\xbf{\"layers\":[]}",
         {LIP_MALFORMED, LIP_AT_BYTE, "0", "byte order mark"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = text_of(cases[i].text);
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

/* The caller's prefix and offset reach every kind of error. */
START_TEST(prefix_and_offset)
{
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"{\"layers\":[{\"type\":\"dense\",\"weight\":[[null]]}]}",
         "/a/b/layers/0/weight/0/0"},
        {"{\"layers\":[{\"type\":\"dense\",\"weight\":[[1]],\"bias\":[1,1]}]}",
         "/a/b/layers/0"},
        {"{\"layers\":[,]}", "1011"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lip_ctx ctx = {.deadline = 0};
        struct lip_network *network;
        const char *text = cases[i].text;
        ck_assert_int_ne(
            lip_json_read_model(&network, (const unsigned char *)text,
                                strlen(text), 1000, "/a/b", NULL, &ctx),
            LIP_OK);
        ck_assert_str_eq(ctx.error.where, cases[i].where);
    }
}
END_TEST

START_TEST(limits)
{
    struct lip_read_options options = {.max_layers = 2};
    static const struct refusal refusal = {LIP_TOO_LARGE, LIP_AT_POINTER,
                                           "/layers/2", "2 layers"};
    struct bytes bytes = text_of(NET);
    must_refuse(&bytes, &refusal, &options);
    bytes_clear(&bytes);
}
END_TEST

/* What hostile text costs is bounded by its length: what looks at it again and
 * again does not end before the test is stopped. */
START_TEST(hostile_text_is_refused_at_once)
{
    enum { MANY = 1000000 };
    static const struct {
        const char *before, *repeated;
        struct refusal refusal;
    } cases[] = {
        {"", "[", {LIP_INVALID, LIP_AT_POINTER, "", "an object"}},
        {"{\"model\":", "[", {LIP_TOO_LARGE, LIP_AT_POINTER, NULL, "64"}},
        {"{\"layers\":[{\"x\":",
         "{\"a\":",
         {LIP_TOO_LARGE, LIP_AT_POINTER, NULL, "64"}},
        {"{\"layers\":[{\"type\":\"dense\",\"weight\":",
         "[",
         {LIP_INVALID, LIP_AT_POINTER, "/layers/0/weight/0/0", "number"}},
        {"{\"layers\":[{\"type\":\"dense\",\"weight\":[[",
         "7",
         {LIP_INVALID, LIP_AT_POINTER, "/layers/0/weight/0/0", "finite"}},
        {"{\"layers\":[{\"type\":\"dense\",\"weight\":[[0.",
         "7",
         {LIP_MALFORMED, LIP_AT_BYTE, NULL, "too early"}},
        {"{\"layers\":[{\"type\":\"dense\",\"weight\":[[1e",
         "7",
         {LIP_INVALID, LIP_AT_POINTER, NULL, "finite"}},
        {"{\"layers\":[",
         "{\"type\":\"relu\"},",
         {LIP_TOO_LARGE, LIP_AT_POINTER, "/layers/4096", "4096"}},
        {"{\"", "k", {LIP_MALFORMED, LIP_AT_BYTE, NULL, "string"}},
        {"{\"layers\":[{\"type\":\"dense\",\"weight\":[",
         "[1],",
         {LIP_MALFORMED, LIP_AT_BYTE, NULL, "too early"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = text_of(cases[i].before);
        size_t n = strlen(cases[i].repeated);
        for (size_t k = 0; k < MANY; k += n)
            bytes_put(&bytes, cases[i].repeated, n);
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(lack_of_memory)
{
    struct bytes bytes = text_of(NET);
    must_survive_lack_of_memory(&bytes);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(damage)
{
    struct bytes bytes = text_of(NET);
    must_survive_damage(&bytes);
    bytes_clear(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("json");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, numbers_arrive);
    tcase_add_test(tests, one_model_one_id);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, prefix_and_offset);
    tcase_add_test(tests, limits);
    tcase_add_test(tests, hostile_text_is_refused_at_once);
    tcase_add_test(tests, lack_of_memory);
    tcase_add_test(tests, damage);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
