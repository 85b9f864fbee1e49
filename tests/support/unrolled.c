/* SPDX-License-Identifier: MIT
 *
 * Networks unrolled into chains. */
#include "tests/support/unrolled.h"

#include "tests/support/shaped.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* y = W x */
static void times(double *y, const struct lip_link *link, const double *x)
{
    const struct lip_matrix *t = &link->transposed;
    for (size_t k = 0; k < t->cols; k++) {
        double sum = 0;
        for (size_t j = 0; j < t->rows; j++)
            sum += t->data[j + k * t->rows] * x[j];
        y[k] = ldexp(sum, (int)link->exponent);
    }
}

/* The value of a chain whose neurons are straight on either side of 0. */
static void value(double *out, const struct lip_chain *chain, const double *x)
{
    double *z = malloc(2 * chain->widest * sizeof *z), *y = z + chain->widest;
    ck_assert_ptr_nonnull(z);
    memcpy(z, x, chain->inputs * sizeof *x);
    for (size_t i = 0; i < chain->count; i++) {
        times(y, &chain->link[i], z);
        for (size_t k = 0; k < lip_chain_width(chain, i + 1); k++) {
            struct lip_slopes s = {1, 1};
            if (i + 1 < chain->count)
                s = chain->slopes[i][k];
            z[k] = y[k] * (y[k] >= 0 ? s.hi : s.lo);
        }
    }
    memcpy(out, z, chain->outputs * sizeof *z);
    free(z);
}

struct lip_chain *unrolled_chain(const struct lip_network *network,
                                 struct lip_ctx *ctx)
{
    struct lip_chain *chain;
    enum lip_status status = lip_chain_new(&chain, network, ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx ? ctx->error.detail : "no chain");
    ck_assert_msg(chain->unrolled, "%s", chain->obstacle);
    return chain;
}

void unrolled_value(const struct lip_network *network,
                    const struct lip_chain *chain, uint64_t *seed, int number)
{
    double x[64], y[8], z[8];
    chain = chain->plain ? chain->plain : chain;
    ck_assert(network->inputs <= 64 && network->outputs <= 8);
    for (int t = 0; t < 5; t++) {
        for (size_t i = 0; i < network->inputs; i++)
            x[i] = shaped_uniform(seed);
        ck_assert_int_eq(lip_network_eval(y, network, x, NULL), LIP_OK);
        value(z, chain, x);
        for (size_t i = 0; i < network->outputs; i++)
            ck_assert_msg(fabs(y[i] - z[i]) <= 1e-12 * (1 + fabs(y[i])),
                          "graph %d: %.17g, as a chain %.17g", number, y[i],
                          z[i]);
    }
}
