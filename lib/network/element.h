/* SPDX-License-Identifier: MIT
 *
 * The element types of tensors: how stored little-endian bytes, aligned or
 * not, become doubles, and doubles bytes. Each type is one descriptor. */
#ifndef LIP_NETWORK_ELEMENT_H
#define LIP_NETWORK_ELEMENT_H

#include <stddef.h>

struct lip_element {
    const char *name;
    size_t size; /* bytes */
    /* out[count], widened exactly. NaN stays NaN, infinity infinity. */
    void (*widen)(double *out, const unsigned char *bytes, size_t count);
    /* The nearest elements, ties to even, infinite beyond the range. */
    void (*narrow)(unsigned char *bytes, const double *value, size_t count);
    /* Number of the first element that is NaN or infinite; count where there
     * is none. Runs at the speed of memory. */
    size_t (*find_special)(const unsigned char *bytes, size_t count);
};

extern const struct lip_element lip_element_f64, lip_element_f32,
    lip_element_f16, lip_element_bf16;

#endif
