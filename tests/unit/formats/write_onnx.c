/* SPDX-License-Identifier: MIT
 *
 * ONNX files say what the network computes: ONNX's own checker takes them, and
 * what other programs compute from them is what lip_network_eval does. */
#include "formats/writer.h"

#include "tests/support/files.h"
#include "tests/support/folder.h"
#include "tests/support/random_graph.h"
#include "tests/support/random_network.h"
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct lip_ctx ctx;
static char folder[FOLDER_NAME];
static size_t files;

static void begin(void)
{
    folder_make(folder);
    files = 0;
}

static void put_values(struct bytes *text, const double *value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes_text(text, "%.17g ", value[i]);
}

/* Examples of the network, a line each: inputs and outputs. */
static void put_examples(struct bytes *text, const struct lip_network *network)
{
    double *x = calloc(network->inputs, sizeof *x);
    double *y = calloc(network->outputs, sizeof *y);
    uint64_t seed = files + 1;
    for (int line = 0; line < 3; line++) {
        for (size_t i = 0; i < network->inputs; i++)
            x[i] = 2 * shaped_uniform(&seed);
        ck_assert_int_eq(lip_network_eval(y, network, x, &ctx), LIP_OK);
        put_values(text, x, network->inputs);
        put_values(text, y, network->outputs);
        bytes_text(text, "\n");
    }
    free(x);
    free(y);
}

/* Writes N.onnx and N.txt and frees the network. */
static void put_case(struct lip_network *network)
{
    unsigned char *data;
    size_t size;
    char name[40];
    struct bytes text = {0};
    ck_assert_msg(lip_writer_onnx.write(&data, &size, network, NULL, &ctx) ==
                      LIP_OK,
                  "%s", ctx.error.detail);
    snprintf(name, sizeof name, "%04zu.onnx", files);
    folder_write(folder, name, data, size);
    lip_free(data);
    put_examples(&text, network);
    snprintf(name, sizeof name, "%04zu.txt", files++);
    folder_write(folder, name, text.data, text.size);
    bytes_clear(&text);
    lip_network_free(network);
}

/* Hands all files to one of the judges of onnx_run.py. */
static void judge(const char *which)
{
    char command[200];
    snprintf(command, sizeof command,
             "OPENCV_LOG_LEVEL=SILENT /usr/bin/python3 "
             "tests/support/onnx_run.py %s %s 2>&1",
             which, folder);
    fflush(stdout);
    int status = system(command);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        printf("SKIP: no python3 with onnx (and cv2) for %s\n", which);
    else
        ck_assert_msg(status == 0, "%s, in %s", which, folder);
}

static void judge_all(void)
{
    judge("checker");
    judge("numpy");
    judge("opencv");
    folder_remove(folder);
}

/* The network with all its numbers in another type. */
static void store_as(struct lip_network *network, enum lip_dtype dtype)
{
    for (size_t i = 0; i < network->count; i++)
        for (int part = 0; part < LIP_PARTS; part++) {
            struct lip_tensor *tensor =
                lip_layer_tensor(&network->layer[i], (enum lip_part)part);
            if (tensor->data)
                ck_assert_int_eq(lip_tensor_convert(tensor, dtype, &ctx),
                                 LIP_OK);
        }
}

START_TEST(chains_of_every_kind)
{
    begin();
    for (uint64_t start = 1; start <= 160; start++) {
        uint64_t seed = start;
        struct lip_network *network =
            random_network(&seed, (struct random_network){0}, &ctx);
        store_as(network, (enum lip_dtype)(start % 4));
        put_case(network);
    }
    judge_all();
}
END_TEST

START_TEST(graphs)
{
    begin();
    for (uint64_t start = 1; start <= 160; start++) {
        uint64_t seed = start;
        struct lip_network *network = random_graph(&seed, &ctx);
        if (start % 2)
            store_as(network, LIP_F32);
        put_case(network);
    }
    judge_all();
}
END_TEST

