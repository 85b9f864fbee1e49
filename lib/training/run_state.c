/* SPDX-License-Identifier: MIT
 *
 * Saving a run and going on from what was saved. The bytes are those of this
 * machine: a mark, the digest of what the run was made from, the counters, the
 * numbers, and a SHA-256 of all that. */
#include "training/run.h"

#include "base/size.h"

#include <string.h>

static const char mark[16] = "lip-train-run-1";

struct head {
    char mark[16];
    char origin[LIP_DIGEST_TEXT];
    struct lip_run_counters at;
};

static void add_text(struct sha256_ctx *hash, const char *text)
{
    sha256_update(hash, strlen(text) + 1, (const uint8_t *)text);
}

static void add_window(struct sha256_ctx *hash,
                       const struct lip_trainable *layer)
{
    const struct lip_window *w = &layer->window;
    for (int axis = 0; layer->kind->windowed && axis < 2; axis++) {
        lip_digest_u64(hash, w->in[axis]);
        lip_digest_u64(hash, w->kernel[axis]);
        lip_digest_u64(hash, w->stride[axis]);
        lip_digest_u64(hash, w->dilation[axis]);
        lip_digest_u64(hash, w->before[axis]);
        lip_digest_u64(hash, w->after[axis]);
    }
}

static void add_model(struct sha256_ctx *hash, const struct lip_model *model)
{
    lip_digest_u64(hash, model->inputs);
    for (size_t i = 0; i < model->count; i++) {
        const struct lip_trainable *layer = &model->layer[i];
        add_text(hash, layer->kind->name);
        lip_digest_u64(hash, layer->outputs);
        lip_digest_u64(hash, layer->group);
        add_window(hash, layer);
        for (size_t k = 0; k < LIP_MAX_PARAMETERS; k++)
            lip_digest_double(hash, layer->parameter[k]);
    }
}

static void add_options(struct sha256_ctx *hash,
                        const struct lip_train_options *o)
{
    const uint64_t count[] = {
        o->every,        o->pair.input,     o->pair.output,   o->epochs,
        o->batch,        o->patience,       o->seed,          o->step.nesterov,
        o->step.amsgrad, o->augment.height, o->augment.width, o->augment.shift};
    const double number[] = {
        o->step.momentum,  o->step.beta2, o->step.eps, o->step.weight_decay,
        o->rate,           o->clip,       o->limit,    o->augment.turn,
        o->augment.stretch};
    add_text(hash, o->loss.loss->name);
    add_text(hash, o->optimiser->name);
    add_text(hash, o->schedule->name);
    add_text(hash, o->constraint->name);
    for (size_t k = 0; k < LIP_MAX_PARAMETERS; k++)
        lip_digest_double(hash, o->loss.parameter[k]);
    for (size_t k = 0; k < sizeof count / sizeof *count; k++)
        lip_digest_u64(hash, count[k]);
    for (size_t k = 0; k < sizeof number / sizeof *number; k++)
        lip_digest_double(hash, number[k]);
    for (size_t k = 0; o->layer_limit && k < o->layer_limits; k++)
        lip_digest_double(hash, o->layer_limit[k]);
    for (size_t k = 0; o->constraint->monotone && k < o->directions; k++)
        lip_digest_u64(hash, (uint64_t)(o->direction[k] + 1));
}

/* Once a run: the data may be large, and nothing of it changes. */
static void find_origin(struct lip_run *run)
{
    struct sha256_ctx hash;
    char data[LIP_DIGEST_TEXT];
    if (run->origin[0])
        return;
    sha256_init(&hash);
    add_options(&hash, &run->options);
    add_model(&hash, run->model);
    lip_data_digest(data, run->training);
    add_text(&hash, data);
    if (run->validation) {
        lip_data_digest(data, run->validation);
        add_text(&hash, data);
    }
    lip_digest_text(run->origin, &hash);
}

