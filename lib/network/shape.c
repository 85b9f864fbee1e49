/* SPDX-License-Identifier: MIT
 *
 * Shapes of numbers between layers. */
#include "network/shape.h"

#include "base/size.h"

#include <stdio.h>
#include <string.h>

struct lip_shape lip_shape_vector(size_t length)
{
    return (struct lip_shape){.rank = 1, .dim = {length}};
}

size_t lip_shape_count(const struct lip_shape *shape)
{
    size_t count = 1;
    for (size_t k = 0; k < shape->rank; k++)
        if (!lip_size_mul(&count, count, shape->dim[k]) ||
            count > LIP_MAX_WIDTH)
            return 0;
    return count;
}

bool lip_shape_equal(const struct lip_shape *a, const struct lip_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (size_t k = 0; k < a->rank; k++)
        if (a->dim[k] != b->dim[k])
            return false;
    return true;
}

const char *lip_shape_text(char *text, size_t size,
                           const struct lip_shape *shape)
{
    size_t used = 0;
    if (size)
        *text = '\0';
    if (shape->rank == 0)
        snprintf(text, size, "1");
    for (size_t k = 0; k < shape->rank && used < size; k++)
        used += (size_t)snprintf(text + used, size - used, "%s%zu",
                                 k ? " x " : "", shape->dim[k]);
    return text;
}
