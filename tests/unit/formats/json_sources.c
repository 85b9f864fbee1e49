/* SPDX-License-Identifier: MIT
 *
 * Graphs in JSON: names, numbers and "input" lead to the right layers, and
 * what leads nowhere is refused with the layer's name. */
#include "formats/json.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_ctx ctx;

static struct lip_network *model(const char *text)
{
    struct bytes bytes = {0};
    struct lip_network *network;
    ctx = (struct lip_ctx){0};
    bytes_put(&bytes, text, strlen(text));
    read_bytes(&network, &bytes, NULL, &ctx);
    bytes_clear(&bytes);
    return network;
}

#define DENSE "{\"type\":\"dense\",\"name\":\"a\",\"weight\":[[1,2],[3,4]]}"

/* f = x + relu(W x) + W x */
START_TEST(skip_connections)
{
    static const char *const sums[] = {
        "{\"type\":\"add\",\"inputs\":[\"b\",\"a\",\"input\"]}",
        "{\"type\":\"add\",\"inputs\":[1,0,\"input\"]}",
        "{\"inputs\":[1,\"a\",\"\\u0069nput\"],\"name\":\"c\",\"type\":"
        "\"add\"}",
    };
    for (size_t i = 0; i < 3; i++) {
        char text[400];
        double x[] = {1, -1}, y[2];
        snprintf(text, sizeof text,
                 "{\"layers\":[" DENSE
                 ",{\"type\":\"relu\",\"name\":\"b\"},%s]}",
                 sums[i]);
        struct lip_network *network = model(text);
        ck_assert_msg(network != NULL, "%s", ctx.error.detail);
        ck_assert_int_eq(lip_network_eval(y, network, x, NULL), LIP_OK);
        ck_assert_double_eq(y[0], 0);
        ck_assert_double_eq(y[1], -2);
        lip_network_free(network);
    }
}
END_TEST

/* A chain stays a chain. */
START_TEST(what_goes_without_saying)
{
    struct lip_network *plain =
        model("{\"layers\":[" DENSE ",{\"type\":\"relu\"}]}");
    struct lip_network *said = model(
        "{\"layers\":[{\"type\":\"dense\",\"inputs\":\"input\",\"name\":\"a\","
        "\"weight\":[[1,2],[3,4]]},{\"type\":\"relu\",\"inputs\":[\"a\"]}]}");
    ck_assert_str_eq(plain->id, said->id);
    ck_assert_uint_eq(said->layer[1].sources, 0);
    lip_network_free(plain);
    lip_network_free(said);
}
END_TEST

/* "input" in front, and in a graph that refers to it. */
START_TEST(shapes_of_inputs)
{
    static const char layers[] =
        "\"layers\":[{\"type\":\"conv\",\"name\":\"a\",\"padding\":1,"
        "\"weight\":[[[[0,0,0],[0,2,0],[0,0,0]]]]},"
        "{\"type\":\"add\",\"inputs\":[0,\"input\"]}]";
    char text[400];
    double x[] = {1, 2, 3, 4, 5, 6}, y[6];
    for (int after = 0; after < 2; after++) {
        snprintf(text, sizeof text, "{%s%s%s}",
                 after ? layers : "\"input\":[1,2,3],", after ? "," : layers,
                 after ? "\"input\":[1,2,3]" : "");
        struct lip_network *network = model(text);
        ck_assert_msg(network != NULL, "%s", ctx.error.detail);
        ck_assert_uint_eq(network->count, 3);
        ck_assert_int_eq(lip_network_eval(y, network, x, NULL), LIP_OK);
        for (int k = 0; k < 6; k++)
            ck_assert_double_eq(y[k], 3 * x[k]);
        struct lip_network *long_form = model(
            "{\"layers\":[{\"type\":\"reshape\",\"shape\":[1,2,3],\"name\":"
            "\"r\"},{\"type\":\"conv\",\"padding\":[1,1,1,1],\"weight\":[[[[0,"
            "0,0],[0,2,0],[0,0,0]]]]},{\"type\":\"add\",\"inputs\":[1,"
            "\"r\"]}]}");
        ck_assert_str_eq(network->id, long_form->id);
        lip_network_free(long_form);
        lip_network_free(network);
    }
}
END_TEST

#define ADD(inputs)                                                            \
    "{\"layers\":[" DENSE                                                      \
    ",{\"type\":\"add\",\"name\":\"s\",\"inputs\":" inputs                     \
    "},{\"type\":\"relu\",\"name\":\"r\"}]}"

