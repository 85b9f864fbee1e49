/* SPDX-License-Identifier: MIT
 *
 * Networks as PyTorch exported them: what they compute on images of digits is
 * what PyTorch computed, to float accuracy, and a model has the same id from
 * every format. */
#include "formats/onnx.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <zlib.h>

enum { IMAGES = 4, PIXELS = 784, CLASSES = 10, HEADER = 16 };

static const char *const shared = "../shared";

/* The first images of the test set, in [0, 1]. */
static bool load_images(double *x)
{
    unsigned char bytes[HEADER + IMAGES * PIXELS];
    gzFile file = gzopen("../shared/data/mnist/t10k-images-idx3-ubyte.gz", "r");
    if (!file)
        return false;
    int got = gzread(file, bytes, sizeof bytes);
    gzclose(file);
    for (size_t k = 0; k < IMAGES * PIXELS; k++)
        x[k] = (float)bytes[HEADER + k] / 255;
    return got == (int)sizeof bytes;
}

static void check(const char *path, const char *name, const double *x,
                  const json_t *models)
{
    struct bytes bytes = {0};
    struct lip_ctx ctx = {0};
    struct lip_network *network;
    const json_t *rows = json_object_get(json_object_get(models, name),
                                         "logits_of_first_4_test_images");
    ck_assert_msg(bytes_load(&bytes, path), "%s", path);
    ck_assert_msg(read_bytes(&network, &bytes, NULL, &ctx) == LIP_OK, "%s: %s",
                  path, ctx.error.detail);
    ck_assert_uint_eq(network->inputs, PIXELS);
    ck_assert_uint_eq(network->outputs, CLASSES);
    ck_assert_uint_eq(json_array_size(rows), IMAGES);
    for (size_t i = 0; i < IMAGES; i++) {
        double y[CLASSES];
        ck_assert(lip_network_eval(y, network, x + i * PIXELS, &ctx) == LIP_OK);
        for (size_t k = 0; k < CLASSES; k++) {
            double want =
                json_real_value(json_array_get(json_array_get(rows, i), k));
            ck_assert_msg(fabs(y[k] - want) < 2e-5,
                          "%s, image %zu, class %zu: %.7g, not %.7g", name, i,
                          k, y[k], want);
        }
    }
    lip_network_free(network);
    bytes_clear(&bytes);
}

START_TEST(logits_are_those_of_the_exporter)
{
    static const char *const names[] = {
        "mnist_mlp_128_64", "mnist_mlp_50x3_tanh", "mnist_mlp_leaky",
        "mnist_cnn",        "mnist_cnn_bn_pool",   "mnist_resmlp"};
    static double x[IMAGES * PIXELS];
    json_t *models = json_load_file("../shared/models/models.json", 0, NULL);
    if (!models || !load_images(x)) {
        printf("SKIP: %s, with images and logits, is not here\n", shared);
        json_decref(models);
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/models/%s.onnx", shared, names[i]);
        check(path, names[i], x, models);
    }
    check("tests/models/mnist_cnn_bn_pool.onnx", "mnist_cnn_bn_pool", x,
          models);
    check("tests/models/mnist_resmlp.onnx", "mnist_resmlp", x, models);
    json_decref(models);
}
END_TEST

START_TEST(a_model_has_one_id_in_every_format)
{
    struct bytes bytes = {0};
    char onnx[LIP_DIGEST_TEXT], safetensors[LIP_DIGEST_TEXT];
    if (!bytes_load(&bytes, "../shared/models/mnist_mlp_128_64.onnx")) {
        printf("SKIP: %s is not here\n", shared);
        return;
    }
    model_id(onnx, &bytes, NULL);
    bytes_clear(&bytes);
    ck_assert(bytes_load(&bytes, "tests/models/mnist_mlp_128_64.safetensors"));
    model_id(safetensors, &bytes, NULL);
    ck_assert_str_eq(onnx, safetensors);
    bytes_clear(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden/onnx");
    TCase *tests = tcase_create("onnx");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, logits_are_those_of_the_exporter);
    tcase_add_test(tests, a_model_has_one_id_in_every_format);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