/* One layer behind a reshape: a kind, the shape that comes in, the dimensions
 * of its tensors (ended by 0) and its settings. */
static const struct kind_case {
    const struct lip_layer_kind *kind;
    long shape[5];
    size_t tensor[LIP_PARTS][5];
    struct {
        const char *name;
        size_t count;
        long value[LIP_MAX_RANK];
    } setting[6];
    double parameter; /* 0: the usual one */
} cases[] = {
    {&lip_layer_conv, {2, 5, 6}, {{3, 2, 3, 2}, {3}}, {{0}}, 0},
    {&lip_layer_conv,
     {4, 9},
     {{6, 2, 3}, {6}},
     {{"stride", 1, {2}},
      {"padding", 2, {2, 1}},
      {"dilation", 1, {2}},
      {"groups", 1, {2}}},
     0},
    {&lip_layer_conv,
     {2, 7, 6},
     {{4, 1, 2, 3}},
     {{"stride", 2, {2, 1}},
      {"padding", 4, {0, 1, 2, 3}},
      {"dilation", 2, {1, 2}},
      {"groups", 1, {2}}},
     0},
    {&lip_layer_conv_transpose, {2, 4, 3}, {{2, 3, 3, 2}, {3}}, {{0}}, 0},
    {&lip_layer_conv_transpose,
     {4, 5},
     {{4, 1, 3}, {2}},
     {{"stride", 1, {3}},
      {"padding", 2, {1, 2}},
      {"dilation", 1, {2}},
      {"groups", 1, {2}},
      {"output_padding", 1, {2}}},
     0},
    {&lip_layer_conv_transpose,
     {2, 3, 4},
     {{2, 2, 2, 3}},
     {{"stride", 2, {2, 3}}, {"padding", 4, {1, 0, 0, 2}}},
     0},
    {&lip_layer_max_pool, {2, 6, 5}, {{0}}, {{"kernel", 1, {2}}}, 0},
    {&lip_layer_max_pool,
     {2, 9},
     {{0}},
     {{"kernel", 1, {3}},
      {"stride", 1, {2}},
      {"padding", 2, {1, 0}},
      {"dilation", 1, {2}}},
     0},
    {&lip_layer_max_pool, {3, 4, 4}, {{0}}, {{0}}, 0},
    {&lip_layer_average_pool, {2, 6, 5}, {{0}}, {{"kernel", 2, {3, 2}}}, 0},
    {&lip_layer_average_pool,
     {2, 6, 5},
     {{0}},
     {{"kernel", 2, {3, 3}},
      {"stride", 2, {2, 1}},
      {"padding", 4, {1, 0, 1, 2}}},
     0},
    {&lip_layer_average_pool,
     {2, 6, 5},
     {{0}},
     {{"kernel", 2, {3, 3}}, {"padding", 1, {1}}, {"include_padding", 1, {1}}},
     0},
    {&lip_layer_average_pool, {3, 8}, {{0}}, {{0}}, 0},
    {&lip_layer_average_pool,
     {2, 7, 9},
     {{0}},
     {{"kernel", 2, {2, 3}},
      {"stride", 2, {1, 2}},
      {"padding", 4, {1, 2, 0, 3}},
      {"dilation", 2, {3, 2}}},
     0},
    {&lip_layer_average_pool,
     {2, 9},
     {{0}},
     {{"kernel", 1, {3}},
      {"padding", 1, {2}},
      {"dilation", 1, {2}},
      {"include_padding", 1, {1}}},
     0},
    {&lip_layer_batch_norm, {3, 2, 2}, {{3}, {3}, {3}, {3}}, {{0}}, 0},
    {&lip_layer_batch_norm, {5}, {{0}, {0}, {5}, {5}}, {{0}}, 0.5},
    {&lip_layer_batch_norm, {2, 4}, {{2}, {0}, {2}, {2}}, {{0}}, 0.1},
    {&lip_layer_layer_norm, {3, 4}, {{4}, {4}}, {{0}}, 0},
    {&lip_layer_layer_norm, {2, 3, 4}, {{3, 4}}, {{"axis", 1, {1}}}, 0.25},
    {&lip_layer_layer_norm, {2, 3, 4}, {{0}}, {{"axis", 1, {0}}}, 0},
    {&lip_layer_affine, {3, 2, 2}, {{3}, {1}}, {{0}}, 0},
    {&lip_layer_affine, {3, 2, 2}, {{3, 2, 2}}, {{0}}, 0},
    {&lip_layer_affine, {3, 2, 2}, {{0}, {12}}, {{0}}, 0},
    {&lip_layer_transpose, {2, 3, 4}, {{0}}, {{"axes", 3, {2, 0, 1}}}, 0},
    {&lip_layer_slice,
     {4, 7},
     {{0}},
     {{"start", 2, {1, 0}}, {"stop", 2, {3, 6}}, {"step", 2, {1, 2}}},
     0},
    {&lip_layer_pad,
     {2, 3, 4},
     {{0}},
     {{"before", 3, {1, 0, 2}}, {"after", 3, {0, 3, 1}}},
     -1.5},
    {&lip_layer_upsample, {2, 3, 4}, {{0}}, {{"factor", 2, {3, 2}}}, 0},
    {&lip_layer_upsample, {2, 5}, {{0}}, {{"factor", 1, {2}}}, 0},
    {&lip_layer_softmax, {3, 4}, {{0}}, {{0}}, 0},
    {&lip_layer_spline, {2, 3}, {{6, 5}, {2}}, {{0}}, 0},
    {&lip_layer_householder, {2, 2, 2}, {{4}}, {{0}}, 0},
    {&lip_layer_group_sort, {2, 2, 3}, {{0}}, {{0}}, 0},
};