static const struct {
    const char *text, *where, *says;
} cases[] = {
    {ADD("[\"a\",\"x\"]"), "/layers/1/inputs/1",
     "Layer 1 (\"s\"): its input "
     "\"x\" is the name of no"},
    {ADD("[\"a\",\"r\"]"), "/layers/1/inputs/1",
     "from layer 2, which comes "
     "later"},
    {ADD("[\"s\"]"), "/layers/1/inputs/0", "from itself"},
    {ADD("[7]"), "/layers/1/inputs/0", "comes later"},
    {ADD("[0.5]"), "/layers/1/inputs/0", "not the number of a layer"},
    {ADD("[-1]"), "/layers/1/inputs/0", "not the number of a layer"},
    {ADD("[1e300]"), "/layers/1/inputs/0", "not the number of a layer"},
    {ADD("[]"), "/layers/1/inputs", "empty list"},
    {ADD("[[0]]"), "/layers/1/inputs/0", "a string, not an array"},
    {ADD("null"), "/layers/1/inputs", "an array"},
    {ADD("[0,0,0,0,0,0,0,0,0]"), "/layers/1", "from at most 8"},
    {"{\"layers\":[" DENSE "," DENSE ",{\"type\":\"add\",\"inputs\":[\"a\"]}]}",
     "/layers/2/inputs/0", "several layers"},
    {"{\"layers\":[{\"type\":\"relu\",\"name\":\"input\"},{\"type\":\"add\","
     "\"inputs\":[\"input\"]}]}",
     "/layers/1/inputs/0", "of a layer and of the model's input"},
    {"{\"layers\":[" DENSE ",{\"type\":\"relu\",\"inputs\":[\"input\"]}]}",
     "/layers/0", "leads nowhere"},
    {"{\"input\":[3],\"layers\":[" DENSE "]}", "/layers/0",
     "Layer 0 (\"a\", dense)"},
    {"{\"input\":[],\"layers\":[" DENSE "]}", "/input", "is empty"},
    {"{\"input\":[1099511627776],\"layers\":[" DENSE "]}", "/input/0",
     "whole number"},
    {"{\"input\":[268435456,268435456],\"layers\":[" DENSE "]}", "/input",
     "The input (reshape): the shape"},
    {"{\"input\":[2],\"input\":[2],\"layers\":[" DENSE "]}", "/input", "twice"},
    {"{\"input\":\"2\",\"layers\":[" DENSE "]}", "/input", "not a string"},
};

START_TEST(refusals)
{
    struct lip_network *network = model(cases[_i].text);
    ck_assert_ptr_null(network);
    ck_assert_msg(strstr(ctx.error.detail, cases[_i].says) &&
                      strcmp(ctx.error.where, cases[_i].where) == 0,
                  "%s: %s", ctx.error.where, ctx.error.detail);
}
END_TEST

/* Layers that each take two others, in the order of the worst case. */
START_TEST(as_many_layers_as_there_may_be)
{
    enum { COUNT = 4000 };
    struct bytes bytes = {0};
    struct lip_network *network;
    bytes_text(&bytes, "{\"layers\":[" DENSE);
    for (int i = 1; i < COUNT; i++)
        bytes_text(&bytes,
                   ",{\"type\":\"add\",\"name\":\"%d\",\"inputs\":[%d,%d]}", i,
                   i - 1, i / 2);
    bytes_text(&bytes, "]}");
    ck_assert_int_eq(read_bytes(&network, &bytes, NULL, &ctx), LIP_OK);
    ck_assert_uint_eq(network->count, COUNT);
    lip_network_free(network);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(memory_may_run_out_and_bytes_be_lost)
{
    static const char *const seeds[] = {"graph-conv", "graph-kinds",
                                        "graph-circle"};
    for (size_t i = 0; i < 3; i++) {
        char path[80];
        struct bytes bytes = {0};
        snprintf(path, sizeof path, "tests/fuzz/json.corpus/%s", seeds[i]);
        ck_assert(bytes_load(&bytes, path));
        if (i < 2)
            must_survive_lack_of_memory(&bytes);
        bytes.size -= bytes.size / 3;
        must_survive_damage(&bytes);
        bytes_clear(&bytes);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats/json_sources");
    TCase *tc = tcase_create("json_sources");
    tcase_add_test(tc, skip_connections);
    tcase_add_test(tc, what_goes_without_saying);
    tcase_add_test(tc, shapes_of_inputs);
    tcase_add_loop_test(tc, refusals, 0, (int)(sizeof cases / sizeof *cases));
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, memory_may_run_out_and_bytes_be_lost);
    tcase_add_test(tc, as_many_layers_as_there_may_be);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
