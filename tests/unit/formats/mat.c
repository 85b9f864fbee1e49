/* SPDX-License-Identifier: MIT
 *
 * MATLAB files: the same network from every way of keeping it (files made by
 * tests/support/mat_files.py with SciPy), and refusals that say what to do. */
#include "formats/mat.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

#define CORPUS "tests/fuzz/mat.corpus/"

static void load(struct bytes *bytes, const char *name)
{
    char path[100];
    snprintf(path, sizeof path, CORPUS "%s.mat", name);
    ck_assert_msg(bytes_load(bytes, path), "%s is missing", path);
}

/* The id of the network that the files hold, from JSON. */
static void expected(char id[LIP_DIGEST_TEXT])
{
    static const int size[] = {3, 4, 2};
    struct bytes json = {0};
    bytes_text(&json, "{\"layers\":[");
    for (int k = 0; k < 2; k++) {
        bytes_text(&json, "%s{\"type\":\"dense\",\"weight\":[",
                   k ? ",{\"type\":\"relu\"}," : "");
        for (int i = 0; i < size[k + 1]; i++)
            for (int j = 0; j < size[k]; j++)
                bytes_text(&json, "%s%d%s",
                           j   ? ","
                           : i ? ",["
                               : "[",
                           (7 * i + 3 * j + k) % 11 - 5,
                           j + 1 == size[k] ? "]" : "");
        bytes_text(&json, "],\"bias\":[");
        for (int i = 0; i < size[k + 1]; i++)
            bytes_text(&json, "%s%d", i ? "," : "", (5 * i + k) % 7 - 3);
        bytes_text(&json, "]}");
    }
    bytes_text(&json, "]}");
    model_id(id, &json, NULL);
    bytes_clear(&json);
}

