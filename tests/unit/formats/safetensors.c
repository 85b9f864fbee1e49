/* SPDX-License-Identifier: MIT
 *
 * safetensors: every check that the format's own reader makes, types, views in
 * the place of copies, damage. */
#include "formats/safetensors.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double w1[] = {1, -2, 3, 4, 0, -1}, b1[] = {0.5, 0, -1};
static const double w2[] = {1, 2, -1};
static const struct array net[] = {{"0.weight", 2, {3, 2}, w1},
                                   {"0.bias", 1, {3}, b1},
                                   {"2.weight", 2, {1, 3}, w2}};

START_TEST(numbers_arrive)
{
    struct lip_ctx ctx = {.deadline = 0};
    struct lip_network *network;
    struct bytes bytes = {0};
    double y, x[] = {1, 2};
    bytes_safetensors(&bytes, net, 3, "F32");
    ck_assert_int_eq(read_bytes(&network, &bytes, NULL, &ctx), LIP_OK);
    ck_assert_int_eq(network->layer[0].weight.dtype, LIP_F32);
    ck_assert_str_eq(network->layer[0].name, "0");
    ck_assert_int_eq(lip_network_eval(&y, network, x, &ctx), LIP_OK);
    ck_assert_double_eq(y, 22);
    lip_network_free(network);
    bytes_clear(&bytes);
}
END_TEST

