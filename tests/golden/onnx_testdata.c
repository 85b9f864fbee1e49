/* SPDX-License-Identifier: MIT
 *
 * The models of Debian's libonnx-testdata, one an operator and more: each is
 * read or refused with a sentence, nothing of it is left behind, and what is
 * read computes what ONNX says that it must. */
#include "formats/onnx.h"
#include "formats/onnx/constant.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA "/usr/share/libonnx-testdata/data/"

static glob_t found;
static size_t as_it_is, completed, compared, wrong;

/* A field of wire type 2. */
static void put_field(struct bytes *bytes, unsigned number, const void *data,
                      size_t size)
{
    unsigned char tag = (unsigned char)(number << 3 | 2);
    bytes_put(bytes, &tag, 1);
    size_t left = size;
    do {
        unsigned char byte =
            (unsigned char)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
        bytes_put(bytes, &byte, 1);
        left >>= 7;
    } while (left);
    bytes_put(bytes, data, size);
}

static bool load_part(struct bytes *bytes, const char *model, const char *kind,
                      size_t k)
{
    char path[500];
    snprintf(path, sizeof path, "%.*s/test_data_set_0/%s_%zu.pb",
             (int)(strrchr(model, '/') - model), model, kind, k);
    return bytes_load(bytes, path);
}

/* Messages that follow each other are one: inputs but the first become
 * initializers, and what is older is called opset 7. */
static void complete(struct bytes *model, const char *path)
{
    static const unsigned char opset[] = {0x10, 7};
    struct bytes part = {0};
    for (size_t k = 1; load_part(&part, path, "input", k); k++) {
        struct bytes graph = {0};
        put_field(&graph, 5, part.data, part.size);
        put_field(model, 7, graph.data, graph.size);
        bytes_clear(&graph);
        bytes_clear(&part);
    }
    if (strstr(path, "/pytorch-"))
        put_field(model, 8, opset, sizeof opset);
}

/* Reads the model; failures have a sentence and nothing is left behind. */
static struct lip_network *read_model(const struct bytes *bytes,
                                      struct lip_ctx *ctx, const char *path)
{
    struct lip_network *network = NULL;
    enum lip_status status = read_bytes(&network, bytes, NULL, ctx);
    ck_assert_msg((status == LIP_OK) == (network != NULL), "%s", path);
    ck_assert_msg(status == LIP_OK || (ctx->error.status == status &&
                                       strlen(ctx->error.detail) > 20),
                  "%s: %s", path, ctx->error.detail);
    if (status != LIP_OK && getenv("ONNX_SAY"))
        printf("%s: %s\n", path + strlen(DATA), ctx->error.detail);
    return network;
}

static bool load_numbers(struct lip_onnx_constant *out, const char *path,
                         const char *kind)
{
    struct bytes part = {0};
    struct lip_ctx ctx = {0};
    if (!load_part(&part, path, kind, 0))
        return false;
    void *copy = lip_alloc(&ctx, part.size, 1);
    memcpy(copy, part.data, part.size);
    struct lip_buffer *buffer = lip_buffer_take(copy, part.size, &ctx);
    struct lip_span span = {lip_buffer_bytes(buffer), part.size};
    struct lip_onnx_model model = {.file = span.data, .ctx = &ctx};
    bool good =
        lip_onnx_constant_read(out, span, kind, buffer, &model) == LIP_OK;
    lip_buffer_put(buffer);
    bytes_clear(&part);
    return good;
}

/* The samples of the batch, one after another. */
static void compare(const struct lip_network *network, const char *path)
{
    struct lip_onnx_constant x, y;
    struct lip_ctx ctx = {0};
    if (strstr(path, "FLOAT16/") || strstr(path, "FLOAT16_expanded/") ||
        !load_numbers(&x, path, "input"))
        return; /* casts to 16 bits, whose rounding is left out, or no data */
    if (x.whole) { /* bfloat16 as 16-bit numbers: not what the model takes */
        lip_onnx_constant_clear(&x);
        return;
    }
    if (!load_numbers(&y, path, "output")) {
        printf("%s: output\n", path);
        wrong++;
        lip_onnx_constant_clear(&x);
        return;
    }
    size_t samples = x.count / network->inputs;
    bool good = samples * network->inputs == x.count &&
                samples * network->outputs == y.count;
    if (!good)
        printf("%s: %zu inputs and %zu outputs for %zu and %zu numbers\n", path,
               network->inputs, network->outputs, x.count, y.count);
    double *in = calloc(x.count, sizeof *in);
    double *out = calloc(y.count, sizeof *out);
    for (size_t k = 0; k < x.count; k++)
        in[k] = lip_onnx_constant_at(&x, k);
    for (size_t s = 0; good && s < samples; s++)
        ck_assert(lip_network_eval(out + s * network->outputs, network,
                                   in + s * network->inputs, &ctx) == LIP_OK);
    for (size_t k = 0; good && k < y.count; k++) {
        double want = lip_onnx_constant_at(&y, k);
        good = fabs(out[k] - want) <= 2e-5 * (1 + fabs(want));
        if (!good)
            printf("%s: number %zu is %.9g, not %.9g\n", path, k, out[k], want);
    }
    free(in);
    free(out);
    lip_onnx_constant_clear(&x);
    lip_onnx_constant_clear(&y);
    compared += good;
    wrong += !good;
}

static void check(const char *path)
{
    struct lip_budget budget;
    struct lip_ctx first = {.budget = &budget}, second = {.budget = &budget};
    struct bytes bytes = {0};
    lip_budget_init(&budget, (size_t)1 << 30);
    ck_assert_msg(bytes_load(&bytes, path), "%s", path);
    struct lip_network *network = read_model(&bytes, &first, path);
    as_it_is += network != NULL;
    if (!network) {
        complete(&bytes, path);
        network = read_model(&bytes, &second, path);
        completed += network != NULL;
    }
    if (network)
        compare(network, path);
    lip_network_free(network);
    bytes_clear(&bytes);
    ck_assert_msg(atomic_load(&budget.used) == 0, "%s leaves %zu bytes", path,
                  (size_t)atomic_load(&budget.used));
}

START_TEST(every_model_is_read_or_refused)
{
    if (glob(DATA "*/*/model.onnx", 0, NULL, &found) != 0) {
        printf("SKIP: libonnx-testdata is not installed\n");
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        check(found.gl_pathv[i]);
    printf("%zu models: %zu read as they are, %zu more with their other inputs "
           "as constants; %zu compute what they must\n",
           found.gl_pathc, as_it_is, completed, compared);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_ge(found.gl_pathc, 1000);
    ck_assert_uint_ge(compared, 200);
    globfree(&found);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden/onnx_testdata");
    TCase *tests = tcase_create("models");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, every_model_is_read_or_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
