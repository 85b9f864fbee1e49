/* SPDX-License-Identifier: MIT
 *
 * Vectors propagated through the network, their directions improved by
 * alternating maximisation: a sweep moves the state by step (image - state);
 * step 1 is plain, up to 2 over-relaxed. */
#include "bounds/ascent.h"
#include "bounds/ascent_sweep.h"

#include "linalg/random.h"

#include <stdbool.h>
#include <string.h>

/* The matrices of a layer; s is a view into the state. */
static enum lip_status new_layer(struct lip_ascent *a, size_t i, size_t offset)
{
    size_t n = lip_chain_width(a->chain, i);
    enum lip_status status = lip_matrix_new(&a->z[i], a->rank, n, a->ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&a->y[i], a->rank, n, a->ctx);
    if (i < a->chain->count)
        a->s[i] = (struct lip_matrix){a->rank, n, a->state + offset};
    return status;
}

static enum lip_status new_state(struct lip_ascent *a)
{
    size_t l = a->chain->count;
    for (size_t i = 0; i < l; i++)
        a->size += a->rank * lip_chain_width(a->chain, i);
    a->state = lip_alloc(a->ctx, 4 * a->size, sizeof *a->state);
    a->z = lip_calloc(a->ctx, 3 * (l + 1), sizeof *a->z);
    a->norm = lip_alloc(a->ctx, 3 * a->chain->widest, sizeof *a->norm);
    a->power = lip_calloc(a->ctx, l + 1, sizeof *a->power);
    if (!a->state || !a->z || !a->norm || !a->power)
        return LIP_NO_MEMORY;
    a->image = a->state + a->size;
    a->next = a->image + a->size;
    a->best = a->next + a->size;
    a->s = a->z + l + 1;
    a->y = a->s + l + 1;
    a->error = a->norm + a->chain->widest;
    a->off = a->error + a->chain->widest;
    return LIP_OK;
}

enum lip_status lip_ascent_new(struct lip_ascent *out,
                               const struct lip_chain *chain, size_t rank,
                               struct lip_ctx *ctx)
{
    *out = (struct lip_ascent){
        .chain = chain, .ctx = ctx, .rank = rank, .random = 5};
    enum lip_status status = new_state(out);
    size_t offset = 0;
    for (size_t i = 0; status == LIP_OK && i <= chain->count; i++) {
        status = new_layer(out, i, offset);
        offset += rank * lip_chain_width(chain, i);
    }
    if (status == LIP_OK)
        status = lip_matrix_new(&out->q, rank, chain->widest, ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&out->t[0], rank, chain->widest, ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&out->t[1], rank, chain->widest, ctx);
    if (status == LIP_OK)
        status = lip_anderson_new(&out->anderson, out->size, 1, ctx);
    if (status != LIP_OK) {
        lip_ascent_clear(out);
        return ctx && ctx->error.status ? ctx->error.status : status;
    }
    size_t inputs = rank * chain->inputs;
    memset(out->state, 0, out->size * sizeof *out->state);
    lip_random_fill(out->state, inputs, 11);
    return LIP_OK;
}

void lip_ascent_clear(struct lip_ascent *a)
{
    for (size_t i = 0; a->y && i <= a->chain->count; i++) {
        lip_matrix_clear(&a->z[i]);
        lip_matrix_clear(&a->y[i]);
    }
    lip_free(a->z);
    lip_free(a->state);
    lip_matrix_clear(&a->q);
    lip_matrix_clear(&a->t[0]);
    lip_matrix_clear(&a->t[1]);
    lip_anderson_clear(&a->anderson);
    lip_free(a->norm);
    lip_free(a->power);
    *a = (struct lip_ascent){0};
}

/* An accelerated step, or a relaxed one where it would lower the value. */
static struct lip_big accelerate(struct lip_ascent *a)
{
    struct lip_big before = a->value;
    memcpy(a->best, a->state, a->size * sizeof *a->state);
    for (size_t i = 0; i < a->size; i++)
        a->image[i] -= a->state[i];
    lip_anderson_propose(a->next, &a->anderson, a->state, a->image, a->crew);
    memcpy(a->state, a->next, a->size * sizeof *a->state);
    lip_ascent_forward(a, 0);
    if (isfinite(a->value.m) && !lip_big_less(a->value, before))
        return a->value;
    lip_anderson_forget(&a->anderson);
    memcpy(a->state, a->best, a->size * sizeof *a->state);
    for (size_t i = 0; i < a->size; i++)
        a->image[i] += a->best[i];
    return lip_ascent_forward(a, 1.8);
}

struct lip_big lip_ascent_run(struct lip_ascent *a, int sweeps, bool fast)
{
    if (!a->current)
        lip_ascent_forward(a, 0);
    for (int k = 0; k < sweeps; k++) {
        /* Directions that no gradient has set yet are not mixed. */
        bool fresh =
            a->chain->count > 1 &&
            lip_ascent_length(a->s[a->chain->count - 1].data, a->rank) < 0.5;
        lip_ascent_backward(a, NULL);
        if (fresh)
            lip_ascent_forward(a, 1);
        else if (fast)
            accelerate(a);
        else
            lip_ascent_forward(a, 1.9);
    }
    return a->value;
}

void lip_ascent_perturb(struct lip_ascent *a, double size)
{
    lip_random_fill(a->next, a->size, lip_random_next(&a->random));
    size_t inputs = a->rank * a->chain->inputs;
    double scale = size / sqrt((double)inputs);
    for (size_t i = 0; i < a->size; i++)
        a->state[i] += (i < inputs ? scale : size) * a->next[i];
    lip_anderson_forget(&a->anderson);
    lip_ascent_forward(a, 0);
}

void lip_ascent_multipliers(struct lip_multipliers *out, struct lip_ascent *a)
{
    if (!a->current)
        lip_ascent_forward(a, 0);
    lip_ascent_backward(a, out);
}
