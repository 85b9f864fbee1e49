/* SPDX-License-Identifier: MIT
 *
 * The symbol of a convolution,
 *
 *     H(w) = sum over taps p of K_p e^{-i <p, w>},   w in [0, 2 pi)^2,
 *
 * a complex matrix of channels out x channels in for each frequency, and
 * certified bounds of the largest singular value it has anywhere. That bounds
 * |A|_2 for every image size and every padding with zeros or around the edges:
 * the layer is a compression of the convolution on the infinite plane. On a
 * plane
 *
 *  - with stride s, the inputs of each of the s x s phases are channels of
 *    their own (the polyphase kernel, of ceil(k/s) taps along an axis, where
 *    phases that no tap falls on are left out);
 *  - dilation d changes nothing where it has no factor in common with the
 *    stride: a tap at position q d = s (e + p d) + a', for q = s p + b, has its
 *    phase a' and the whole shift e from b alone, so that the symbol is
 *    H(d w) with columns permuted and turned by phases e^{-i e w}. Of factors
 * in common, outputs see every g-th input only: stride and dilation over g;
 *  - groups are matrices of their own, of which the largest counts;
 *  - an adjoint (a transposed convolution) has the same norm.
 *
 * Proof by a grid. Let V = sup sigma_max(H), attained at w* with singular
 * vectors u, v, and k_i taps along axis i. On a line through w*,
 *
 *     h(t) = Re(c e^{i <(k-1)/2, t z>} u^* H(w* + t z) v),
 *
 * with a c of modulus 1 such that h(0) = V, is a real sum of e^{i m t} with
 * |m| <= B = sum (k_i - 1)/2 |z_i|, bounded by V everywhere. The inequality of
 * Bernstein and Szegoe, h'^2 + B^2 h^2 <= B^2 V^2 (Duffin and Schaeffer, Bull.
 * AMS 44, 1938), says that h = V cos(theta) with |theta'| <= B; hence
 *
 *     sigma_max(H(w* + z)) >= V cos(B)   where B <= pi.
 *
 * So if cells cover all frequencies, each with a centre c and a reach T < pi/2
 * (the largest B between c and a point of the cell), and sigma_max(H(c)) <= L
 * cos(T) for all of them, then V <= L: w* lies in one of the cells. This needs
 * no bound at the centres of cells that are far below L but that they are:
 * cells are large there. Here they are diamonds, the balls of B, each of which
 * splits into four of half the size. */
#ifndef LIP_BOUNDS_NORMS_SYMBOL_H
#define LIP_BOUNDS_NORMS_SYMBOL_H

#include "bounds/norms/filter.h"

/* Tap matrices with rows >= cols: transposed where there are more channels in
 * than out, which changes no norm. */
struct lip_symbol {
    size_t groups, rows, cols, tap[2];
    double *number; /* [group][tap][cols][rows] */
    double *spread; /* [group], at least | sum over taps of |K_p| |_F */
    double error;   /* of entries of H(w), of the same sum */
    long exponent;
};

/* LIP_NO_MEMORY, LIP_TOO_LARGE. O(kernel), and its zeros. */
enum lip_status lip_symbol_new(struct lip_symbol *out,
                               const struct lip_filter *filter,
                               struct lip_ctx *ctx);
void lip_symbol_clear(struct lip_symbol *symbol);

/* Room to look at one frequency at a time. */
struct lip_probe {
    const struct lip_symbol *symbol;
    double *matrix, *gram, *work, *part, *turn;
};

enum lip_status lip_probe_new(struct lip_probe *out,
                              const struct lip_symbol *symbol,
                              struct lip_ctx *ctx);
void lip_probe_clear(struct lip_probe *probe);

/* H of a group at the frequency 2 pi f, f multiples of 2^-26 in [0, 1), into
 * probe->matrix, interleaved. */
void lip_probe_set(struct lip_probe *probe, size_t group, const double f[2]);

/* An estimate of sigma_max(H) there, no bound. */
double lip_probe_estimate(struct lip_probe *probe, size_t group,
                          const double f[2]);

/* Is sigma_max(H) <= limit proven there? */
bool lip_probe_proves(struct lip_probe *probe, size_t group, const double f[2],
                      double limit);

/* Operations of one proof. */
double lip_probe_flops(const struct lip_symbol *symbol);

/* The same before there is a symbol. */
double lip_symbol_flops(const struct lip_window *window);

/* A proven L >= sup sigma_max(H) (times 2^exponent of the symbol), as close as
 * some `flops` operations allow, at least 1e-5 and at most a few per cent
 * above. LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_CANCELLED, LIP_TIMEOUT. */
enum lip_status lip_symbol_bound(double *out, const struct lip_symbol *symbol,
                                 double flops, struct lip_ctx *ctx);

#endif
