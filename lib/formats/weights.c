/* SPDX-License-Identifier: MIT
 *
 * The chain rule: from named tensors to layers. */
#include "formats/weights.h"

#include "formats/json_parts.h"
#include "formats/reader.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum role { NO_ROLE, WEIGHT, BIAS };

/* A tensor and the name of the group it belongs to. */
struct member {
    const struct lip_named_tensor *source;
    enum role role;
    char group[LIP_TENSOR_NAME];
};

/* What the members of one group turned out to be. */
struct group {
    const struct member *weight, *bias;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_separator(char c)
{
    return c && strchr("./_:-", c);
}

static enum role role_of(const char *word, size_t size)
{
    static const struct {
        const char *word;
        enum role role;
    } roles[] = {{"weight", WEIGHT},  {"kernel", WEIGHT}, {"bias", BIAS},
                 {"W", WEIGHT},       {"w", WEIGHT},      {"b", BIAS},
                 {"weights", WEIGHT}, {"biases", BIAS},   {"Weights", WEIGHT},
                 {"Bias", BIAS}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strlen(roles[i].word) == size &&
            memcmp(roles[i].word, word, size) == 0)
            return roles[i].role;
    return NO_ROLE;
}

/* The run of letters that tells the role: the last whole word, or else the
 * last single letter ("b1.weight" is the weight of b1). */
static enum role find_role(const char *name, size_t *start, size_t *size)
{
    enum role found = NO_ROLE;
    *start = *size = 0;
    for (size_t i = 0; name[i];) {
        size_t n = 0;
        while (is_letter(name[i + n]))
            n++;
        enum role role = role_of(name + i, n);
        if (role != NO_ROLE && (n > 1 || *size <= 1)) {
            found = role;
            *start = i;
            *size = n;
        }
        i += n ? n : 1;
    }
    return found;
}

/* "fc1.weight" -> "fc1", "W_in" -> "in": the part goes with one separator. */
static void set_group(struct member *member)
{
    const char *name = member->source->name;
    size_t start, size;
    member->role = find_role(name, &start, &size);
    if (member->role != NO_ROLE && start > 0 && is_separator(name[start - 1])) {
        start--;
        size++;
    } else if (member->role != NO_ROLE && is_separator(name[start + size])) {
        size++;
    }
    memcpy(member->group, name, start);
    memcpy(member->group + start, name + start + size,
           strlen(name + start + size) + 1);
}

/* Order of names in which runs of digits count as numbers. */
static int natural_order(const char *a, const char *b)
{
    while (*a && *b) {
        if (!is_digit(*a) || !is_digit(*b)) {
            if (*a != *b)
                return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
            a++;
            b++;
            continue;
        }
        while (*a == '0')
            a++;
        while (*b == '0')
            b++;
        size_t m = 0, n = 0;
        while (is_digit(a[m]))
            m++;
        while (is_digit(b[n]))
            n++;
        int order = m != n ? (m < n ? -1 : 1) : memcmp(a, b, m);
        if (order)
            return order;
        a += m;
        b += n;
    }
    return *a ? 1 : *b ? -1 : 0;
}

static int by_group(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = natural_order(x->group, y->group);
    if (!order)
        order = strcmp(x->group, y->group);
    return order ? order : strcmp(x->source->name, y->source->name);
}

static enum lip_status refuse(const struct member *member,
                              enum lip_status status, struct lip_ctx *ctx,
                              const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static enum lip_status refuse(const struct member *member,
                              enum lip_status status, struct lip_ctx *ctx,
                              const char *format, ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return lip_fail_at(ctx, status, LIP_AT_TENSOR, member->source->name,
                       "Tensor \"%.80s\" %s", member->source->name, text);
}

static enum lip_status check_shape(const struct member *member,
                                   struct lip_ctx *ctx)
{
    const struct lip_tensor *tensor = &member->source->tensor;
    if (tensor->rank > 2)
        return refuse(member, LIP_UNSUPPORTED, ctx,
                      "has %zu dimensions, as kernels of convolutions have, "
                      "but weights alone do not tell strides and padding. Say "
                      "which layers there are in the file's metadata, under "
                      "\"" LIP_LAYERS_KEY "\" (npz: in the array "
                      "\"" LIP_NPZ_DOCUMENT "\"), or send the model as ONNX or "
                      "JSON.",
                      tensor->rank);
    if (tensor->rank == 0)
        return refuse(member, LIP_INVALID, ctx,
                      "is a single number, which is no part of a dense layer. "
                      "Leave it out.");
    if (lip_tensor_count(tensor) == 0)
        return refuse(member, LIP_INVALID, ctx, "is empty.");
    if (member->role == BIAS && tensor->rank != 1)
        return refuse(member, LIP_INVALID, ctx,
                      "is %zu x %zu, but a bias has one dimension.",
                      tensor->dim[0], tensor->dim[1]);
    if (member->role == WEIGHT && tensor->rank != 2)
        return refuse(member, LIP_INVALID, ctx,
                      "has one dimension, but the weight of a dense layer has "
                      "two. Layers of other kinds are not read from a file of "
                      "weights.");
    return lip_tensor_check_finite(tensor, LIP_AT_TENSOR, member->source->name,
                                   ctx);
}

/* Puts one more member into its place in the group. */
static enum lip_status place(struct group *group, const struct member *member,
                             struct lip_ctx *ctx)
{
    const struct member **slot =
        member->source->tensor.rank == 2 ? &group->weight : &group->bias;
    if (*slot)
        return refuse(member, LIP_INVALID, ctx,
                      "and \"%.80s\" would both be the %s of layer \"%.80s\". "
                      "Rename one or leave it out.",
                      (*slot)->source->name,
                      slot == &group->weight ? "weight" : "bias",
                      member->group);
    *slot = member;
    return LIP_OK;
}

static enum lip_status check_group(const struct group *group,
                                   const struct lip_read_options *options,
                                   struct lip_ctx *ctx)
{
    if (!group->weight)
        return refuse(group->bias, LIP_INVALID, ctx,
                      "has no weight to go with: a group \"%.80s\" with a 2-D "
                      "tensor is missing. Leave it out or rename it.",
                      group->bias->group);
    if (!group->bias)
        return LIP_OK;
    const size_t *dim = group->weight->source->tensor.dim;
    size_t size = group->bias->source->tensor.dim[0];
    bool io = options->weight_is_inputs_by_outputs;
    if (size == dim[io])
        return LIP_OK;
    return refuse(group->bias, LIP_INVALID, ctx,
                  "has %zu numbers, but \"%.80s\" is %zu x %zu (%s).%s", size,
                  group->weight->source->name, dim[0], dim[1],
                  io ? "inputs x outputs" : "outputs x inputs",
                  size != dim[!io] ? ""
                  : io             ? " Leave out layout=io."
                                   : " For inputs x outputs say layout=io.");
}

/* The same numbers read as the transpose. */
static void transpose(struct lip_tensor *matrix)
{
    size_t rows = matrix->dim[0];
    matrix->dim[0] = matrix->dim[1];
    matrix->dim[1] = rows;
    matrix->column_major = !matrix->column_major;
}

static struct lip_tensor hold(const struct member *member)
{
    struct lip_tensor tensor = member->source->tensor;
    lip_buffer_hold(tensor.buffer);
    return tensor;
}

static void set_dense(struct lip_layer *layer, const struct group *group,
                      const struct lip_read_options *options)
{
    layer->kind = &lip_layer_dense;
    snprintf(layer->name, sizeof layer->name, "%.*s", LIP_LAYER_NAME - 1,
             group->weight->group);
    layer->weight = hold(group->weight);
    if (options->weight_is_inputs_by_outputs)
        transpose(&layer->weight);
    if (group->bias)
        layer->bias = hold(group->bias);
}

static void set_activation(struct lip_layer *layer,
                           const struct lip_read_options *options)
{
    layer->kind = &lip_layer_activation;
    layer->activation = options->activation;
    memcpy(layer->parameter, options->parameter, sizeof layer->parameter);
}

/* A complaint about a layer becomes one about its weight, and tells the order
 * in which the layers were taken: that is what is wrong most often. */
static void point_at_tensor(struct lip_ctx *ctx, const struct group *group,
                            size_t groups)
{
    if (!ctx || ctx->error.place != LIP_AT_LAYER)
        return;
    struct lip_error *error = &ctx->error;
    size_t index = strtoul(error->where, NULL, 10), used;
    if (index % 2 || index / 2 >= groups)
        return;
    error->place = LIP_AT_TENSOR;
    snprintf(error->where, sizeof error->where, "%.*s",
             (int)sizeof error->where - 1,
             group[index / 2].weight->source->name);
    used = strlen(error->detail);
    if (index)
        snprintf(error->detail + used, sizeof error->detail - used,
                 " Tensors are taken in the natural order of their names: "
                 "\"%.60s\" follows \"%.60s\".",
                 group[index / 2].weight->source->name,
                 group[index / 2 - 1].weight->source->name);
}

static enum lip_status make_network(struct lip_network **out,
                                    const struct group *group, size_t groups,
                                    const struct lip_read_options *options,
                                    struct lip_ctx *ctx)
{
    size_t count = 2 * groups - 1;
    if (count > options->max_layers)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "The model has more than %zu layers.",
                        options->max_layers);
    struct lip_layer *layer = lip_calloc(ctx, count, sizeof *layer);
    if (!layer)
        return lip_memory_status(ctx);
    for (size_t i = 0; i < groups; i++) {
        set_dense(&layer[2 * i], &group[i], options);
        if (i + 1 < groups)
            set_activation(&layer[2 * i + 1], options);
    }
    enum lip_status status = lip_network_new(out, layer, count, ctx);
    if (status != LIP_OK)
        point_at_tensor(ctx, group, groups);
    return status;
}

/* Fills group[] from the sorted members. */
static enum lip_status find_groups(struct group *group, size_t *groups,
                                   const struct member *member, size_t count,
                                   const struct lip_read_options *options,
                                   struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    size_t n = 0;
    for (size_t i = 0; i < count && status == LIP_OK; i++) {
        bool same = i && strcmp(member[i].group, member[i - 1].group) == 0;
        if (i && !same &&
            natural_order(member[i].group, member[i - 1].group) == 0)
            return refuse(&member[i], LIP_INVALID, ctx,
                          "and \"%.80s\" have the same place in the order of "
                          "layers. Rename one.",
                          member[i - 1].source->name);
        if (i && !same)
            status = check_group(&group[n - 1], options, ctx);
        if (status == LIP_OK)
            status = place(&group[same ? n - 1 : n++], &member[i], ctx);
    }
    *groups = n;
    return status == LIP_OK ? check_group(&group[n - 1], options, ctx) : status;
}

/* One row or column as a list. */
static void flatten(struct lip_tensor *matrix)
{
    if (matrix->rank != 2 || (matrix->dim[0] != 1 && matrix->dim[1] != 1))
        return;
    matrix->rank = 1;
    matrix->dim[0] *= matrix->dim[1];
    matrix->column_major = false;
}

static enum lip_status set_members(struct member *member,
                                   const struct lip_tensor_list *list,
                                   struct lip_ctx *ctx)
{
    for (size_t i = 0; i < list->count; i++) {
        member[i].source = &list->item[i];
        set_group(&member[i]);
        if (list->no_lists && member[i].role == BIAS)
            flatten(&list->item[i].tensor);
        enum lip_status status = check_shape(&member[i], ctx);
        if (status != LIP_OK)
            return status;
    }
    qsort(member, list->count, sizeof *member, by_group);
    return LIP_OK;
}

enum lip_status lip_weights_network(struct lip_network **out,
                                    struct lip_tensor_list *list,
                                    const struct lip_read_options *options,
                                    struct lip_ctx *ctx)
{
    struct lip_read_options filled;
    struct member *member = NULL;
    struct group *group = NULL;
    size_t groups = 0;
    *out = NULL;
    lip_read_options_fill(&filled, options);
    if (filled.layers && list->layers)
        return lip_fail(ctx, LIP_INVALID,
                        "The file says itself which layers its tensors make: "
                        "leave out the part \"layers\".");
    if (filled.layers)
        list->layers = lip_buffer_hold(filled.layers);
    if (list->count == 0 && !list->layers)
        return lip_fail(ctx, LIP_INVALID, "The file holds no tensors.");
    enum lip_status status = lip_tensor_list_sort(list, ctx);
    if (status != LIP_OK)
        return status;
    if (list->layers)
        return lip_json_read_named(out, list, &filled, ctx);
    member = lip_calloc(ctx, list->count, sizeof *member);
    group = lip_calloc(ctx, list->count, sizeof *group);
    status = member && group ? set_members(member, list, ctx)
                             : lip_memory_status(ctx);
    if (status == LIP_OK)
        status = find_groups(group, &groups, member, list->count, &filled, ctx);
    if (status == LIP_OK)
        status = make_network(out, group, groups, &filled, ctx);
    if (status == LIP_OK) {
        (*out)->metadata = list->metadata;
        list->metadata = (struct lip_metadata){0};
    }
    lip_free(member);
    lip_free(group);
    return status;
}

enum lip_status lip_weights_read(
    struct lip_network **out, struct lip_buffer *bytes,
    const struct lip_read_options *options, struct lip_ctx *ctx,
    enum lip_status (*tensors)(struct lip_tensor_list *list,
                               struct lip_buffer *bytes,
                               const struct lip_read_options *options,
                               struct lip_ctx *ctx))
{
    struct lip_read_options filled;
    lip_read_options_fill(&filled, options);
    struct lip_tensor_list list = {.limit = filled.max_tensors};
    *out = NULL;
    enum lip_status status = tensors(&list, bytes, options, ctx);
    if (status == LIP_OK)
        status = lip_weights_network(out, &list, options, ctx);
    lip_tensor_list_clear(&list);
    return status;
}
