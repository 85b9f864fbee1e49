/* SPDX-License-Identifier: MIT
 *
 * ONNX files of ours: the layers that they list are taken where they are what
 * the graph computes, and only there. */
#include "formats/onnx/layers.h"

#include "formats/tensor_list.h"
#include "formats/writer.h"
#include "tests/support/files.h"
#include "tests/support/graph.h"
#include "tests/support/random_graph.h"
#include "tests/support/random_network.h"
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_ctx ctx;

static struct bytes written(const struct lip_network *network)
{
    unsigned char *data;
    size_t size;
    struct bytes bytes = {0};
    ck_assert_msg(lip_writer_onnx.write(&data, &size, network, NULL, &ctx) ==
                      LIP_OK,
                  "%s", ctx.error.detail);
    bytes_put(&bytes, data, size);
    lip_free(data);
    return bytes;
}

/* Replaces every `old` in the file by as many other bytes; how many. */
static size_t replace(struct bytes *bytes, const char *old, const char *new)
{
    size_t size = strlen(old), count = 0;
    ck_assert_uint_eq(size, strlen(new));
    for (size_t i = 0; i + size <= bytes->size; i++)
        if (memcmp(bytes->data + i, old, size) == 0) {
            memcpy(bytes->data + i, new, size);
            count++;
        }
    return count;
}

static double *values(const struct lip_network *network)
{
    double *x = calloc(network->inputs, sizeof *x);
    double *y = calloc(network->outputs, sizeof *y);
    uint64_t seed = 9;
    for (size_t i = 0; i < network->inputs; i++)
        x[i] = 2 * shaped_uniform(&seed);
    ck_assert_int_eq(lip_network_eval(y, network, x, &ctx), LIP_OK);
    free(x);
    return y;
}

static void same_function(const struct lip_network *a,
                          const struct lip_network *b, const char *what)
{
    ck_assert_uint_eq(a->inputs, b->inputs);
    ck_assert_uint_eq(a->outputs, b->outputs);
    double *x = values(a), *y = values(b);
    for (size_t i = 0; i < a->outputs; i++)
        ck_assert_msg(fabs(x[i] - y[i]) <= 1e-6 * (1 + fabs(x[i])),
                      "%s: output %zu is %.17g, not %.17g", what, i, y[i],
                      x[i]);
    free(x);
    free(y);
}

static struct lip_network *small_network(const char *activation)
{
    static const double w[] = {1, -2, 3, 4};
    struct lip_network *network;
    struct lip_layer layer[] = {make_dense(2, 2, w, w, &ctx),
                                make_activation(activation),
                                make_dense(1, 2, w, NULL, &ctx)};
    ck_assert_int_eq(make_network(&network, layer, 3, &ctx), LIP_OK);
    return network;
}

static struct lip_network *must_read(const struct bytes *bytes)
{
    struct lip_network *network;
    enum lip_status status = read_bytes(&network, bytes, NULL, &ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    return network;
}

/* The list says tanh, the graph Relu. */
START_TEST(a_list_that_lies_is_not_believed)
{
    struct lip_network *network = small_network("relu");
    struct bytes bytes = written(network);
    ck_assert_uint_eq(replace(&bytes, "\"relu\"", "\"tanh\""), 1);
    struct lip_network *again = must_read(&bytes);
    same_function(network, again, "relu");
    lip_network_free(again);
    lip_network_free(network);
    bytes_clear(&bytes);
}
END_TEST

/* The list says relu, which the graph was before a program changed it. */
START_TEST(a_graph_that_was_changed_counts)
{
    struct lip_network *network = small_network("relu");
    struct lip_network *other = small_network("tanh");
    struct bytes bytes = written(network);
    ck_assert_uint_eq(replace(&bytes, "Relu", "Tanh"), 1);
    struct lip_network *again = must_read(&bytes);
    same_function(other, again, "tanh");
    lip_network_free(again);
    lip_network_free(other);
    lip_network_free(network);
    bytes_clear(&bytes);
}
END_TEST

/* Tensors that change places in the list, and an input of another shape. */
START_TEST(small_lies)
{
    static const char *const lie[][2] = {
        {"\"0.weight\"", "\"2.weight\""},
        {"\"0.bias\"", "\"0.base\""},
        {"\"dense\"", "\"dance\""},
    };
    struct lip_network *network = small_network("relu");
    for (size_t i = 0; i < sizeof lie / sizeof *lie; i++) {
        struct bytes bytes = written(network);
        ck_assert_uint_ge(replace(&bytes, lie[i][0], lie[i][1]), 1);
        struct lip_network *again = must_read(&bytes);
        same_function(network, again, lie[i][0]);
        lip_network_free(again);
        bytes_clear(&bytes);
    }
    lip_network_free(network);
}
END_TEST

/* Without the list the graph alone says the same, where all of its operators
 * are read; otherwise the refusal names one. */
static bool says_the_same(const struct lip_network *network, const char *what)
{
    struct lip_network *again = NULL;
    struct bytes bytes = written(network);
    struct lip_ctx own = {0};
    ck_assert_uint_eq(replace(&bytes, LIP_LAYERS_KEY, "lipschitzd.absent"), 1);
    enum lip_status status = read_bytes(&again, &bytes, NULL, &own);
    if (status == LIP_OK)
        same_function(network, again, what);
    else
        ck_assert_msg(strstr(own.error.detail, "Node"), "%s: %s", what,
                      own.error.detail);
    lip_network_free(again);
    bytes_clear(&bytes);
    return status == LIP_OK;
}

START_TEST(graphs_alone_say_the_same)
{
    size_t read = 0;
    for (uint64_t start = 1; start <= 200; start++) {
        uint64_t seed = start;
        char what[40];
        struct lip_network *network =
            start % 2 ? random_graph(&seed, &ctx)
                      : random_network(&seed, (struct random_network){0}, &ctx);
        snprintf(what, sizeof what, "seed %llu", (unsigned long long)start);
        read += says_the_same(network, what);
        lip_network_free(network);
    }
    printf("%zu of 200 graphs read without their list\n", read);
    ck_assert_uint_ge(read, 60);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats/onnx/layers");
    TCase *tc = tcase_create("layers");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_list_that_lies_is_not_believed);
    tcase_add_test(tc, a_graph_that_was_changed_counts);
    tcase_add_test(tc, small_lies);
    tcase_add_test(tc, graphs_alone_say_the_same);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
