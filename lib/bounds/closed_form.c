/* SPDX-License-Identifier: MIT
 *
 * The best of a family of closed forms: every rule of rule.c, with its
 * constant searched, in the scale the network is stored in and after two
 * gauge fixings. All passes are proven; the least value wins. */
#include "bounds/multipliers.h"
#include "bounds/rule.h"
#include "bounds/support.h"

#include <stdio.h>

enum { GAUGES = 3 };

/* A search over the constant of one rule in one gauge. */
struct search {
    struct lip_recursion *rec;
    const struct lip_rule *rule;
    const struct lip_gauge *gauge;
    struct lip_keeper *keeper;
    bool found;
    double c;
    struct lip_big best;
};

static enum lip_status attempt(struct search *s, double c)
{
    struct lip_big value;
    bool feasible;
    enum lip_status status =
        lip_rule_pass(&value, &feasible, s->rec, s->rule, c, s->gauge);
    if (status != LIP_OK || !feasible)
        return status;
    if (!s->found || lip_big_less(value, s->best)) {
        s->best = value;
        s->c = c;
    }
    s->found = true;
    lip_keeper_offer(s->keeper, value);
    return LIP_OK;
}

static enum lip_status search_constant(struct search *s)
{
    enum lip_status status = LIP_OK;
    for (const double *c = s->rule->constant; status == LIP_OK && *c; c++)
        status = attempt(s, *c);
    if (status != LIP_OK || !s->found || s->rule->refine == 0)
        return status;
    double centre = s->c;
    status = attempt(s, centre - s->rule->refine);
    return status == LIP_OK ? attempt(s, centre + s->rule->refine) : status;
}

static const char *const gauge_name[GAUGES] = {"", "perron-2 ", "perron-1 "};
static const int gauge_power[GAUGES] = {0, 2, 1};

/* All rules in one gauge. */
static enum lip_status family(struct lip_bound *bound, struct lip_big *best,
                              bool *found, struct lip_keeper *keeper, int g,
                              struct lip_ctx *ctx)
{
    struct lip_gauge gauge;
    struct lip_recursion *rec = keeper->recursion;
    enum lip_status status = LIP_OK;
    if (g > 0)
        status = lip_gauge_new(&gauge, rec->chain, gauge_power[g], ctx);
    if (status != LIP_OK)
        return status;
    for (int r = 0; status == LIP_OK && lip_rules[r]; r++) {
        struct search s = {.rec = rec,
                           .rule = lip_rules[r],
                           .gauge = g > 0 ? &gauge : NULL,
                           .keeper = keeper};
        status = search_constant(&s);
        if (status != LIP_OK || !s.found)
            continue;
        char name[48];
        snprintf(name, sizeof name, "%s%s", gauge_name[g], s.rule->name);
        lip_bound_add_detail(bound, name, s.c, s.best);
        *best = *found ? lip_big_min(*best, s.best) : s.best;
        *found = true;
        status = lip_tick(ctx, "closed forms", g * 4 + r + 1, 4 * GAUGES,
                          lip_big_double(*best));
    }
    if (g > 0)
        lip_gauge_clear(&gauge);
    return status;
}

static enum lip_status run(struct lip_bound *bound,
                           const struct lip_chain *chain,
                           const struct lip_bound_options *options,
                           struct lip_ctx *ctx)
{
    struct lip_recursion rec;
    struct lip_keeper keeper;
    enum lip_status status = lip_recursion_new(&rec, chain, ctx);
    if (status != LIP_OK)
        return status;
    struct lip_big best = {0, 0};
    bool found = false;
    status = lip_keeper_open(&keeper, &rec, options->evidence);
    for (int g = 0; status == LIP_OK && g < GAUGES; g++)
        status = family(bound, &best, &found, &keeper, g, ctx);
    /* What was proven before the clock struck stays proven. */
    if (status == LIP_TIMEOUT && found) {
        bound->state = LIP_BOUND_TIME_LIMIT;
        lip_error_clear(ctx);
        status = LIP_OK;
    }
    if (status == LIP_OK && found) {
        lip_bound_set(bound, best);
        status = lip_keeper_tell(bound, &keeper);
    } else if (status == LIP_OK) {
        bound->skipped = true;
        snprintf(bound->reason, sizeof bound->reason,
                 "No closed form could be proven in double precision.");
    }
    lip_keeper_close(&keeper);
    lip_recursion_clear(&rec);
    return status;
}

static struct lip_cost cost(const struct lip_chain *chain,
                            const struct lip_bound_options *options)
{
    struct lip_cost one = lip_method_find("eclipse-fast")->cost(chain, options);
    double passes = 0;
    for (int r = 0; lip_rules[r]; r++) {
        for (const double *c = lip_rules[r]->constant; *c; c++)
            passes++;
        passes += lip_rules[r]->refine > 0 ? 2 : 0;
    }
    double n0 = (double)lip_chain_width(chain, 0);
    double n1 = (double)lip_chain_width(chain, 1);
    one.flops = n1 * n1 * n0 + GAUGES * passes * (one.flops - n1 * n1 * n0);
    one.bytes *= 2;
    return one;
}

const struct lip_method lip_method_closed_form = {
    .id = "closed-form",
    .title = "Best of a family of closed-form multipliers",
    .formula = "min over rules, constants c and gauges of the block recursion "
               "of LipSDP; details lists each rule with its best c",
    .norms = "2",
    .supports = "networks that unroll into matrices: dense and convolutional "
                "layers, skip connections, pools, groupsort (groups of at most "
                "32) and householder, any slope-bounded activations",
    .cost_text = "about 66 passes of eclipse-fast",
    .citation = "Syed and Hu, Improved Scalable Lipschitz Bounds for Deep "
                "Neural Networks, arXiv 2503.14297 (scalar, gershgorin, "
                "shift); balanced direction and gauge fixing: derived here",
    .applies = lip_applies_l2,
    .cost = cost,
    .run = run,
};
