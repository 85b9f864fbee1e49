/* SPDX-License-Identifier: MIT
 *
 * The element types of NumPy arrays that data sets may have. */
#ifndef API_DATASET_ELEMENT_H
#define API_DATASET_ELEMENT_H

#include <stdbool.h>
#include <stddef.h>

enum { API_ELEMENT_MAX = 8 };

struct api_element {
    const char *name; /* without the byte order: "f4" */
    size_t size;
    bool whole; /* integers, truth values */
    /* From little-endian bytes at any address to the nearest doubles. */
    void (*widen)(double *out, const unsigned char *in, size_t count);
};

/* The type of a descr as NumPy writes it ("<f4", "|u1", ">i8"), or NULL. */
const struct api_element *api_element_find(const char *descr);

/* Turns the bytes of each element round. */
void api_element_swap(unsigned char *bytes, size_t count, size_t size);

#endif