static struct lip_network *make_case(const struct kind_case *one,
                                     uint64_t *seed)
{
    double value[64];
    struct lip_layer layer = make_kind(one->kind);
    for (int part = 0; part < LIP_PARTS; part++) {
        const size_t *dim = one->tensor[part];
        for (size_t k = 0; k < sizeof value / sizeof *value; k++)
            value[k] = 0.2 + fabs(shaped_uniform(seed));
        for (size_t k = 0; part < LIP_PART_MEAN && k < 64; k += 2)
            value[k] -= 1;
        if (one->kind == &lip_layer_spline && part == LIP_PART_BIAS)
            value[0] = -1.3;
        if (*dim)
            *lip_layer_tensor(&layer, (enum lip_part)part) =
                make_array(dim, value, &ctx);
    }
    for (size_t k = 0; k < 6 && one->setting[k].name; k++)
        set(&layer, one->setting[k].name, one->setting[k].count,
            one->setting[k].value);
    if (one->parameter < 0 || one->parameter > 0)
        layer.parameter[0] = one->parameter;
    return shaped(one->shape, layer);
}

START_TEST(every_kind_of_layer)
{
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int type = 0; type < 4; type++) {
            uint64_t seed = i + 1;
            struct lip_network *network = make_case(&cases[i], &seed);
            store_as(network, (enum lip_dtype)type);
            put_case(network);
        }
    judge_all();
}
END_TEST

static struct lip_layer make_gather(const double *index, size_t count)
{
    struct lip_layer layer = make_kind(&lip_layer_gather);
    layer.weight = make_array((size_t[]){count, 0}, index, &ctx);
    return layer;
}

START_TEST(positions)
{
    static const double zeros[] = {5, -1, 0, 0, 3, -1}, plain[] = {2, 1, 4};
    begin();
    for (int type = 0; type < 4; type++) {
        struct lip_network *network =
            shaped((long[]){2, 3, 0}, make_gather(zeros, 6));
        store_as(network, (enum lip_dtype)type);
        put_case(network);
        put_case(shaped((long[]){6, 0}, make_gather(plain, 3)));
    }
    judge_all();
}
END_TEST

