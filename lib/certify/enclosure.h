/* SPDX-License-Identifier: MIT
 *
 * f(x) enclosed: what every stage makes of a vector of block fixed-point
 * numbers, errors included. Linear maps and activations of straight pieces
 * are carried out to the last limb; the other activations are evaluated in
 * doubles, which are off by what their descriptor says. Errors pass an
 * activation by its slope bound. */
#ifndef LIP_CERTIFY_ENCLOSURE_H
#define LIP_CERTIFY_ENCLOSURE_H

#include "certify/fixed.h"
#include "certify/stages.h"

/* out = f(x), as narrow as `limbs` limbs make it. x is finite. `out` is made
 * here, and empty on failure. LIP_UNPROVEN: a number too large for an
 * activation; LIP_NO_MEMORY, LIP_TOO_LARGE, LIP_CANCELLED, LIP_TIMEOUT.
 * O(limbs parameters). */
enum lip_status lip_enclose(struct lip_fixed *out,
                            const struct lip_stages *stages, const double *x,
                            size_t limbs, struct lip_ctx *ctx);

/* The memory of one call at most. */
double lip_enclose_bytes(size_t widest);

#endif
