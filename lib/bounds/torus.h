/* SPDX-License-Identifier: MIT
 *
 * LipSDP for chains of convolutions of any image size, one frequency at a time.
 *
 * 1. A convolution with zeros around its image is P C E: E puts the image into
 * a torus of N0 x N1 positions, zeros elsewhere, C is the convolution around
 *    that torus, and P cuts the output's window out, where the torus is so
 * large that nothing that goes around it meets the image. So
 *
 *        f = P_l C_l (E phi P) C_{l-1} ... (E phi P) C_1 E_0,
 *
 *    and E phi P works on each number of the torus by itself: phi within the
 *    window, zero (after differences are taken) outside of it. |P|, |E| <= 1.
 *    Whatever bounds the torus network with slopes in [min(a, 0), max(b, 0)]
 *    bounds f.
 * 2. With one multiplier for each channel, the LMI of the torus network
 * commutes with shifts: Fourier's transform makes it one small complex LMI for
 * each of the N0 N1 frequencies w, of the chain of the symbols H_i(w), all with
 * the same real multipliers. In the recursion (recursion.h), S_i and M_i are
 * c_i x c_i matrices that depend on w.
 * 3. A layer with stride s leads from a torus of N to one of N / s positions
 *    along an axis and takes s frequencies to one, w_j = (w + 2 pi j) / s:
 *
 *        S(w) = 1/s sum over j of H(w_j) M(w_j)^-1 H(w_j)^*.
 *
 *    A layer whose output is one position (a dense layer behind a flatten, a
 *    global pool) is a convolution as large as the image on which all
 *    frequencies meet.
 *
 * 4. A layer that takes the largest of each window moves channel c at most
 * kappa times as far as it was moved itself. With a diagonal D >= S(w) for all
 * w, what comes in front of it is known in the norm |D^-1/2 .|, the same at all
 *    positions, and so is what comes out: the recursion goes on from there, on
 *    another torus, with M^-1 = kappa^2 D.
 *
 * Nothing is lost but what 1., 4. and the equal multipliers within a channel
 * give away. f being real, H(-w) = conj(H(w)): half of the frequencies say all.
 */
#ifndef LIP_BOUNDS_TORUS_H
#define LIP_BOUNDS_TORUS_H

#include "bounds/method.h"
#include "linalg/big.h"
#include "network/window.h"

/* What stands behind the linear map of a stage. */
enum lip_torus_gap {
    LIP_TORUS_END,    /* nothing: the last one */
    LIP_TORUS_LINEAR, /* another linear map, on what is zero outside */
    LIP_TORUS_SLOPES, /* neurons, slopes of each channel */
    LIP_TORUS_METRIC  /* whatever moves each channel at most `factor` times as
                         far as it was moved: the largest of windows */
};

struct lip_torus_stage {
    size_t in, out; /* channels */
    size_t tap[2], dilation[2];
    double *number; /* [tap][out][in], 2^exponent times that */
    long exponent;
    double error;  /* of each number, relatively */
    double spread; /* at least | sum over taps of |K_p| |_F */
    enum lip_torus_gap gap;
    struct lip_slopes *slopes; /* [out], containing 0 */
    double *factor;            /* [out] */
    size_t size[2];            /* of the torus that it takes */
    size_t stride[2];          /* that of the next is size / stride */
    /* As window.h has them: sizes of the images on both sides, stride, and what
     * the first tap is before. */
    size_t image[2], window[2], step[2];
    long before[2];
};

struct lip_torus {
    size_t count;
    struct lip_torus_stage *stage;
};

/* Makes the torus network of a chain of layers. LIP_UNPROVEN, with a sentence
 * in reason[240], where it is none that this file knows. LIP_NO_MEMORY,
 * LIP_TOO_LARGE. */
enum lip_status lip_torus_new(struct lip_torus *out,
                              const struct lip_network *network, char *reason,
                              struct lip_ctx *ctx);
void lip_torus_clear(struct lip_torus *torus);

/* Sets size and stride of all stages, the smallest that serve, and puts neurons
 * of slopes [0, 1] between two linear maps where what the first one gives
 * around its window would reach the second. LIP_TOO_LARGE. For lip_torus_new.
 */
enum lip_status lip_torus_sizes(struct lip_torus *torus, struct lip_ctx *ctx);

/* Whether there is one, from the kinds of layers alone, with the reason why
 * not. */
bool lip_torus_applies(const struct lip_network *network, char *reason,
                       size_t reason_size);

/* Operations of one pass. */
double lip_torus_flops(const struct lip_torus *torus);

/* Room for passes. */
struct lip_torus_pass;

enum lip_status lip_torus_pass_new(struct lip_torus_pass **out,
                                   const struct lip_torus *torus,
                                   struct lip_ctx *ctx);
void lip_torus_pass_free(struct lip_torus_pass *pass);

/* The multipliers of layer i, by where they come from: with T_k the mean of
 * S_kk over all frequencies and W'_k the next kernel's column k,
 *
 *     Lambda_k = 2 c E_k / max over w of sigma(E^1/2 S(w) E^1/2),
 *     E_k = (|W'_k|^2 / T_k)^power tilt_k,
 *
 * 1/2 being the balanced rule and 0 the scalar one of rule.h; tilt [hidden
 * neurons of all stages] or NULL: 1. *feasible is false where some M_i was not
 * proven positive definite; then *out is not set. LIP_NO_MEMORY, LIP_CANCELLED,
 * LIP_TIMEOUT. */
struct lip_torus_rule {
    double c, power;
    const double *tilt;
};
enum lip_status lip_torus_pass_run(struct lip_big *out, bool *feasible,
                                   struct lip_torus_pass *pass,
                                   const struct lip_torus_rule *rule);

#endif
