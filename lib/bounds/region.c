/* SPDX-License-Identifier: MIT
 *
 * Walks over regions of linear layers. They are small: lists do. */
#include "bounds/region.h"

#include <stdlib.h>

bool lip_linear_at(const struct lip_network *network, size_t i)
{
    if (i == LIP_FROM_INPUT)
        return false;
    enum lip_layer_role role = network->layer[i].kind->role;
    return role == LIP_ROLE_LINEAR || role == LIP_ROLE_RESHAPE;
}

static bool contains(const size_t *list, size_t count, size_t x)
{
    for (size_t k = 0; k < count; k++)
        if (list[k] == x)
            return true;
    return false;
}

static int rising(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

bool lip_region_find(struct lip_region *r, const struct lip_network *network,
                     size_t i)
{
    *r = (struct lip_region){.layer = {i}, .layers = 1};
    for (size_t k = 0; k < r->layers; k++) {
        size_t v = r->layer[k];
        for (size_t j = 0; j < lip_network_sources(network, v); j++) {
            size_t s = lip_network_source(network, v, j);
            bool linear = lip_linear_at(network, s);
            size_t *list = linear ? r->layer : r->begin;
            size_t *count = linear ? &r->layers : &r->begins;
            if (contains(list, *count, s))
                continue;
            if (*count == (linear ? (size_t)LIP_MAX_FOLD : LIP_MAX_BEGINS))
                return false;
            list[(*count)++] = s;
        }
    }
    qsort(r->layer, r->layers, sizeof *r->layer, rising);
    return true;
}

unsigned lip_region_paths(size_t *path, size_t *paths,
                          const struct lip_region *r,
                          const struct lip_network *network, size_t from)
{
    unsigned ways[LIP_MAX_FOLD] = {0};
    *paths = 0;
    for (size_t k = 0; k < r->layers; k++) {
        size_t v = r->layer[k];
        for (size_t j = 0; j < lip_network_sources(network, v); j++) {
            size_t s = lip_network_source(network, v, j);
            unsigned more = s == from;
            for (size_t m = 0; !more && m < k; m++)
                more = r->layer[m] == s ? ways[m] : 0;
            ways[k] = ways[k] + more > 2 ? 2 : ways[k] + more;
        }
        if (ways[k])
            path[(*paths)++] = v;
    }
    return ways[r->layers - 1];
}