/* 1, -2 in each type: F16 0x3c00 0xc000, BF16 0x3f80 0xc000. */
START_TEST(half_types)
{
    static const struct {
        const char *header;
        const char *data;
    } cases[] = {
        {"{\"w\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[0,4]}}",
         "\x00\x3c\x00\xc0"},
        {"{\"w\":{\"dtype\":\"BF16\",\"shape\":[1,2],\"data_offsets\":[0,4]}}"
         "   ",
         "\x80\x3f\x00\xc0"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct lip_ctx ctx = {.deadline = 0};
        struct lip_network *network;
        struct bytes bytes = {0};
        bytes_safetensors_raw(&bytes, cases[i].header, cases[i].data, 4);
        ck_assert_int_eq(read_bytes(&network, &bytes, NULL, &ctx), LIP_OK);
        ck_assert(lip_tensor_at(&network->layer[0].weight, 0) == 1);
        ck_assert(lip_tensor_at(&network->layer[0].weight, 1) == -2);
        lip_network_free(network);
        bytes_clear(&bytes);
    }
}
END_TEST

/* The format allows tensors of rank 0 and of no elements; the list has them,
 * the chain rule refuses them by name. */
START_TEST(empty_and_scalar_tensors_are_parsed)
{
    static const char header[] =
        "{\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
        "\"a\":{\"dtype\":\"F64\",\"shape\":[0,7],\"data_offsets\":[4,4]},"
        "\"c\":{\"dtype\":\"F16\",\"shape\":[3,0],\"data_offsets\":[0,0]}}";
    struct lip_ctx ctx = {.deadline = 0};
    struct lip_tensor_list list = {.limit = 8};
    struct bytes bytes = {0};
    bytes_safetensors_raw(&bytes, header, "\0\0\x80\x3f", 4);
    void *block = lip_alloc(&ctx, bytes.size, 1);
    memcpy(block, bytes.data, bytes.size);
    struct lip_buffer *buffer = lip_buffer_take(block, bytes.size, &ctx);
    ck_assert_int_eq(lip_safetensors_read(&list, buffer, &ctx), LIP_OK);
    ck_assert_uint_eq(list.count, 3);
    ck_assert_str_eq(list.item[0].name, "a");
    ck_assert_uint_eq(list.item[0].tensor.dim[1], 7);
    ck_assert_uint_eq(list.item[1].tensor.rank, 0);
    ck_assert(lip_tensor_at(&list.item[1].tensor, 0) == 1);
    lip_tensor_list_clear(&list);
    lip_buffer_put(buffer);
    bytes_clear(&bytes);
}
END_TEST

#define T(dtype, shape, offsets)                                               \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

START_TEST(refusals)
{
    static const struct {
        const char *header;
        size_t size; /* of data */
        struct refusal refusal;
    } cases[] = {
        {"{}", 0, {LIP_INVALID, LIP_NOWHERE, "", "no tensors"}},
        {"{}", 3, {LIP_MALFORMED, LIP_NOWHERE, "", "3 bytes at the end"}},
        {"{\"w\":" T("F32", "[1,1]", "[0,4]") "}",
         3,
         {LIP_MALFORMED, LIP_AT_TENSOR, "w", "past the end"}},
        {"{\"w\":" T("F32", "[1,1]", "[0,4]") "}",
         5,
         {LIP_MALFORMED, LIP_NOWHERE, "", "1 bytes at the end"}},
        {"{\"w\":" T("F32", "[1,1]", "[1,5]") "}",
         5,
         {LIP_MALFORMED, LIP_AT_TENSOR, "w", "belong to no tensor"}},
        {"{\"w\":" T("F32", "[1,1]", "[4,0]") "}",
         4,
         {LIP_MALFORMED, LIP_AT_TENSOR, "w", "backwards"}},
        {"{\"w\":" T("F32", "[1,2]", "[0,4]") "}",
         4,
         {LIP_MALFORMED, LIP_AT_TENSOR, "w", "do not fit its shape"}},
        {"{\"a\":" T("F32", "[1,1]", "[0,4]") ",\"b\":" T("F32", "[1,1]",
                                                          "[0,4]") "}",
         4,
         {LIP_MALFORMED, LIP_AT_TENSOR, NULL, "overlap"}},
        {"{\"a\":" T("F32", "[1,2]", "[0,8]") ",\"b\":" T("F32", "[1,2]",
                                                          "[4,12]") "}",
         12,
         {LIP_MALFORMED, LIP_AT_TENSOR, "b", "overlap"}},
        {"{\"w\":" T("F32", "[9223372036854775808,2]", "[0,0]") "}",
         0,
         {LIP_INVALID, LIP_AT_TENSOR, "w", "address space"}},
        {"{\"w\":" T("F32", "[9223372036854775808,2,0]", "[0,0]") "}",
         0,
         {LIP_INVALID, LIP_AT_TENSOR, "w", "address space"}},
        {"{\"w\":" T("F32", "[18446744073709551616]", "[0,0]") "}",
         0,
         {LIP_INVALID, LIP_AT_POINTER, "/w/shape/0", "2^64"}},
        {"{\"w\":" T("F32", "[-1]", "[0,0]") "}",
         0,
         {LIP_INVALID, LIP_AT_POINTER, "/w/shape/0", "whole"}},
        {"{\"w\":" T("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}",
         4,
         {LIP_UNSUPPORTED, LIP_AT_TENSOR, "w", "8 dimensions"}},
        {"{\"w\":" T("I64", "[1,1]", "[0,8]") "}",
         8,
         {LIP_UNSUPPORTED, LIP_AT_TENSOR, "w", "dtype I64"}},
        {"{\"w\":" T("f32", "[1,1]", "[0,4]") "}",
         4,
         {LIP_UNSUPPORTED, LIP_AT_TENSOR, "w", "dtype f32"}},
        {"{\"w\":" T("F32", "[1,1]", "[0]") "}",
         4,
         {LIP_MALFORMED, LIP_AT_TENSOR, "w", "fewer than two"}},
        {"{\"w\":" T("F32", "[1,1]", "[0,4,4]") "}",
         4,
         {LIP_MALFORMED, LIP_AT_TENSOR, "w", "more than two"}},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[1,1]}}",
         4,
         {LIP_MALFORMED, LIP_AT_TENSOR, "w", "lacks"}},
        {"{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}",
         4,
         {LIP_MALFORMED, LIP_AT_POINTER, "/w/dtype", "twice"}},
        {"{\"w\":{\"strides\":[]}}",
         4,
         {LIP_MALFORMED, LIP_AT_POINTER, "/w/strides", "only dtype"}},
        {"{\"w\":[]}", 4, {LIP_INVALID, LIP_AT_POINTER, "/w", "an object"}},
        {"{\"w\":" T("F32", "[1,1]", "[0,4]") ",\"w\":" T("F32", "[1,1]",
                                                          "[4,8]") "}",
         8,
         {LIP_INVALID, LIP_AT_TENSOR, "w", "twice"}},
        {"{\"__metadata__\":{\"a\":1}}",
         0,
         {LIP_MALFORMED, LIP_AT_POINTER, "/__metadata__/a", "strings"}},
        {"{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}",
         0,
         {LIP_INVALID, LIP_AT_TENSOR, "a", "twice"}},
        {"{\"__metadata__\":{},\"__metadata__\":{}}",
         0,
         {LIP_MALFORMED, LIP_AT_POINTER, "/__metadata__", "twice"}},
        {"{\"w\":" T("F32", "[1,1]", "[0,4]") "}x",
         4,
         {LIP_MALFORMED, LIP_AT_BYTE, "64", "nothing may follow"}},
        {"{\"w\":", 4, {LIP_MALFORMED, LIP_AT_BYTE, "13", "too early"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        bytes_safetensors_raw(&bytes, cases[i].header, "\0\0\0\0\0\0\0\0\0\0\0",
                              cases[i].size);
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(header_lengths)
{
    static const struct {
        uint64_t length;
        struct refusal refusal;
    } cases[] = {
        {3, {LIP_MALFORMED, LIP_AT_BYTE, "0", "longer than the file"}},
        {1000000, {LIP_MALFORMED, LIP_AT_BYTE, "0", "longer than the file"}},
        {1, {LIP_MALFORMED, LIP_AT_BYTE, "9", "too early"}},
        {0, {LIP_MALFORMED, LIP_AT_BYTE, "8", "begin with"}},
        {UINT64_MAX, {LIP_UNSUPPORTED, LIP_NOWHERE, "", "no format"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        bytes_little(&bytes, cases[i].length, 8);
        bytes_text(&bytes, "{}");
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
    /* over the limit, though the file has it */
    enum { MUCH = (4 << 20) + 1 };
    static const struct refusal limit = {LIP_TOO_LARGE, LIP_AT_BYTE, "0",
                                         "limit"};
    struct bytes bytes = {0};
    char *header = calloc(MUCH + 1, 1);
    memset(header, ' ', MUCH);
    memcpy(header, "{}", 2);
    bytes_safetensors_raw(&bytes, header, "", 0);
    must_refuse(&bytes, &limit, NULL);
    free(header);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(numbers_that_are_not_finite)
{
    for (size_t i = 0; i < 3; i++) {
        struct refusal refusal = {LIP_INVALID, LIP_AT_TENSOR, net[i].name,
                                  "finite"};
        struct array bad[] = {net[0], net[1], net[2]};
        double value[6] = {0, 0, i ? NAN : -INFINITY};
        struct bytes bytes = {0};
        bad[i].value = value;
        bytes_safetensors(&bytes, bad, 3, i ? "F64" : "F32");
        must_refuse(&bytes, &refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

/* The file is the only large block there ever is. */
START_TEST(large_files_are_not_copied)
{
    enum { SIDE = 1000 };
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_network *network;
    double *value = calloc(SIDE * SIDE, sizeof *value);
    struct array array = {"w", 2, {SIDE, SIDE}, value};
    struct bytes bytes = {0};
    value[7] = 1;
    bytes_safetensors(&bytes, &array, 1, "F32");
    lip_budget_init(&budget, 0);
    ck_assert_int_eq(read_bytes(&network, &bytes, NULL, &ctx), LIP_OK);
    ck_assert_uint_le(atomic_load(&budget.peak), bytes.size * 11 / 10);
    lip_network_free(network);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    bytes_clear(&bytes);
    free(value);
}
END_TEST

START_TEST(too_many_tensors)
{
    static const struct refusal refusal = {LIP_TOO_LARGE, LIP_NOWHERE, "",
                                           "2 tensors"};
    struct lip_read_options options = {.max_tensors = 2};
    struct bytes bytes = {0};
    bytes_safetensors(&bytes, net, 3, "F64");
    must_refuse(&bytes, &refusal, &options);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(lack_of_memory_and_damage)
{
    struct bytes bytes = {0};
    bytes_safetensors(&bytes, net, 3, "F32");
    must_survive_lack_of_memory(&bytes);
    must_survive_damage(&bytes);
    bytes_clear(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *tests = tcase_create("safetensors");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, numbers_arrive);
    tcase_add_test(tests, half_types);
    tcase_add_test(tests, empty_and_scalar_tensors_are_parsed);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, header_lengths);
    tcase_add_test(tests, numbers_that_are_not_finite);
    tcase_add_test(tests, large_files_are_not_copied);
    tcase_add_test(tests, too_many_tensors);
    tcase_add_test(tests, lack_of_memory_and_damage);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
