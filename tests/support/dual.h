/* SPDX-License-Identifier: MIT
 *
 * Dual points of LipSDP-Neuron in ball arithmetic. */
#ifndef LIP_TESTS_SUPPORT_DUAL_H
#define LIP_TESTS_SUPPORT_DUAL_H

#include "bounds/ascent.h"
#include "tests/support/exact.h"

/* Walks the vectors that lip_ascent_prove left, with the exact weights of a
 * chain whose links have no radius. Every stored z_k has
 * (z_k - a y_k) . (z_k - b y_k) <= 0, or is the centre of its ball but for
 * rounding and then replaced by it; the test fails otherwise. `value` becomes
 * |Z_m W_l^T|_F / |Z_0|_F, which weak duality puts below the optimum. Returns
 * how many vectors were replaced. */
size_t exact_dual(arb_t value, const struct lip_ascent *ascent);

#endif
