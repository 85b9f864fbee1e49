/* SPDX-License-Identifier: MIT
 *
 * Golden networks, found and read. */
#include "tests/support/golden.h"

#include "formats/format.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *golden_folder(void)
{
    const char *folder = getenv("GOLDEN_DIR");
    folder = folder ? folder : "../shared/golden";
    if (access(folder, R_OK) == 0)
        return folder;
    printf("SKIP: there are no golden networks in %s\n", folder);
    return NULL;
}

static void join(char *path, size_t size, const char *folder, const char *name)
{
    ck_assert_int_lt(snprintf(path, size, "%s/%s", folder, name), (int)size);
}

json_t *golden_json(const char *folder, const char *name)
{
    char path[400];
    json_error_t error;
    join(path, sizeof path, folder, name);
    json_t *document = json_load_file(path, 0, &error);
    ck_assert_msg(document != NULL, "%s: %s", path, error.text);
    return document;
}

static struct lip_network *read_npz(const char *path, struct lip_ctx *ctx)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s cannot be opened", path);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    void *block = lip_alloc(ctx, size, 1);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq(fread(block, 1, size, file), size);
    fclose(file);
    struct lip_buffer *buffer = lip_buffer_take(block, size, ctx);
    struct lip_read_options options;
    struct lip_network *network;
    lip_read_options_default(&options);
    enum lip_status status = lip_model_read(&network, buffer, &options, ctx);
    ck_assert_msg(status == LIP_OK, "%s: %s", path, ctx->error.detail);
    lip_buffer_put(buffer);
    return network;
}

struct lip_chain *golden_chain(const char *folder, const char *name)
{
    char path[400];
    struct lip_ctx ctx = {0};
    struct lip_chain *chain;
    join(path, sizeof path, folder, name);
    if (strstr(name, ".mat")) {
        struct plain net;
        matlab_weights(&net, path);
        chain = plain_chain(&net, &ctx);
        plain_clear(&net);
        return chain;
    }
    struct lip_network *network = read_npz(path, &ctx);
    ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
    lip_network_free(network);
    return chain;
}
