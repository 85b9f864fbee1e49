/* SPDX-License-Identifier: MIT
 *
 * Images moved about a little whenever they are trained on: more examples of
 * the same. */
#ifndef LIP_TRAINING_AUGMENT_H
#define LIP_TRAINING_AUGMENT_H

#include "training/normalise.h"

/* Rows are images, plane after plane of height x width pixels. Each is turned
 * about its middle by up to `turn` degrees and stretched by up to 1 +-
 * `stretch`, each axis by itself (between pixels: bilinear), then moved by up
 * to `shift` whole pixels each way; what comes in from outside repeats the
 * edge. */
struct lip_augment {
    size_t height, width; /* 0: rows are no images, nothing is done */
    size_t shift;
    double turn, stretch;
};

/* LIP_INVALID, in words, where a number is out of its range or rows of
 * `features` are no such images. */
enum lip_status lip_augment_check(const struct lip_augment *augment,
                                  size_t features, struct lip_ctx *ctx);

bool lip_augment_acts(const struct lip_augment *augment);

/* out[features]: x moved as draws 8 row .. 8 row + 7 of the stream say; x has
 * been scaled by `scaling` (NULL: not at all), and so is out. */
void lip_augment_row(float *out, const float *x, size_t features,
                     const struct lip_augment *augment,
                     const struct lip_scaling *scaling, uint64_t seed,
                     uint64_t stream, size_t row);

#endif
