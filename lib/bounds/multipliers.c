/* SPDX-License-Identifier: MIT
 *
 * Multipliers kept from one pass and used in another. The recursion scales
 * itself as it goes, so that each layer's numbers carry an exponent. */
#include "bounds/multipliers.h"

#include <math.h>
#include <string.h>

enum lip_status lip_multipliers_new(struct lip_multipliers *out,
                                    const struct lip_chain *chain,
                                    struct lip_ctx *ctx)
{
    *out = (struct lip_multipliers){.chain = chain};
    out->lambda = lip_calloc(ctx, chain->count, sizeof *out->lambda);
    out->exponent = lip_calloc(ctx, chain->count, sizeof *out->exponent);
    bool ok = out->lambda && out->exponent;
    for (size_t i = 0; ok && i + 1 < chain->count; i++) {
        size_t n = lip_chain_width(chain, i + 1);
        out->lambda[i] = lip_alloc(ctx, n, sizeof **out->lambda);
        ok = out->lambda[i] != NULL;
        out->layers += ok;
        for (size_t k = 0; ok && k < n; k++)
            out->lambda[i][k] = 1;
    }
    if (ok)
        return LIP_OK;
    lip_multipliers_clear(out);
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

void lip_multipliers_clear(struct lip_multipliers *m)
{
    for (size_t i = 0; i < m->layers; i++)
        lip_free(m->lambda[i]);
    lip_free(m->lambda);
    lip_free(m->exponent);
    *m = (struct lip_multipliers){0};
}

void lip_multipliers_keep(struct lip_multipliers *to,
                          const struct lip_recursion *rec, const double *lambda)
{
    memcpy(to->lambda[rec->layer], lambda, rec->s.rows * sizeof *lambda);
    to->exponent[rec->layer] = rec->exponent;
}

void lip_multipliers_keep_scaled(struct lip_multipliers *to,
                                 const struct lip_recursion *rec)
{
    size_t i = rec->layer;
    for (size_t k = 0; k < lip_chain_width(rec->chain, i + 1); k++)
        to->lambda[i][k] = ldexp(rec->scaled[k], 2 * rec->power[k]);
    to->exponent[i] = rec->exponent;
}

void lip_multipliers_copy(struct lip_multipliers *to,
                          const struct lip_multipliers *from)
{
    for (size_t i = 0; i < from->layers; i++) {
        memcpy(to->lambda[i], from->lambda[i],
               lip_chain_width(from->chain, i + 1) * sizeof **to->lambda);
        to->exponent[i] = from->exponent[i];
    }
}

/* Guesses, which are negative (in graphs only), are lowered to half of what is
 * feasible for them alone: with h half the widths of their sectors and r their
 * correlations in S,
 *
 *     h_k^2 lambda_k S_kk < 1 / sum_j |r_kj|. */
static void settle(double *lambda, const struct lip_recursion *rec)
{
    size_t n = rec->s.rows, a = lip_recursion_neurons(rec);
    const struct lip_sector *sector = rec->sector[rec->layer];
    for (size_t k = 0; k < a; k++) {
        if (!(lambda[k] < 0))
            continue;
        double own = rec->s.data[k * (n + 1)], sum = 0;
        for (size_t j = 0; j < a; j++) {
            double x = rec->s.data[j < k ? j + k * n : k + j * n];
            if (signbit(lambda[j]) && x != 0)
                sum += fabs(x) / sqrt(own * rec->s.data[j * (n + 1)]);
        }
        double h = 0.5 * (sector[k].hi - sector[k].lo);
        double most = 0.5 / (h * h * own * fmax(sum, 1));
        lambda[k] = isnormal(most) ? fmax(lambda[k], -most) : lambda[k];
    }
    for (size_t k = 0; k < n; k++)
        lambda[k] = fabs(lambda[k]);
}

enum lip_status lip_multipliers_pass(struct lip_big *out, bool *feasible,
                                     struct lip_recursion *rec,
                                     const struct lip_multipliers *m)
{
    double *lambda = lip_alloc(rec->ctx, rec->widest, sizeof *lambda);
    if (!lambda)
        return rec->ctx ? rec->ctx->error.status : LIP_NO_MEMORY;
    enum lip_status status = LIP_OK;
    *feasible = true;
    if (rec->chain->count > 1)
        lip_recursion_start(rec);
    while (status == LIP_OK && *feasible && rec->layer < m->layers) {
        size_t i = rec->layer;
        status = lip_tick(rec->ctx, "block recursion", (double)i,
                          (double)m->layers, NAN);
        if (status != LIP_OK)
            break;
        long shift = 2 * (rec->exponent - m->exponent[i]);
        if (shift < -900 || shift > 900) {
            *feasible = false;
            break;
        }
        for (size_t k = 0; k < rec->s.rows; k++) {
            lambda[k] = ldexp(m->lambda[i][k], (int)shift);
            if (!isnormal(lambda[k]))
                *feasible = false;
        }
        if (*feasible && !rec->chain->dense)
            settle(lambda, rec);
        if (*feasible)
            status = lip_recursion_step(rec, lambda, feasible);
    }
    lip_free(lambda);
    if (status == LIP_OK && *feasible)
        status = lip_recursion_finish(out, rec);
    return status;
}

enum lip_status lip_keeper_open(struct lip_keeper *out,
                                struct lip_recursion *rec, bool wanted)
{
    *out = (struct lip_keeper){.recursion = rec, .wanted = wanted};
    if (!wanted)
        return LIP_OK;
    enum lip_status status =
        lip_multipliers_new(&out->used, rec->chain, rec->ctx);
    if (status == LIP_OK)
        status = lip_multipliers_new(&out->best, rec->chain, rec->ctx);
    if (status == LIP_OK)
        rec->used = &out->used;
    else
        lip_keeper_close(out);
    return status;
}

void lip_keeper_offer(struct lip_keeper *k, struct lip_big value)
{
    if (!k->wanted || (k->found && !lip_big_less(value, k->value)))
        return;
    lip_multipliers_copy(&k->best, &k->used);
    k->value = value;
    k->found = true;
}

/* The slopes as the recursion takes them: its sectors, turned back. */
static enum lip_status tell_slopes(struct lip_evidence *e,
                                   const struct lip_recursion *rec)
{
    size_t layers = rec->chain->count - 1;
    e->slopes = lip_calloc(rec->ctx, layers, sizeof *e->slopes);
    if (!e->slopes)
        return rec->ctx ? rec->ctx->error.status : LIP_NO_MEMORY;
    for (size_t i = 0; i < layers; i++) {
        size_t n = lip_chain_width(rec->chain, i + 1);
        e->slopes[i] = lip_alloc(rec->ctx, n, sizeof **e->slopes);
        if (!e->slopes[i])
            return rec->ctx ? rec->ctx->error.status : LIP_NO_MEMORY;
        e->layers++;
        for (size_t k = 0; k < n; k++) {
            struct lip_sector s = rec->sector[i][k];
            e->slopes[i][k] = s.turned ? (struct lip_slopes){-s.hi, -s.lo}
                                       : (struct lip_slopes){s.lo, s.hi};
        }
    }
    return LIP_OK;
}

/* True Lambda = lambda 2^(-2 exponent). */
static enum lip_status tell_layer(struct lip_evidence *e, size_t i,
                                  const struct lip_keeper *k)
{
    const struct lip_recursion *rec = k->recursion;
    size_t n = lip_chain_width(rec->chain, i + 1);
    enum lip_status status = lip_evidence_row_new(e, i, n, rec->ctx);
    for (size_t j = 0; status == LIP_OK && j < n; j++)
        e->row[i].value[j] =
            lip_big_make(k->best.lambda[i][j], -2 * k->best.exponent[i]);
    return status;
}

enum lip_status lip_keeper_tell(struct lip_bound *bound,
                                const struct lip_keeper *k)
{
    if (!k->wanted || bound->skipped)
        return LIP_OK;
    struct lip_ctx *ctx = k->recursion->ctx;
    size_t layers = k->recursion->chain->count - 1;
    enum lip_status status = lip_evidence_new(
        &bound->evidence, &lip_theorem_recursion, layers, 0, ctx);
    if (status == LIP_OK)
        status = tell_slopes(bound->evidence, k->recursion);
    for (size_t i = 0; status == LIP_OK && i < layers; i++)
        status = tell_layer(bound->evidence, i, k);
    return status;
}

void lip_keeper_close(struct lip_keeper *k)
{
    if (!k->wanted)
        return;
    lip_multipliers_clear(&k->used);
    lip_multipliers_clear(&k->best);
    k->recursion->used = NULL;
    k->wanted = false;
}
