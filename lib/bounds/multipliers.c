/* SPDX-License-Identifier: MIT
 *
 * Multipliers kept from one pass and used in another. The recursion scales
 * itself as it goes, so that each layer's numbers carry an exponent. */
#include "bounds/multipliers.h"

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

void lip_multipliers_copy(struct lip_multipliers *to,
                          const struct lip_multipliers *from)
{
    for (size_t i = 0; i < from->layers; i++) {
        memcpy(to->lambda[i], from->lambda[i],
               lip_chain_width(from->chain, i + 1) * sizeof **to->lambda);
        to->exponent[i] = from->exponent[i];
    }
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
        if (*feasible)
            status = lip_recursion_step(rec, lambda, feasible);
    }
    lip_free(lambda);
    if (status == LIP_OK && *feasible)
        status = lip_recursion_finish(out, rec);
    return status;
}
