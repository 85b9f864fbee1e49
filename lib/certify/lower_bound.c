/* SPDX-License-Identifier: MIT
 *
 * From the point that the search found to a pair, and from pairs to a proof. */
#include "certify/lower_bound.h"

#include "certify/field_lower.h"
#include "certify/fixed.h"
#include "certify/quotient.h"
#include "certify/search.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

/* A quotient proven to this relative accuracy needs no more limbs. */
static const double accurate = 1e-12;

/* The numbers of limbs that are tried. */
static const size_t limbs_tried[] = {1, 2, 4, 8, LIP_FIXED_LIMBS};

enum { MAX_PAIRS = 6 };

struct proof {
    struct lip_lower_bound *out;
    const struct lip_stages *stages;
    struct lip_norm_pair norm;
    struct lip_search search;
    double *x, *y; /* the pair at hand */
    struct lip_ctx *ctx;
};

double lip_lower_effort(const struct lip_network *network)
{
    if (!lip_stages_can(network))
        return lip_field_lower_effort(network);
    return 1e6 + 300 * (double)network->parameters;
}

double lip_lower_bytes(const struct lip_network *network)
{
    if (!lip_stages_can(network))
        return lip_field_lower_bytes(network);
    return lip_stages_bytes(network) + lip_walk_bytes(network) +
           lip_quotient_bytes(network) + lip_cells_bytes() +
           13 * 8 * (double)network->inputs + 4096;
}

/* Proves the pair at hand and keeps it where it is the best. */
static enum lip_status prove(struct proof *p)
{
    size_t n = p->stages->inputs;
    for (size_t i = 0; i < sizeof limbs_tried / sizeof *limbs_tried; i++) {
        double value, slack;
        enum lip_status status =
            lip_quotient(&value, &slack, p->stages, p->x, p->y, p->norm,
                         limbs_tried[i], p->ctx);
        if (status != LIP_OK)
            return status;
        if (value > p->out->value) {
            p->out->value = value;
            memcpy(p->out->x, p->x, n * sizeof *p->x);
            memcpy(p->out->y, p->y, n * sizeof *p->x);
        }
        if (slack < accurate || !p->stages->straight)
            break;
    }
    return LIP_OK;
}

/* The pair x -+ h v. */
static void set_pair(struct proof *p, const double *x, const double *v,
                     double h)
{
    for (size_t k = 0; k < p->stages->inputs; k++) {
        p->x[k] = x[k] - h * v[k];
        p->y[k] = x[k] + h * v[k];
    }
}

/* The largest power of two that is not above x > 0. */
static double power_below(double x)
{
    int e = 0;
    frexp(x, &e);
    return ldexp(1, e - 1);
}

/* Moves x to the middle of its piece along v and returns how far the piece
 * reaches to both sides; `size` where it has no end. */
static double reach(struct lip_search *s, double *x, const double *v,
                    double size)
{
    lip_walk_to(&s->walk, x, 0);
    lip_walk_tangent(&s->walk, v);
    double ahead = lip_walk_free(&s->walk, 1);
    double behind = lip_walk_free(&s->walk, -1);
    if (!isfinite(ahead) || !isfinite(behind))
        return fmin(size, fmin(ahead, behind));
    cblas_daxpy((int)s->walk.stages->inputs, (ahead - behind) / 2, v, 1, x, 1);
    return (ahead + behind) / 2;
}

/* Pairs around the best point. Within a straight piece the widest that fits
 * with room to spare is the best; otherwise the error of the secant falls with
 * h^2 and that of the arithmetic rises with 1 / h: a few are tried. */
static enum lip_status prove_best(struct proof *p)
{
    struct lip_search *s = &p->search;
    struct lip_peak *best = &s->best;
    size_t n = p->stages->inputs;
    double size = fmax(lip_length(best->x, n), s->unit);
    bool straight = p->stages->straight;
    double h =
        straight ? 0.75 * reach(s, best->x, best->v, size) : s->unit * 0x1p-3;
    if (!(h > 0) || !isfinite(h))
        return LIP_OK;
    enum lip_status status = LIP_OK;
    for (int i = 0; status == LIP_OK && i < MAX_PAIRS; i++) {
        double before = p->out->value;
        set_pair(p, best->x, best->v, power_below(h));
        status = prove(p);
        double now = p->out->value;
        if (now >= best->value * (1 - 1e-10) || (i > 1 && now <= before))
            break;
        h *= straight ? 0x1p-2 : 0x1p-3;
    }
    return status;
}

