/* SPDX-License-Identifier: MIT
 *
 * Small steps that several methods take. */
#include "bounds/support.h"

#include <stdio.h>

bool lip_applies_l2(const struct lip_chain *chain,
                    const struct lip_bound_options *options, char *reason,
                    size_t reason_size)
{
    (void)chain;
    if (options->norm.input == LIP_NORM_2 && options->norm.output == LIP_NORM_2)
        return true;
    snprintf(reason, reason_size,
             "This method bounds the constant from the 2-norm to the 2-norm "
             "only; for other norms ask for naive, midpoint or absolute.");
    return false;
}

bool lip_applies_any(const struct lip_chain *chain,
                     const struct lip_bound_options *options, char *reason,
                     size_t reason_size)
{
    (void)chain;
    (void)options;
    (void)reason;
    (void)reason_size;
    return true;
}

void lip_bound_set(struct lip_bound *bound, struct lip_big value)
{
    bound->upper_bound = lip_big_double(value);
    if (isfinite(bound->upper_bound))
        return;
    bound->skipped = true;
    snprintf(bound->reason, sizeof bound->reason,
             "The bound is larger than the largest double, 1.8e308.");
}

enum lip_status lip_product_evidence(struct lip_bound *bound,
                                     const struct lip_chain *chain,
                                     struct lip_norm_pair pair,
                                     struct lip_ctx *ctx)
{
    enum lip_status status = lip_evidence_new(
        &bound->evidence, &lip_theorem_product, 1, chain->count + 1, ctx);
    if (status != LIP_OK)
        return status;
    for (size_t i = 0; i < chain->count; i++)
        bound->evidence->norm[i] = pair.input;
    bound->evidence->norm[chain->count] = pair.output;
    return lip_evidence_row_new(bound->evidence, 0, chain->count, ctx);
}

void lip_bound_add_detail(struct lip_bound *bound, const char *rule,
                          double parameter, struct lip_big value)
{
    double upper = lip_big_double(value);
    if (bound->detail_count == LIP_MAX_DETAILS || !isfinite(upper))
        return;
    struct lip_bound_detail *d = &bound->detail[bound->detail_count++];
    snprintf(d->rule, sizeof d->rule, "%s", rule);
    d->parameter = parameter;
    d->upper_bound = upper;
}

double lip_sum_links(const struct lip_chain *chain,
                     double (*f)(double inputs, double outputs))
{
    double sum = 0;
    for (size_t i = 0; i < chain->count; i++)
        sum += f((double)lip_chain_width(chain, i),
                 (double)lip_chain_width(chain, i + 1));
    return sum;
}

double lip_spectral_flops(double m, double n)
{
    double small = fmin(m, n), large = fmax(m, n);
    return small * small * large + small * small * small / 3 +
           60 * small * small;
}

double lip_norm_bytes(const struct lip_chain *chain)
{
    double most = 0;
    for (size_t i = 0; i < chain->count; i++) {
        double m = (double)lip_chain_width(chain, i);
        double n = (double)lip_chain_width(chain, i + 1);
        double small = fmin(m, n);
        most = fmax(most, 8 * (2 * small * small + 200 * small + m + n));
    }
    return most;
}
