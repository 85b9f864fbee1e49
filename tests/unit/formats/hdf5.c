/* SPDX-License-Identifier: MIT
 *
 * HDF5 by way of a converter: detected where there is one, its failures are
 * the reader's, nothing is left behind. */
#include "formats/hdf5.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <string.h>

static const struct array net = {"w", 2, {1, 2}, (const double[]){1, -2}};
static const char signature[] = "\x89HDF\r\n\x1a\n and more";

static enum lip_status succeed(struct lip_buffer **out,
                               struct lip_buffer *bytes, struct lip_ctx *ctx)
{
    struct bytes file = {0};
    (void)bytes;
    bytes_safetensors(&file, &net, 1, "F64");
    void *block = lip_alloc(ctx, file.size, 1);
    if (block)
        *out = lip_buffer_take(memcpy(block, file.data, file.size), file.size,
                               ctx);
    bytes_clear(&file);
    return *out ? LIP_OK : ctx->error.status;
}

static enum lip_status refuse(struct lip_buffer **out, struct lip_buffer *bytes,
                              struct lip_ctx *ctx)
{
    (void)out;
    (void)bytes;
    return lip_fail(ctx, LIP_INVALID, "Not like this.");
}

START_TEST(without_a_converter)
{
    static const struct refusal refusal = {LIP_UNSUPPORTED, LIP_NOWHERE, "",
                                           "lipschitz-h5"};
    struct bytes bytes = {0};
    bytes_put(&bytes, signature, sizeof signature);
    lip_hdf5_set_converter(NULL);
    must_refuse(&bytes, &refusal, NULL);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(with_one)
{
    static const struct refusal refusal = {LIP_INVALID, LIP_NOWHERE, "",
                                           "Not like this."};
    char id[LIP_DIGEST_TEXT], wanted[LIP_DIGEST_TEXT];
    struct bytes bytes = {0}, same = {0};
    bytes_put(&bytes, signature, sizeof signature);
    bytes_safetensors(&same, &net, 1, "F64");
    lip_hdf5_set_converter(succeed);
    model_id(id, &bytes, NULL);
    model_id(wanted, &same, NULL);
    ck_assert_str_eq(id, wanted);
    must_survive_lack_of_memory(&bytes);
    lip_hdf5_set_converter(refuse);
    must_refuse(&bytes, &refusal, NULL);
    bytes_clear(&bytes);
    bytes_clear(&same);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hdf5");
    TCase *tests = tcase_create("hdf5");
    tcase_add_test(tests, without_a_converter);
    tcase_add_test(tests, with_one);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
