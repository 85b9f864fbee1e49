/* SPDX-License-Identifier: MIT
 *
 * Multipliers by closed rules, from S at all frequencies. */
#include "bounds/torus_parts.h"

#include "linalg/hermitian.h"
#include "linalg/rounding.h"

#include <math.h>

/* -r S r of a frequency into p->m; r in p->h. */
static void scaled_minus(struct lip_torus_pass *p, size_t n, size_t f)
{
    const double *own = p->s[0] + 2 * n * n * f;
    for (size_t j = 0; j < n; j++) {
        for (size_t k = 0; k < j; k++)
            p->m[2 * (k + j * n)] = p->m[2 * (k + j * n) + 1] = 0;
        for (size_t k = j; k < n; k++) {
            double product = -p->h[j] * p->h[k];
            p->m[2 * (k + j * n)] = product * own[2 * (k + j * n)];
            p->m[2 * (k + j * n) + 1] = product * own[2 * (k + j * n) + 1];
        }
    }
}

/* sigma(r S r) over all frequencies, an estimate; r in p->h. */
static double largest_scaled(struct lip_torus_pass *p, size_t n, size_t kept)
{
    double most = 0;
    for (size_t f = 0; f < kept; f++) {
        scaled_minus(p, n, f);
        most = fmax(most, lip_hermitian_estimate(p->m, n, p->work));
    }
    return most;
}

/* E_k^1/2 into p->h, from S behind stage i - 1. */
static void directions(struct lip_torus_pass *p, size_t i, double power,
                       const double *tilt)
{
    const struct lip_torus_stage *s = &p->torus->stage[i];
    size_t n = s->in, kept = p->half[2 * i - 1].count;
    size_t taps = s->tap[0] * s->tap[1];
    for (size_t k = 0; k < n; k++) {
        double own = 0, next = 0;
        for (size_t f = 0; f < kept; f++)
            own += p->s[0][2 * (n * n * f + k * (n + 1))];
        for (size_t t = 0; t < taps * s->out; t++)
            next += s->number[t * n + k] * s->number[t * n + k];
        double ratio = next * (double)kept / own;
        ratio = ratio > 0x1p-60 && ratio < 0x1p60 ? ratio : 1;
        p->h[k] = sqrt(pow(ratio, power) * (tilt ? tilt[k] : 1));
    }
}

/* Chooses g and h for the neurons in front of stage i. With w = (b - a) / 2,
 * (w / g)^2 = c / 2 E / sigma. */
void lip_torus_choose(struct lip_torus_pass *p, size_t i,
                      struct lip_torus_neurons *neurons,
                      const struct lip_torus_rule *rule, const double *tilt)
{
    size_t n = p->torus->stage[i].in;
    neurons->slopes = p->torus->stage[i - 1].slopes;
    neurons->pole = neurons->most = 0;
    directions(p, i, rule->power, tilt);
    double sigma = largest_scaled(p, n, p->half[2 * i].count);
    double scale = sigma > 0 ? sqrt(0.5 * rule->c / sigma) : 1;
    for (size_t k = 0; k < n; k++) {
        const struct lip_slopes *own = &neurons->slopes[k];
        neurons->pole = fmax(neurons->pole, lip_mul_up(-own->lo, own->hi));
    }
    for (size_t k = 0; k < n; k++) {
        const struct lip_slopes *own = &neurons->slopes[k];
        double half = fmax((own->hi - own->lo) / 2, 0x1p-60);
        p->g[k] = half / (p->h[k] * scale);
        /* Z' has the 1 / g in it already. */
        p->h[k] = (own->lo + own->hi) / 2 / (neurons->pole > 0 ? 1 : p->g[k]);
        neurons->most = fmax(neurons->most, lip_up(fabs(p->h[k])));
    }
}

/* A metric D, the same at all positions, with S_true(w) <= D for all w: g =
 * factor D^1/2. With r = E^1/2 as stored and tau I - r S r proven positive,
 *
 *     r S_true r <= (tau + 4 u |r S r|_F + sigma max r^2) I. */
bool lip_torus_choose_metric(struct lip_torus_pass *p, size_t i,
                             const struct lip_torus_rule *rule)
{
    const struct lip_torus_stage *before = &p->torus->stage[i - 1];
    size_t n = before->out, kept = p->half[2 * i - 1].count;
    directions(p, i, rule->power, NULL);
    double guess = largest_scaled(p, n, kept), tau = guess, off = 0, most = 0;
    bool proven = false;
    for (size_t k = 0; k < n; k++)
        most = fmax(most, p->h[k]);
    for (double over = 1e-11; over < 1; over *= 10) {
        size_t f = 0;
        tau = guess * (1 + over) + LIP_TINY;
        for (; f < kept; f++) {
            scaled_minus(p, n, f);
            off =
                fmax(off, lip_sqrt_up(2 * lip_torus_squares(p->m, 2 * n * n)));
            if (n == 1 ? -p->m[0] > tau : !lip_hermitian_proves(p->m, n, tau))
                break;
        }
        proven = f == kept;
        if (proven)
            break;
    }
    off = lip_mul_up(8 * LIP_UNIT, off);
    tau = lip_add_up(lip_add_up(tau, off),
                     lip_mul_up(p->sigma, lip_mul_up(most, most)));
    for (size_t k = 0; k < n; k++)
        p->g[k] = lip_mul_up(lip_div_up(lip_sqrt_up(tau), p->h[k]),
                             before->factor[k]);
    return proven && tau < INFINITY;
}