/* The arrays that are saved, one after the other. */
struct part {
    float *value;
    size_t count;
};
enum { PARTS = LIP_SLOTS + 4 };

static size_t list_parts(struct part part[PARTS], const struct lip_run *run)
{
    size_t used = 0, count = run->model->parameters;
    part[used++] = (struct part){run->learned, count};
    part[used++] = (struct part){run->good, count};
    if (run->options.patience)
        part[used++] = (struct part){run->best, count};
    part[used++] = (struct part){run->warm, run->warm_count};
    for (size_t k = 0; k < run->slots; k++)
        part[used++] = (struct part){run->slot[k], count};
    return used;
}

static bool measure(size_t *size, const struct part *part, size_t parts)
{
    size_t bytes;
    *size = sizeof(struct head) + SHA256_DIGEST_SIZE;
    for (size_t i = 0; i < parts; i++)
        if (!lip_size_mul(&bytes, part[i].count, sizeof(float)) ||
            !lip_size_add(size, *size, bytes))
            return false;
    return true;
}

static void digest(uint8_t out[SHA256_DIGEST_SIZE], const unsigned char *bytes,
                   size_t size)
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, size, bytes);
    sha256_digest(&hash, SHA256_DIGEST_SIZE, out);
}

enum lip_status lip_run_save(unsigned char **out, size_t *size,
                             struct lip_run *run, struct lip_ctx *ctx)
{
    struct part part[PARTS];
    size_t parts = list_parts(part, run);
    *out = NULL;
    if (!measure(size, part, parts))
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "The state of the run exceeds the address space.");
    unsigned char *bytes = lip_calloc(ctx, *size, 1), *to = bytes;
    if (!bytes)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    struct head head;
    memset(&head, 0, sizeof head);
    memcpy(head.mark, mark, sizeof mark);
    find_origin(run);
    memcpy(head.origin, run->origin, sizeof head.origin);
    head.at = run->at;
    memcpy(to, &head, sizeof head);
    to += sizeof head;
    for (size_t i = 0; i < parts; i++) {
        memcpy(to, part[i].value, part[i].count * sizeof(float));
        to += part[i].count * sizeof(float);
    }
    digest(to, bytes, *size - SHA256_DIGEST_SIZE);
    *out = bytes;
    return LIP_OK;
}

static bool is_intact(const unsigned char *bytes, size_t size, size_t expected)
{
    uint8_t hash[SHA256_DIGEST_SIZE];
    if (size != expected)
        return false;
    digest(hash, bytes, size - sizeof hash);
    return memcmp(hash, bytes + size - sizeof hash, sizeof hash) == 0;
}

static bool is_sane(const struct lip_run_counters *at,
                    const struct lip_run *run)
{
    return at->epoch <= run->options.epochs && at->step <= run->steps &&
           (!at->has_best || run->options.patience > 0);
}

enum lip_status lip_run_restore(struct lip_run *run, const unsigned char *bytes,
                                size_t size, struct lip_ctx *ctx)
{
    struct part part[PARTS];
    struct head head;
    size_t expected, parts = list_parts(part, run);
    if (!measure(&expected, part, parts) || !is_intact(bytes, size, expected))
        return lip_fail(ctx, LIP_MALFORMED,
                        "The saved state of the run is cut or damaged.");
    memcpy(&head, bytes, sizeof head);
    find_origin(run);
    if (memcmp(head.mark, mark, sizeof mark) != 0 ||
        memcmp(head.origin, run->origin, sizeof head.origin) != 0 ||
        !is_sane(&head.at, run))
        return lip_fail(ctx, LIP_MALFORMED,
                        "The saved state is of another run: its options, model "
                        "or data differ.");
    const unsigned char *from = bytes + sizeof head;
    for (size_t i = 0; i < parts; i++) {
        memcpy(part[i].value, from, part[i].count * sizeof(float));
        from += part[i].count * sizeof(float);
    }
    run->at = head.at;
    return LIP_OK;
}
