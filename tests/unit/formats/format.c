/* SPDX-License-Identifier: MIT
 *
 * Telling formats by their bytes: each file goes to its reader, what is no
 * model gets a sentence that says what it is, and the same model has the same
 * id in every format. */
#include "formats/format.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>
#include <zip.h>

static const char *format_of(const void *bytes, size_t size,
                             struct lip_ctx *ctx)
{
    *ctx = (struct lip_ctx){.deadline = 0};
    const struct lip_format *format = lip_format_detect(bytes, size, ctx);
    return format ? format->name : NULL;
}

START_TEST(told_by_the_bytes)
{
#define B(text) text, sizeof text - 1
    static const struct {
        const char *bytes;
        size_t size;
        const char *name;
    } cases[] = {
        {B("{"), "json"},
        {B(" \n\t{\"layers\":[]}"), "json"},
        {B("[1]"), "json"},
        {B("\xef\xbb\xbf{}"), "json"},
        {B("\n\n\n\n\n\n\n\n{}"), "json"},
        {B("{\"a\":{}{{"), "json"},
        {B("\2\0\0\0\0\0\0\0{}"), "safetensors"},
        {B("\0\x10\0\0\0\0\0\0{\"a"), "safetensors"},
        {B("PK\3\4"), "npz"},
        {B("PK\5\6"), "npz"},
        {B("\x93NUMPY\1\0"), "npy"},
    };
    struct lip_ctx ctx;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = format_of(cases[i].bytes, cases[i].size, &ctx);
        ck_assert_msg(name && strcmp(name, cases[i].name) == 0, "%zu: %s", i,
                      name ? name : ctx.error.detail);
    }
}
END_TEST

START_TEST(sentences_for_other_bytes)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } cases[] = {
        {B(""), "no bytes"},
        {B("\x1f\x8b\x08"), "gzip"},
        {B("\x28\xb5\x2f\xfd."), "zstd"},
        {B("\xfd"
           "7zXZ\0"),
         "xz"},
        {B("BZh91"), "bzip2"},
        {B("\x89HDF\r\n\x1a\n\0"), "HDF5"},
        {B("MATLAB 5.0 MAT-file"), "MATLAB"},
        {B("GGUF\3\0\0\0"), "GGUF"},
        {B("\x20\0\0\0TFL3"), "TensorFlow Lite"},
        {B("\x89PNG\r\n\x1a\n"), "PNG"},
        {B("\xff\xd8\xff\xe0"), "JPEG"},
        {B("%PDF-1.4"), "PDF"},
        {B("\x7f"
           "ELF"),
         "program"},
        {B("\x80\x02}q\1."), "pickle"},
        {B("\x80\x04\x95"), "pickle"},
        {B("--boundary\r\n"), "multipart"},
        {B("<!doctype html>"), "HTML"},
        {B("\xff\xfe{\0"), "UTF-16"},
        {B("hello"), "no format"},
        {B("   "), "no format"},
        {B("\0"), "no format"},
    };
    struct lip_ctx ctx;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = format_of(cases[i].bytes, cases[i].size, &ctx);
        ck_assert_ptr_null(name);
        ck_assert_int_eq(ctx.error.status, LIP_UNSUPPORTED);
        ck_assert_msg(strstr(ctx.error.detail, cases[i].says), "%zu: %s", i,
                      ctx.error.detail);
        for (size_t k = 0; lip_formats[k]; k++)
            ck_assert_ptr_nonnull(
                strstr(ctx.error.detail, lip_formats[k]->name));
    }
}
END_TEST

/* Every number is a float32, so that no format rounds it. */
static const double w1[] = {1, -2.5, 0.125, 4e-3f, -0.0, -1e30f};
static const double b1[] = {0.5, 0, -1}, w2[] = {1, 2, -1};
static const struct array net[] = {{"fc1.weight", 2, {3, 2}, w1},
                                   {"fc1.bias", 1, {3}, b1},
                                   {"fc2.weight", 2, {1, 3}, w2}};

static void put_json(struct bytes *bytes)
{
    bytes_text(bytes,
               "{\"layers\":[{\"type\":\"dense\",\"weight\":[[%.17g,%.17g],"
               "[%.17g,%.17g],[%.17g,%.17g]],\"bias\":[%.17g,%.17g,%.17g]},"
               "{\"type\":\"relu\"},{\"type\":\"dense\",\"weight\":[[1,2,-1]]}"
               "]}",
               w1[0], w1[1], w1[2], w1[3], w1[4], w1[5], b1[0], b1[1], b1[2]);
}

START_TEST(one_id_in_every_format)
{
    struct bytes bytes[6] = {{0}};
    char first[LIP_DIGEST_TEXT], id[LIP_DIGEST_TEXT];
    put_json(&bytes[0]);
    bytes_safetensors(&bytes[1], net, 3, "F32");
    bytes_safetensors(&bytes[2], net, 3, "F64");
    bytes_npz(&bytes[3], net, 3, "<f4", ZIP_CM_STORE);
    bytes_npz(&bytes[4], net, 3, ">f8", ZIP_CM_DEFLATE);
    bytes_npz(&bytes[5], net, 3, "<f8", ZIP_CM_DEFLATE);
    model_id(first, &bytes[0], NULL);
    for (size_t i = 0; i < 6; i++) {
        model_id(id, &bytes[i], NULL);
        ck_assert_str_eq(id, first);
        bytes_clear(&bytes[i]);
    }
}
END_TEST

/* Zeros in the options and no options at all are the defaults. */
START_TEST(default_options)
{
    struct lip_read_options zero = {.max_layers = 0}, standard;
    struct bytes bytes = {0};
    char id[3][LIP_DIGEST_TEXT];
    lip_read_options_default(&standard);
    ck_assert_uint_eq(standard.max_layers, 4096);
    ck_assert_str_eq(standard.activation->name, "relu");
    bytes_safetensors(&bytes, net, 3, "F32");
    model_id(id[0], &bytes, NULL);
    model_id(id[1], &bytes, &zero);
    model_id(id[2], &bytes, &standard);
    ck_assert_str_eq(id[0], id[1]);
    ck_assert_str_eq(id[0], id[2]);
    bytes_clear(&bytes);
}
END_TEST

/* Trained networks, where this checkout has them: npz and safetensors agree.
 */
START_TEST(trained_networks)
{
    static const char *const names[] = {
        "mnist_mlp_128_64", "mnist_mlp_50x3_tanh", "mnist_mlp_leaky"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bytes npz = {0}, tensors = {0};
        char path[200], id[2][LIP_DIGEST_TEXT];
        snprintf(path, sizeof path, "../shared/models/%s.npz", names[i]);
        bool here = bytes_load(&npz, path);
        snprintf(path, sizeof path, "../shared/models/%s.safetensors",
                 names[i]);
        if (here && bytes_load(&tensors, path)) {
            model_id(id[0], &npz, NULL);
            model_id(id[1], &tensors, NULL);
            ck_assert_str_eq(id[0], id[1]);
        } else {
            printf("SKIP: no %s\n", path);
        }
        bytes_clear(&npz);
        bytes_clear(&tensors);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("format");
    TCase *tests = tcase_create("format");
    tcase_add_test(tests, told_by_the_bytes);
    tcase_add_test(tests, sentences_for_other_bytes);
    tcase_add_test(tests, one_id_in_every_format);
    tcase_add_test(tests, default_options);
    tcase_add_test(tests, trained_networks);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
