/* SPDX-License-Identifier: MIT
 *
 * groupsort: the numbers of each group in falling order; groups of two are
 * MaxMin (Anil, Lucas, Grosse 2019). Sorting moves no two vectors apart in any
 * p-norm. */
#include "training/kernel.h"
#include "training/layers/list.h"

/* Of an image, channels of one pixel are sorted. */
static size_t group_of(const struct lip_trainable *layer)
{
    size_t most = layer->in.axes ? layer->in.channels : layer->inputs;
    return layer->group ? layer->group : most;
}

static enum lip_status plan(struct lip_trainable *layer, struct lip_ctx *ctx)
{
    size_t group = group_of(layer);
    size_t among = layer->in.axes ? layer->in.channels : layer->inputs;
    if (among % group != 0)
        return lip_fail(ctx, LIP_INVALID,
                        "the layer sorts groups of %zu, but %zu %s come "
                        "in: choose a group that divides them.",
                        group, among, layer->in.axes ? "channels" : "numbers");
    layer->outputs = layer->inputs;
    return LIP_OK;
}

static void sift(float *heap, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && heap[child + 1] < heap[child])
            child++;
        if (!(heap[child] < heap[root]))
            return;
        float held = heap[root];
        heap[root] = heap[child];
        heap[child] = held;
    }
}

/* Heap sort, falling. */
static void sort(float *x, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(x, i, n);
    for (size_t i = n; i-- > 1;) {
        float held = x[0];
        x[0] = x[i];
        x[i] = held;
        sift(x, 0, i);
    }
}

static void forward(const struct lip_trainable *layer, float *y, const float *x,
                    size_t rows)
{
    size_t group = group_of(layer), count = rows * layer->inputs;
    if (group == 2) {
        lip_kernel_max_min(y, x, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        y[i] = x[i];
    for (size_t i = 0; i < count; i += group)
        sort(y + i, group);
}

/* Where x[i] went: the first place in the sorted group that is not above it,
 * and for ties as many further as there are equals before it. */
static size_t place(const float *y, const float *x, size_t i, size_t group)
{
    size_t low = 0, high = group - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (y[middle] > x[i])
            low = middle + 1;
        else
            high = middle;
    }
    bool tied = low + 1 < group && !(y[low + 1] < x[i]);
    for (size_t j = 0; tied && j < i; j++)
        low += low + 1 < group && !(x[j] < x[i]) && !(x[j] > x[i]);
    return low;
}

static void backward(const struct lip_trainable *layer, float *dx,
                     const float *dy, const float *x, const float *y,
                     size_t rows)
{
    size_t group = group_of(layer), count = rows * layer->inputs;
    if (group == 2) {
        lip_kernel_max_min_back(dx, dy, x, count);
        return;
    }
    for (size_t g = 0; g < count; g += group)
        for (size_t i = 0; i < group; i++)
            dx[g + i] = dy[g + place(y + g, x + g, i, group)];
}

static bool contracts(double *slope, const struct lip_trainable *layer,
                      enum lip_norm norm)
{
    (void)layer;
    (void)norm;
    *slope = 1;
    return true;
}

static enum lip_status serve(struct lip_layer *out,
                             const struct lip_trainable *layer,
                             struct lip_ctx *ctx)
{
    (void)ctx;
    out->kind = &lip_layer_group_sort;
    out->group = layer->in.axes ? group_of(layer) : layer->group;
    return LIP_OK;
}

/* Equal numbers stay equal when they are sorted among themselves. */
static enum lip_status serve_beside(struct lip_layer *out,
                                    const struct lip_trainable *layer,
                                    size_t copies, struct lip_ctx *ctx)
{
    (void)ctx;
    (void)copies;
    out->kind = &lip_layer_group_sort;
    out->group = group_of(layer);
    return LIP_OK;
}

const struct lip_trainable_kind lip_trainable_groupsort = {
    .name = "groupsort",
    .title = "Numbers sorted within groups; groups of 2 are MaxMin",
    .grouped = true,
    .plan = plan,
    .forward = forward,
    .backward = backward,
    .contracts = contracts,
    .serve = serve,
    .copies = group_of,
    .serve_beside = serve_beside,
};
