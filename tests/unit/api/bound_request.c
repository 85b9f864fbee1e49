/* SPDX-License-Identifier: MIT
 *
 * Properties: one model is the same model in every body form; each malformed
 * or ambiguous body is refused with the problem and the place that the
 * contract names; whichever allocation fails, nothing is owned afterwards and
 * the answer is 503 or 413. */
#include "api/bound.h"

#include "tests/support/jansson_memory.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static struct api_bound_request request;
static struct api_problem problem;
static struct api_query no_query;

static void setup(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static void teardown(void)
{
    ck_assert_uint_eq(budget.used, 0);
    ck_assert_int_eq(jansson_blocks(), 0);
}

static enum lip_status read_bytes(const void *bytes, size_t size,
                                  const char *type,
                                  const struct api_query *query)
{
    lip_error_clear(&ctx);
    memset(&problem, 0, sizeof problem);
    char *block = lip_alloc(&ctx, size, 1);
    if (!block)
        return LIP_NO_MEMORY;
    memcpy(block, bytes, size);
    struct lip_buffer *body = lip_buffer_take(block, size, &ctx);
    if (!body)
        return LIP_NO_MEMORY;
    enum lip_status s =
        api_bound_request_read(&request, body, type, query, &problem, &ctx);
    lip_buffer_put(body);
    return s;
}

static enum lip_status read_text(const char *text, const char *type)
{
    return read_bytes(text, strlen(text), type, &no_query);
}

static void ck_read(const char *text, const char *type)
{
    ck_assert_msg(read_text(text, type) == LIP_OK, "%s: %s", text,
                  problem.detail);
}

static void ck_refused(const char *text, const char *type, const char *name,
                       const char *where)
{
    ck_assert_msg(read_text(text, type) != LIP_OK, "%s", text);
    ck_assert_msg(strcmp(api_problem_name(problem.code), name) == 0,
                  "%s: %s, not %s: %s", text, api_problem_name(problem.code),
                  name, problem.detail);
    if (where)
        ck_assert_msg(strcmp(problem.where, where) == 0,
                      "%s: at \"%s\", not \"%s\": %s", text, problem.where,
                      where, problem.detail);
    ck_assert_uint_gt(strlen(problem.detail), 10);
    ck_assert_ptr_null(request.network);
}

#define LAYERS                                                                 \
    "{\"layers\": [{\"type\": \"dense\", \"weight\": [[1, -2], [0.5, 3]], "    \
    "\"bias\": [1, 0]}, {\"type\": \"relu\"}, {\"type\": \"dense\", "          \
    "\"weight\": [[1, 1]], \"bias\": [0]}]}"
#define JSON "application/json"
#define FORM "multipart/form-data; boundary=XX"
#define PART(name, content)                                                    \
    "--XX\r\nContent-Disposition: form-data; name=\"" name                     \
    "\"\r\n\r\n" content "\r\n"

/* The model above as safetensors: float64 tensors by their offsets. */
static size_t make_safetensors(unsigned char *out)
{
    static const char header[] =
        "{\"0.weight\":{\"dtype\":\"F64\",\"shape\":[2,2],\"data_offsets\":[0,"
        "32]},\"0.bias\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[32,"
        "48]},\"1.weight\":{\"dtype\":\"F64\",\"shape\":[1,2],\"data_offsets\":"
        "[48,64]},\"1.bias\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":"
        "[64,72]}}";
    static const double value[] = {1, -2, 0.5, 3, 1, 0, 1, 1, 0};
    size_t n = sizeof header - 1;
    memset(out, 0, 8);
    out[0] = (unsigned char)(n & 255);
    out[1] = (unsigned char)(n >> 8);
    memcpy(out + 8, header, n);
    memcpy(out + 8 + n, value, sizeof value);
    return 8 + n + sizeof value;
}

static void ck_is_the_model(const char *id)
{
    ck_assert_ptr_nonnull(request.network);
    ck_assert_str_eq(request.network->id, id);
    ck_assert_uint_eq(request.network->count, 3);
    ck_assert_str_eq(request.model_id, "");
}

START_TEST(test_every_form_is_the_same_model)
{
    unsigned char file[1000];
    char id[LIP_DIGEST_TEXT], form[2000];
    ck_read("{\"model\": " LAYERS ", \"norm\": \"inf\"}", JSON);
    ck_assert_int_eq(request.options.norm.input, LIP_NORM_INF);
    memcpy(id, request.network->id, sizeof id);
    ck_is_the_model(id);
    api_bound_request_clear(&request);

    ck_read(LAYERS, NULL);
    ck_is_the_model(id);
    api_bound_request_clear(&request);

    ck_read(" \r\n{\"norm\":1,\"mod\\u0065l\":" LAYERS "}\n", "text/plain");
    ck_is_the_model(id);
    api_bound_request_clear(&request);

    size_t n = make_safetensors(file);
    ck_assert_msg(read_bytes(file, n, "application/x-www-form-urlencoded",
                             &no_query) == LIP_OK,
                  "%s", problem.detail);
    ck_is_the_model(id);
    api_bound_request_clear(&request);

    char *p = stpcpy(
        form,
        PART("options",
             "{\"norm\": 1}") "--XX\r\n"
                              "Content-Disposition: form-data; name=\"model\"; "
                              "filename=\"m\"\r\n\r\n");
    memcpy(p, file, n);
    p = stpcpy(p + n, "\r\n--XX--\r\n");
    ck_assert_msg(read_bytes(form, (size_t)(p - form), FORM, &no_query) ==
                      LIP_OK,
                  "%s", problem.detail);
    ck_is_the_model(id);
    ck_assert_int_eq(request.options.norm.output, LIP_NORM_1);
    api_bound_request_clear(&request);

    ck_read(PART("model", LAYERS) "--XX--", FORM);
    ck_is_the_model(id);
    api_bound_request_clear(&request);
}
END_TEST

/* The weights of a form stay where they lie in the body: reading takes little
 * more memory than the body itself. */
START_TEST(test_no_copy_of_a_part)
{
    enum { NUMBERS = 100000 };
    static const char header[] =
        "{\"w\":{\"dtype\":\"F64\",\"shape\":[1,100000],\"data_offsets\":[0,"
        "800000]}}";
    size_t capacity = 8 * NUMBERS + 1000;
    char *form = calloc(capacity, 1);
    ck_assert_ptr_nonnull(form);
    char *p = stpcpy(form, "--XX\r\nContent-Disposition: form-data; "
                           "name=\"model\"\r\n\r\n");
    *p = (char)(sizeof header - 1);
    memcpy(p + 8, header, sizeof header - 1);
    p = stpcpy(p + 8 + sizeof header - 1 + 8 * NUMBERS, "\r\n--XX--");
    size_t size = (size_t)(p - form);
    ck_assert_msg(read_bytes(form, size, FORM, &no_query) == LIP_OK, "%s",
                  problem.detail);
    ck_assert_uint_eq(request.network->inputs, NUMBERS);
    ck_assert_uint_lt(budget.peak, size + size / 4);
    api_bound_request_clear(&request);
    free(form);
}
END_TEST

START_TEST(test_options_in_the_query)
{
    unsigned char file[1000];
    size_t n = make_safetensors(file);
    struct api_query query = {.count = 4,
                              .item = {{"norm", "2"},
                                       {"methods", "spectral"},
                                       {"activation", "leaky-relu"},
                                       {"negative_slope", "0.5"}}};
    ck_assert_int_eq(read_bytes(file, n, NULL, &query), LIP_OK);
    ck_assert_uint_eq(request.method_count, 1);
    ck_assert_str_eq(request.network->layer[1].activation->name, "leaky-relu");
    ck_assert_double_eq(request.network->layer[1].parameter[0], 0.5);
    api_bound_request_clear(&request);
    /* The same of a JSON model, which names its activations itself. */
    ck_assert_int_eq(read_bytes(LAYERS, strlen(LAYERS), NULL, &query),
                     LIP_INVALID);
    ck_assert_int_eq(problem.code, API_PROBLEM_INVALID_OPTION);
    query.count = 2;
    ck_assert_int_eq(read_bytes(LAYERS, strlen(LAYERS), NULL, &query), LIP_OK);
    ck_assert_uint_eq(request.method_count, 1);
    api_bound_request_clear(&request);
    static const char twice[] = "{\"model\": " LAYERS ", \"norm\": 2}";
    ck_assert_int_eq(read_bytes(twice, strlen(twice), NULL, &query),
                     LIP_INVALID);
    ck_assert_str_eq(problem.where, "/norm");
}
END_TEST

#define HEX16 "0123456789abcdef"
#define ID "sha256:" HEX16 HEX16 HEX16 HEX16

START_TEST(test_stored_model)
{
    ck_read("{\"model\": {\"id\": \"" ID "\"}, \"methods\": \"all\"}", JSON);
    ck_assert_ptr_null(request.network);
    ck_assert_str_eq(request.model_id, ID);
    ck_assert_int_eq(request.choice, API_METHODS_ALL);
    api_bound_request_clear(&request);
    static const char *const bad[] = {
        "{\"model\": {\"id\": \"" HEX16 "\"}}",
        "{\"model\": {\"id\": \"sha256:" HEX16 HEX16 HEX16
        "0123456789ABCDEF\"}}",
        "{\"model\": {\"id\": \"" ID "0\"}}",
        "{\"model\": {\"id\": 1}}",
        "{\"model\": {\"id\": \"" ID "\", \"layers\": []}}",
        "{\"model\": {\"id\": \"../../etc/passwd\"}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_refused(bad[i], JSON, "invalid-model", "/model/id");
}
END_TEST

START_TEST(test_refused_json)
{
    static const struct {
        const char *text, *name, *where;
    } row[] = {
        {"", "malformed-body", NULL},
        {"{", "malformed-body", NULL},
        {"{\"model\": " LAYERS "} x", "malformed-body", NULL},
        {"{\"model\": " LAYERS "}{}", "malformed-body", NULL},
        {"{\"model\": " LAYERS ",}", "malformed-body", NULL},
        {"{\"model\": " LAYERS ", \"norm\": 2, \"norm\": 2}", "malformed-body",
         "/norm"},
        {"{\"model\": " LAYERS ", \"mod\\u0065l\": 1}", "malformed-body",
         "/model"},
        {"{\"model\": " LAYERS ", \"norm\": {\"input\": 1, \"input\": 2}}",
         "malformed-body", "/norm"},
        {"[1, 2]", "malformed-body", NULL},
        {"{\"layers\": [{\"type\": \"dense\", \"weight\": [[1]]}], "
         "\"norm\": 1}",
         "invalid-model", "/norm"},
        {"{}", "invalid-model", ""},
        {"{\"norm\": 2}", "invalid-model", ""},
        {"{\"model\": null}", "invalid-model", "/model"},
        {"{\"model\": [1]}", "invalid-model", "/model"},
        {"{\"model\": {}}", "invalid-model", NULL},
        {"{\"model\": {\"layers\": []}}", "invalid-model", NULL},
        {"{\"model\": {\"layers\": [{\"type\": \"relu\"}]}}", "invalid-model",
         NULL},
        {"{\"model\": {\"layers\": [{\"type\": \"dense\", \"weight\": [[NaN]]}"
         "]}}",
         "malformed-body", NULL},
        {"{\"model\": {\"layers\": [{\"type\": \"dense\", \"weight\": [[1e999]"
         "]}]}}",
         "invalid-model", "/model/layers/0/weight/0/0"},
        {"{\"model\": {\"layers\": [{\"type\": \"dense\", \"weight\": [[1], "
         "[1, 2]]}]}}",
         "invalid-model", NULL},
        {"{\"model\": {\"layers\": [{\"type\": \"conv3d\"}]}}",
         "unsupported-model", "/model/layers/0/type"},
        {"{\"model\": " LAYERS ", \"norm\": 3}", "invalid-option", "/norm"},
        {"{\"model\": " LAYERS ", \"norms\": 2}", "invalid-option", "/norms"},
        {"{\"model\": " LAYERS ", \"layers\": []}", "invalid-option",
         "/layers"},
        {"{\"model\": " LAYERS ", \"time_limit\": NaN}", "malformed-body",
         NULL},
        {"{\"model\": " LAYERS ", \"time_limit\": 1e999}", "malformed-body",
         "/time_limit"},
        {"{\"model\": " LAYERS ", \"activation\": \"tanh\"}", "invalid-option",
         NULL},
        {"{\"layers\": [{\"type\": \"dense\", \"weight\": [[1e999]]}]}",
         "invalid-model", "/layers/0/weight/0/0"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        ck_refused(row[i].text, JSON, row[i].name, row[i].where);
}
END_TEST

/* A safetensors file may begin with any byte, "{" too. */
START_TEST(test_bytes_decide)
{
    unsigned char file[2000];
    size_t n = make_safetensors(file), header = file[0] + 256u * file[1];
    size_t padded = 256u * (header / 256 + 1) + '{', more = padded - header;
    memmove(file + 8 + padded, file + 8 + header, n - 8 - header);
    memset(file + 8 + header, ' ', more);
    file[0] = (unsigned char)(padded & 255);
    file[1] = (unsigned char)(padded >> 8);
    ck_assert_int_eq(file[0], '{');
    ck_assert_msg(read_bytes(file, n + more, JSON, &no_query) == LIP_OK, "%s",
                  problem.detail);
    ck_assert_uint_eq(request.network->count, 3);
    api_bound_request_clear(&request);
}
END_TEST

START_TEST(test_byte_order_mark)
{
    ck_read("\xef\xbb\xbf{\"norm\": 1, \"model\": " LAYERS "}", NULL);
    ck_assert_uint_eq(request.network->count, 3);
    api_bound_request_clear(&request);
    ck_read("\xef\xbb\xbf" LAYERS, NULL);
    api_bound_request_clear(&request);
}
END_TEST

/* The byte of a fault inside the model is counted from the body's start. */
START_TEST(test_byte_of_a_fault)
{
    ck_refused("{\"norm\": 2, \"model\": {\"layers\": [}}", JSON,
               "malformed-body", "33");
    ck_assert_int_eq(problem.place, LIP_AT_BYTE);
}
END_TEST

START_TEST(test_unknown_formats)
{
    ck_refused("hello, is this a model?", NULL, "unsupported-format", NULL);
    ck_refused("hello, is this a model?", JSON, "malformed-body", NULL);
    ck_refused("\x1f\x8b\x08 and so on, a compressed file", NULL,
               "unsupported-format", NULL);
    ck_refused(PART("model", "hello") "--XX--", FORM, "unsupported-format",
               NULL);
}
END_TEST

START_TEST(test_refused_forms)
{
    static const struct {
        const char *text, *name, *where;
    } row[] = {
        {"--XX--", "invalid-model", NULL},
        {PART("options", "{}") "--XX--", "invalid-model", NULL},
        {PART("model", LAYERS) PART("model", LAYERS) "--XX--", "malformed-body",
         NULL},
        {PART("model", LAYERS) PART("file", "x") "--XX--", "invalid-option",
         NULL},
        {PART("model", LAYERS), "malformed-body", NULL},
        {PART("model", LAYERS) PART("options", "{\"norm\": 5}") "--XX--",
         "invalid-option", "/norm"},
        {PART("model", LAYERS)
             PART("options", "{\"norm\": 2, \"norm\": 1}") "--XX--",
         "malformed-body", NULL},
        {PART("model", LAYERS) PART("options", "{\"model\": {}}") "--XX--",
         "invalid-option", "/model"},
        {PART("model", LAYERS) PART("options", "[]") "--XX--", "malformed-body",
         NULL},
        {PART("model", LAYERS) PART("options", "") "--XX--", "malformed-body",
         NULL},
        {PART("model", LAYERS) PART("options", "{\"norm\": NaN}") "--XX--",
         "malformed-body", NULL},
        {PART("model", LAYERS) PART("options", "{} {}") "--XX--",
         "malformed-body", NULL},
        {PART("model", "{\"layers\": [}") "--XX--", "malformed-body", NULL},
        {PART("model", "") "--XX--", "unsupported-format", NULL},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        ck_refused(row[i].text, FORM, row[i].name, row[i].where);
    ck_refused(PART("model", LAYERS) "--XX--", "multipart/form-data",
               "malformed-body", NULL);
}
END_TEST

/* n times `item` between what goes before and after. */
static char *repeated(const char *before, const char *item, size_t n,
                      const char *after)
{
    size_t step = strlen(item);
    char *text = malloc(strlen(before) + n * step + strlen(after) + 1);
    ck_assert_ptr_nonnull(text);
    char *p = stpcpy(text, before);
    for (size_t i = 0; i < n; i++)
        p = stpcpy(p, item);
    stpcpy(p, after);
    return text;
}

START_TEST(test_hostile_sizes)
{
    char *deep = repeated("{\"model\": ", "[", 1000000, "");
    ck_assert_int_ne(read_text(deep, JSON), LIP_OK);
    free(deep);
    deep = repeated("{\"model\": " LAYERS ", \"norm\": ", "{\"input\":", 100000,
                    "");
    ck_assert_int_ne(read_text(deep, JSON), LIP_OK);
    free(deep);
    char *list = repeated("{\"model\": " LAYERS ", \"methods\": [\"naive\"",
                          ", \"naive\"", 20000, "]}");
    ck_refused(list, JSON, "malformed-body", NULL);
    free(list);
    list = repeated("--XX\r\nContent-Disposition: form-data; name=options\r\n"
                    "\r\n{",
                    " ", 70000, "}\r\n" PART("model", LAYERS) "--XX--");
    ck_refused(list, FORM, "malformed-body", NULL);
    free(list);
    char *digits =
        repeated("{\"model\": " LAYERS ", \"time_limit\": 1", "0", 60000, "}");
    ck_assert_int_ne(read_text(digits, JSON), LIP_OK);
    free(digits);
}
END_TEST

/* Cut anywhere, a body is refused. */
START_TEST(test_cut_anywhere)
{
    static const char json[] = "{\"norm\": 1, \"model\": " LAYERS "}";
    static const char form[] =
        PART("options", "{\"norm\": 1}") PART("model", LAYERS) "--XX--";
    for (size_t n = 0; n + 1 < sizeof json; n++)
        ck_assert_msg(read_bytes(json, n, JSON, &no_query) != LIP_OK,
                      "cut at %zu", n);
    for (size_t n = 0; n + 1 < sizeof form; n++)
        ck_assert_msg(read_bytes(form, n, FORM, &no_query) != LIP_OK,
                      "cut at %zu", n);
}
END_TEST

static void fail_each(const char *text, const char *type, bool jansson)
{
    for (long n = 0;; n++) {
        if (jansson)
            jansson_fail_after(n);
        else
            atomic_store(&budget.fail_after, n);
        enum lip_status s = read_text(text, type);
        jansson_fail_never();
        atomic_store(&budget.fail_after, -1);
        if (s == LIP_OK) {
            ck_assert_int_gt(n, 1);
            break;
        }
        ck_assert_int_eq(s, LIP_NO_MEMORY);
        ck_assert_ptr_null(request.network);
        ck_assert_uint_eq(budget.used, 0);
        ck_assert_int_eq(jansson_blocks(), 0);
        if (problem.detail[0])
            ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    }
    api_bound_request_clear(&request);
}

START_TEST(test_failing_allocations)
{
    static const char json[] =
        "{\"norm\": {\"input\": 1, \"output\": 2}, \"methods\": [\"naive\"], "
        "\"model\": " LAYERS "}";
    static const char form[] =
        PART("options", "{\"norm\": {\"input\": 1, \"output\": 2}}")
            PART("model", LAYERS) "--XX--";
    fail_each(json, JSON, false);
    fail_each(json, JSON, true);
    fail_each(form, FORM, false);
    fail_each(form, FORM, true);
}
END_TEST

/* A model over the budget of the request is the client's to change. */
START_TEST(test_over_the_budget)
{
    char *row = repeated("{\"model\": {\"layers\": [{\"type\": \"dense\", "
                         "\"weight\": [[1",
                         ",1", 100000, "]]}]}}");
    budget.limit = strlen(row) + 100000;
    ck_refused(row, JSON, "model-too-large", NULL);
    ck_assert_int_eq(api_problem_status(problem.code), 413);
    free(row);
}
END_TEST

int main(void)
{
    jansson_count_memory();
    Suite *suite = suite_create("api/bound_request");
    TCase *t = tcase_create("bound_request");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, test_every_form_is_the_same_model);
    tcase_add_test(t, test_no_copy_of_a_part);
    tcase_add_test(t, test_options_in_the_query);
    tcase_add_test(t, test_stored_model);
    tcase_add_test(t, test_refused_json);
    tcase_add_test(t, test_bytes_decide);
    tcase_add_test(t, test_byte_order_mark);
    tcase_add_test(t, test_byte_of_a_fault);
    tcase_add_test(t, test_unknown_formats);
    tcase_add_test(t, test_refused_forms);
    tcase_add_test(t, test_hostile_sizes);
    tcase_add_test(t, test_cut_anywhere);
    tcase_add_test(t, test_failing_allocations);
    tcase_add_test(t, test_over_the_budget);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
