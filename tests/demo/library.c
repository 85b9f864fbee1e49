/* SPDX-License-Identifier: MIT
 *
 * The library without the daemon: every bound of a model file.
 *
 *     library tests/models/mnist_mlp_128_64.safetensors
 */
#include "bounds/method.h"
#include "formats/format.h"

#include <stdio.h>

/* Each method in turn; one that does not apply says why. */
static enum lip_status print_bounds(const struct lip_chain *chain,
                                    struct lip_ctx *ctx)
{
    const struct lip_bound_options options = {.norm = {LIP_NORM_2, LIP_NORM_2}};
    for (size_t i = 0; lip_methods[i]; i++) {
        struct lip_bound bound;
        enum lip_status status =
            lip_method_run(&bound, lip_methods[i], chain, &options, ctx);
        if (status != LIP_OK)
            return status;
        if (bound.skipped)
            printf("%-14s %s\n", bound.method->id, bound.reason);
        else
            printf("%-14s %.17g\n", bound.method->id, bound.upper_bound);
    }
    return LIP_OK;
}

/* The bytes of a file in memory that a lip_buffer can own. */
static struct lip_buffer *read_file(const char *path, struct lip_ctx *ctx)
{
    enum { LIMIT = 64 << 20 };
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = file ? lip_alloc(ctx, LIMIT, 1) : NULL;
    size_t size = bytes ? fread(bytes, 1, LIMIT, file) : 0;
    if (file)
        fclose(file);
    else
        lip_fail(ctx, LIP_INVALID, "%s cannot be opened.", path);
    return bytes ? lip_buffer_take(bytes, size, ctx) : NULL;
}

int main(int argc, char **argv)
{
    struct lip_ctx ctx = {0};
    struct lip_read_options reading; /* relu, where a file does not say */
    struct lip_network *network = NULL;
    struct lip_chain *chain = NULL;
    enum lip_status status = LIP_INVALID;

    lip_read_options_default(&reading);
    struct lip_buffer *model = read_file(argc > 1 ? argv[1] : "", &ctx);
    if (model)
        status = lip_model_read(&network, model, &reading, &ctx);
    if (status == LIP_OK)
        status = lip_chain_new(&chain, network, &ctx);
    if (status == LIP_OK)
        status = print_bounds(chain, &ctx);
    if (status != LIP_OK)
        fprintf(stderr, "%s\n", ctx.error.detail);

    lip_chain_free(chain);
    lip_network_free(network);
    lip_buffer_put(model);
    return status != LIP_OK;
}