static enum lip_status allocate(struct proof *p)
{
    size_t n = p->stages->inputs;
    p->out->x = lip_alloc(p->ctx, n, 2 * sizeof *p->x);
    p->x = lip_alloc(p->ctx, n, 2 * sizeof *p->x);
    if (!p->out->x || !p->x)
        return p->ctx ? p->ctx->error.status : LIP_NO_MEMORY;
    p->out->y = p->out->x + n;
    p->y = p->x + n;
    return lip_search_new(&p->search, p->stages, p->norm, p->ctx);
}

/* The earlier of two deadlines, 0: none. */
static double earlier(double a, double b)
{
    return a <= 0 ? b : b <= 0 ? a : fmin(a, b);
}

static enum lip_status run(struct proof *p, const struct lip_lower_options *o)
{
    struct lip_search *s = &p->search;
    s->seed = o->seed;
    s->enough = o->enough;
    double now = lip_now(), outer = p->ctx ? p->ctx->deadline : 0;
    s->deadline = o->time_limit > 0 ? now + o->time_limit : 0;
    /* A third of what is left is for the proof. */
    s->deadline =
        earlier(s->deadline, outer > 0 ? outer - (outer - now) / 3 : 0);
    enum lip_status status = lip_search_run(s);
    p->out->cut = s->deadline > 0 && lip_now() > s->deadline;
    if (status == LIP_OK && s->best.value > 0)
        status = prove_best(p);
    p->out->effort = s->walk.spent;
    p->out->restarts = s->restarts;
    return status;
}

/* Without a proof there is nothing wrong, only nothing found. */
static enum lip_status forgive(enum lip_status status, struct lip_ctx *ctx)
{
    if (status != LIP_TIMEOUT && status != LIP_UNPROVEN &&
        status != LIP_UNSUPPORTED)
        return status;
    if (ctx)
        lip_error_clear(ctx);
    return LIP_OK;
}

/* A chain of dense layers, by its stages. */
static enum lip_status chain_lower(struct lip_lower_bound *out,
                                   const struct lip_network *network,
                                   struct lip_norm_pair norm,
                                   const struct lip_lower_options *options,
                                   struct lip_ctx *ctx)
{
    struct proof p = {.out = out, .norm = norm, .ctx = ctx};
    struct lip_stages *stages = NULL;
    enum lip_status status = lip_stages_new(&stages, network, ctx);
    if (status != LIP_OK)
        return status;
    p.stages = stages;
    status = allocate(&p);
    p.search.effort =
        options->effort > 0 ? options->effort : lip_lower_effort(network);
    if (status == LIP_OK)
        status = run(&p, options);
    lip_search_clear(&p.search);
    lip_free(p.x);
    lip_stages_free(stages);
    return status;
}

enum lip_status lip_lower_bound(struct lip_lower_bound *out,
                                const struct lip_network *network,
                                struct lip_norm_pair norm,
                                const struct lip_lower_options *options,
                                struct lip_ctx *ctx)
{
    *out = (struct lip_lower_bound){.method = LIP_LOWER_METHOD,
                                    .inputs = network->inputs};
    enum lip_status status =
        lip_stages_can(network)
            ? chain_lower(out, network, norm, options, ctx)
            : lip_field_lower(out, network, norm, options, ctx);
    out->cut |= status == LIP_TIMEOUT;
    status = forgive(status, ctx);
    if (status != LIP_OK)
        out->value = 0;
    if (out->value == 0)
        lip_lower_bound_clear(out);
    return status;
}

void lip_lower_bound_clear(struct lip_lower_bound *bound)
{
    lip_free(bound->x);
    bound->x = bound->y = NULL;
}
