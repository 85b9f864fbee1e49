/* SPDX-License-Identifier: MIT
 *
 * Each part goes to the hash with its length or count before it, so that no two
 * lists of parts are the same bytes. Defaults are put in the place of what was
 * not said where the method does the same. */
#include "api/bound_key.h"

#include "api/bound_write.h"
#include "api/lower.h"

#include <math.h>
#include <string.h>

enum { MODEL_TEXT = 64 << 20 };

static void add_text(struct sha256_ctx *hash, const char *text)
{
    lip_digest_u64(hash, strlen(text));
    sha256_update(hash, strlen(text), (const uint8_t *)text);
}

/* What an answer says of the model: its id is a digest of what it computes,
 * not of the names of its layers. */
static enum lip_status add_model(struct sha256_ctx *hash,
                                 const struct api_bound_request *request,
                                 const char *edition, struct lip_ctx *ctx)
{
    lip_digest_u64(hash, request->network != NULL);
    if (!request->network) {
        add_text(hash, request->model_id);
        add_text(hash, edition);
        return LIP_OK;
    }
    struct api_text text;
    size_t size;
    api_text_init(&text, MODEL_TEXT, ctx);
    api_model_write(&text, NULL, request->network);
    char *said = api_text_take(&text, &size);
    if (!said)
        return ctx->error.status != LIP_OK ? ctx->error.status : LIP_NO_MEMORY;
    add_text(hash, said);
    lip_free(said);
    return LIP_OK;
}

static void add_options(struct sha256_ctx *hash,
                        const struct api_bound_request *request)
{
    const struct lip_bound_options *o = &request->options;
    lip_digest_u64(hash, (uint64_t)o->norm.input);
    lip_digest_u64(hash, (uint64_t)o->norm.output);
    lip_digest_u64(hash, (uint64_t)request->choice);
    lip_digest_u64(hash, request->method_count);
    for (size_t i = 0; i < request->method_count; i++)
        add_text(hash, request->method[i]->id);
    lip_digest_double(hash, o->time_limit);
    lip_digest_double(hash, o->tolerance);
    lip_digest_u64(hash, o->max_iterations);
    lip_digest_u64(hash, o->evidence);
    lip_digest_u64(hash, api_lower_wanted(request));
}

enum lip_status api_bound_key(char out[LIP_DIGEST_TEXT],
                              const struct api_bound_request *request,
                              const char *build, const char *edition,
                              struct lip_ctx *ctx)
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    add_text(&hash, "bound");
    add_text(&hash, build);
    enum lip_status status = add_model(&hash, request, edition, ctx);
    add_options(&hash, request);
    lip_digest_text(out, &hash);
    return status;
}

void api_bound_key_within(char out[LIP_DIGEST_TEXT], const char *key,
                          const struct api_bound_limits *limits,
                          double time_limit)
{
    struct sha256_ctx hash;
    double most = limits->max_seconds;
    double speed = limits->flops_per_second;
    bool own = time_limit > 0 && (most <= 0 || time_limit < most);
    sha256_init(&hash);
    add_text(&hash, "within");
    add_text(&hash, key);
    lip_digest_double(&hash, own ? time_limit : most);
    lip_digest_double(&hash, limits->max_bytes);
    lip_digest_double(&hash, limits->max_flops);
    lip_digest_double(&hash, speed > 0 ? round(log2(speed)) : 0);
    lip_digest_text(out, &hash);
}