START_TEST(every_way_of_keeping_it)
{
    static const char *const name[] = {
        "plain", "columns", "cells", "packed", "single",  "int8",
        "int16", "int64",   "big",   "struct", "structs", "passed-over",
    };
    char id[LIP_DIGEST_TEXT], same[LIP_DIGEST_TEXT];
    expected(same);
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        struct bytes bytes = {0};
        load(&bytes, name[i]);
        model_id(id, &bytes, NULL);
        ck_assert_msg(strcmp(id, same) == 0, "%s is another network", name[i]);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(the_transposed_convention)
{
    struct lip_read_options options = {.weight_is_inputs_by_outputs = true};
    char id[LIP_DIGEST_TEXT], same[LIP_DIGEST_TEXT];
    struct bytes bytes = {0};
    expected(same);
    load(&bytes, "transposed");
    model_id(id, &bytes, &options);
    ck_assert_str_eq(id, same);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(layers_are_called_by_their_place)
{
    static const struct {
        const char *file, *first;
    } cases[] = {
        {"cells", "1"}, {"struct", "net.fc1"}, {"structs", "layers.1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        struct lip_network *network;
        struct lip_ctx ctx = {0};
        load(&bytes, cases[i].file);
        ck_assert_int_eq(read_bytes(&network, &bytes, NULL, &ctx), LIP_OK);
        ck_assert_str_eq(network->layer[0].name, cases[i].first);
        lip_network_free(network);
        bytes_clear(&bytes);
    }
}
END_TEST

/* Plain numbers of our byte order are not copied. */
START_TEST(numbers_are_views)
{
    struct bytes bytes = {0};
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_network *network;
    lip_budget_init(&budget, 0);
    load(&bytes, "plain");
    ck_assert_int_eq(read_bytes(&network, &bytes, NULL, &ctx), LIP_OK);
    ck_assert(network->layer[0].weight.column_major);
    ck_assert_ptr_eq(network->layer[0].weight.buffer,
                     network->layer[2].weight.buffer);
    lip_network_free(network);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(refusals_say_what_to_do)
{
    static const struct {
        const char *file;
        struct refusal refusal;
    } cases[] = {
        {"hdf5", {LIP_UNSUPPORTED, LIP_NOWHERE, "", "'-v7'"}},
        {"sparse", {LIP_UNSUPPORTED, LIP_AT_TENSOR, "W2", "full(W)"}},
        {"complex", {LIP_UNSUPPORTED, LIP_AT_TENSOR, "W2", "complex"}},
        {"four", {LIP_UNSUPPORTED, LIP_AT_TENSOR, "W2", "ONNX"}},
        {"huge", {LIP_INVALID, LIP_AT_TENSOR, "W2", "2^53"}},
        {"not-finite", {LIP_INVALID, LIP_AT_TENSOR, "b2", "inf"}},
        {"deep",
         {LIP_UNSUPPORTED, LIP_AT_TENSOR, "weights.1.1.1.1.1.1.1.1",
          "8 levels"}},
        {"transposed", {LIP_INVALID, LIP_AT_TENSOR, "b1", "layout=io"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        load(&bytes, cases[i].file);
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(inflation_is_limited)
{
    static const struct refusal refusal = {LIP_TOO_LARGE, LIP_NOWHERE, "",
                                           "limit"};
    struct lip_read_options options = {.max_inflated = 700000};
    struct bytes bytes = {0};
    load(&bytes, "zeros");
    must_refuse(&bytes, &refusal, &options);
    options.max_inflated = 0;
    char id[LIP_DIGEST_TEXT];
    model_id(id, &bytes, &options);
    bytes_clear(&bytes);
}
END_TEST

/* One byte of plain.mat changed: its first variable begins at byte 128 with a
 * tag, flags, dimensions and the name. */
START_TEST(lies)
{
    static const struct {
        size_t at;
        unsigned char byte;
        struct refusal refusal;
    } cases[] = {
        {135, 127, {LIP_MALFORMED, LIP_AT_BYTE, "128", "longer than the file"}},
        {136, 7, {LIP_MALFORMED, LIP_AT_TENSOR, "?", "flags"}},
        {140, 4, {LIP_MALFORMED, LIP_AT_TENSOR, "?", "flags"}},
        {144, 63, {LIP_MALFORMED, LIP_AT_TENSOR, "W1", "class"}},
        {144, 3, {LIP_UNSUPPORTED, LIP_AT_TENSOR, "W1", "object"}},
        {152, 6, {LIP_MALFORMED, LIP_AT_TENSOR, "?", "dimensions"}},
        {156, 4, {LIP_MALFORMED, LIP_AT_TENSOR, "?", "dimensions"}},
        {163, 128, {LIP_MALFORMED, LIP_AT_TENSOR, "?", "address space"}},
        {163, 64, {LIP_MALFORMED, LIP_AT_TENSOR, "W1", "fit"}},
        {160, 5, {LIP_MALFORMED, LIP_AT_TENSOR, "W1", "fit"}},
        {172, '!', {LIP_MALFORMED, LIP_AT_TENSOR, "?", "name"}},
        {176, 11, {LIP_UNSUPPORTED, LIP_AT_TENSOR, "W1", "type 11"}},
        {176, 7, {LIP_MALFORMED, LIP_AT_TENSOR, "W1", "fit"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        load(&bytes, "plain");
        bytes.data[cases[i].at] = cases[i].byte;
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

/* Files of one variable: between two the cut could not be told. */
START_TEST(damage)
{
    static const char *const name[] = {"weights", "struct", "structs"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        struct bytes bytes = {0};
        load(&bytes, name[i]);
        must_survive_damage(&bytes);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(lack_of_memory)
{
    static const char *const name[] = {"packed", "big", "structs"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        struct bytes bytes = {0};
        load(&bytes, name[i]);
        must_survive_lack_of_memory(&bytes);
        bytes_clear(&bytes);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats/mat");
    TCase *tc = tcase_create("mat");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_way_of_keeping_it);
    tcase_add_test(tc, the_transposed_convention);
    tcase_add_test(tc, layers_are_called_by_their_place);
    tcase_add_test(tc, numbers_are_views);
    tcase_add_test(tc, refusals_say_what_to_do);
    tcase_add_test(tc, inflation_is_limited);
    tcase_add_test(tc, lies);
    tcase_add_test(tc, damage);
    tcase_add_test(tc, lack_of_memory);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
