/* SPDX-License-Identifier: MIT
 *
 * A walk over the layers, as lipschitz-check does it on its own. */
#include "api/certificate_gaps.h"

struct walk {
    void (*begin)(void *arg);
    void (*put)(void *arg, size_t layer);
    void *arg;
    size_t gap, wanted; /* gaps so far; the one that is asked for */
    struct api_gap *found;
    bool any, after; /* a matrix; slopes right before */
};

static void open_matrix(struct walk *w)
{
    if (w->begin)
        w->begin(w->arg);
    w->any = true;
    w->after = false;
}

static void add_gap(struct walk *w, size_t width, size_t neurons)
{
    if (!w->any)
        open_matrix(w);
    if (w->gap == w->wanted)
        *w->found = (struct api_gap){width, neurons};
    w->gap++;
    w->after = true;
}

static void add_layer(struct walk *w, const struct lip_layer *layer, size_t i)
{
    enum lip_layer_role role = layer->kind->role;
    size_t n = layer->outputs;
    if (role == LIP_ROLE_LINEAR) {
        if (!w->any || w->after)
            open_matrix(w);
        if (w->put)
            w->put(w->arg, i);
    } else if (role == LIP_ROLE_ELEMENTWISE) {
        if (!w->after)
            add_gap(w, n, n);
    } else if (role == LIP_ROLE_JOINT) {
        for (size_t s = 0; s < lip_layer_steps(layer); s++) {
            if (w->after)
                open_matrix(w);
            add_gap(w, n, layer->kind->mirrors(layer, s, NULL));
            open_matrix(w);
        }
    }
}

static void go(struct walk *w, const struct lip_network *network)
{
    for (size_t i = 0; i < network->count; i++)
        if (!lip_layer_changes_nothing(&network->layer[i]))
            add_layer(w, &network->layer[i], i);
    if (w->after)
        open_matrix(w);
}

bool api_certificate_gap(struct api_gap *out, const struct lip_network *network,
                         size_t index)
{
    struct walk w = {.wanted = index, .found = out};
    go(&w, network);
    return index < w.gap;
}

void api_certificate_matrices(const struct lip_network *network,
                              void (*begin)(void *arg),
                              void (*put)(void *arg, size_t layer), void *arg)
{
    struct api_gap none;
    struct walk w = {.begin = begin,
                     .put = put,
                     .arg = arg,
                     .wanted = SIZE_MAX,
                     .found = &none};
    go(&w, network);
}
