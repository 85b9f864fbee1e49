/* SPDX-License-Identifier: MIT
 *
 * What a network ends with that has no form as matrices and slopes: a softmax,
 * a layer normalisation, what follows them one by one. Such layers have a
 * constant c_p from l_p to l_p, so that
 *
 *     f = closing o body,   L_{p->q}(f) <= c_q L_{p->q}(body),
 *
 * and the body can be bounded by any method. */
#ifndef LIP_NETWORK_CLOSING_H
#define LIP_NETWORK_CLOSING_H

#include "network/network.h"

struct lip_closing {
    size_t first; /* the layer it begins with; at least 1 */
    /* Upper bounds; infinite where there is none in this norm. */
    double constant[LIP_NORM_COUNT];
};

/* The longest such end: it begins with a joint layer that is not made of pairs,
 * each of its layers takes the numbers of the one before alone, and none is
 * linear. False where there is none, or nothing before it. O(count of layers,
 * and their neurons). */
bool lip_closing_find(struct lip_closing *out,
                      const struct lip_network *network);

/* The layers before it as a network that shares the layers of this one: not to
 * be freed, and of no use once that is gone. It has no id. */
struct lip_network lip_closing_body(const struct lip_closing *closing,
                                    const struct lip_network *network);

#endif