/* Every activation, with the usual parameters and with others. */
START_TEST(activations)
{
    begin();
    for (size_t i = 0; lip_activations[i]; i++)
        for (int round = 0; round < 4; round++) {
            struct lip_layer layer = make_activation(lip_activations[i]->name);
            const struct lip_parameter *p = lip_activations[i]->parameter;
            for (size_t k = 0; p[k].name && round > 1; k++)
                layer.parameter[k] += 0.1;
            struct lip_network *network = shaped((long[]){80, 0}, layer);
            store_as(network, round % 2 ? LIP_F64 : LIP_F32);
            put_case(network);
        }
    judge_all();
}
END_TEST

/* The trained networks that ship, and those beside the checkout. */
START_TEST(trained_networks)
{
    static const char *const pattern[] = {"tests/models/*.safetensors",
                                          "../shared/models/*.onnx"};
    begin();
    for (size_t k = 0; k < 2; k++) {
        glob_t found;
        if (glob(pattern[k], 0, NULL, &found) != 0)
            continue;
        for (size_t i = 0; i < found.gl_pathc; i++) {
            struct bytes bytes = {0};
            struct lip_network *network;
            ck_assert(bytes_load(&bytes, found.gl_pathv[i]));
            ck_assert_msg(read_bytes(&network, &bytes, NULL, &ctx) == LIP_OK,
                          "%s: %s", found.gl_pathv[i], ctx.error.detail);
            put_case(network);
            bytes_clear(&bytes);
        }
        globfree(&found);
    }
    judge_all();
}
END_TEST

/* A program that loads and saves a file changes the order of its fields, not
 * its nodes: the layers are still ours. */
START_TEST(saved_by_another_program)
{
    enum { FILES = 20 };
    char id[FILES][LIP_DIGEST_TEXT], name[100];
    begin();
    for (size_t i = 0; i < FILES; i++) {
        uint64_t seed = i + 1;
        struct lip_network *network = random_graph(&seed, &ctx);
        memcpy(id[i], network->id, LIP_DIGEST_TEXT);
        put_case(network);
    }
    judge("resave");
    for (size_t i = 0; i < FILES; i++) {
        struct bytes bytes = {0};
        struct lip_network *network;
        snprintf(name, sizeof name, "%s/%04zu.onnx", folder, i);
        ck_assert(bytes_load(&bytes, name));
        ck_assert_int_eq(read_bytes(&network, &bytes, NULL, &ctx), LIP_OK);
        ck_assert_str_eq(network->id, id[i]);
        lip_network_free(network);
        bytes_clear(&bytes);
    }
    folder_remove(folder);
}
END_TEST

/* The kind of a layer that is in no table of ours. */
START_TEST(what_onnx_cannot_say)
{
    struct lip_layer_kind unknown = lip_layer_flatten;
    struct lip_ctx own = {0};
    unsigned char *data;
    size_t size;
    struct lip_network *network = shaped((long[]){2, 9, 0}, make_flatten());
    unknown.name = "twist";
    network->layer[1].kind = &unknown;
    ck_assert_int_eq(lip_writer_onnx.write(&data, &size, network, NULL, &own),
                     LIP_UNSUPPORTED);
    ck_assert_int_eq(own.error.place, LIP_AT_LAYER);
    ck_assert_str_eq(own.error.where, "1");
    ck_assert_ptr_nonnull(strstr(own.error.detail, "twist"));
    ck_assert_ptr_nonnull(strstr(own.error.detail, "safetensors"));
    ck_assert_ptr_null(data);
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats/write_onnx");
    TCase *tc = tcase_create("files");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, chains_of_every_kind);
    tcase_add_test(tc, graphs);
    tcase_add_test(tc, every_kind_of_layer);
    tcase_add_test(tc, positions);
    tcase_add_test(tc, activations);
    tcase_add_test(tc, trained_networks);
    tcase_add_test(tc, saved_by_another_program);
    tcase_add_test(tc, what_onnx_cannot_say);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
