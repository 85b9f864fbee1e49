/* SPDX-License-Identifier: MIT
 *
 * Values, errors and derivatives, layer by layer. With u = 2^-53, n entries in
 * a row a of a linear layer, x' the computed numbers that it takes and e bounds
 * of their errors, delta the relative error of the layer's own coefficients,
 *
 *     |y' - y| <= gamma_{n+2} (|a|'|x'| + |b|) + |a|'e
 *                 + delta (|a|'(|x'| + e) + |b|);
 *
 * an elementwise map of slope s at most gives s e and what its descriptor says
 * of its own accuracy; the largest of numbers is off by the largest error, and
 * so are both numbers of a pair that is put in order. */
#include "certify/field.h"

#include "certify/mirrors.h"
#include "linalg/rounding.h"
#include "network/operator.h"
#include "network/window.h"

#include <stdint.h>
#include <string.h>

struct lip_field_layer {
    const struct lip_layer *layer;
    bool linear, largest;
    /* Rows: entries start[k] .. start[k + 1] - 1 are those of output k. Of a
     * large convolution the kernel alone: a row is put together in column and
     * row each time. */
    size_t *start;
    uint32_t *column;
    double *entry, *offset;
    double *row; /* NULL: all rows are there */
    struct lip_window window;
    uint32_t *picked;           /* of the largest: the column that was it */
    struct lip_mirrors mirrors; /* of layers that sort or mirror */
    double uncertainty, steepest, relative, argument, constant;
};

static enum lip_status why(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status != LIP_OK ? ctx->error.status
                                              : LIP_NO_MEMORY;
}

/* Most entries of all rows. */
static double entries_of(const struct lip_layer *layer)
{
    double outputs = (double)layer->outputs;
    if (layer->kind->largest_of || layer->kind->row)
        return outputs * (double)layer->fan_in;
    if (layer->kind->role == LIP_ROLE_LINEAR)
        return outputs * (double)layer->inputs;
    return 0;
}

/* Rows of more entries than that are not kept. */
static const double most_kept = 1 << 22;

static bool is_large_conv(const struct lip_layer *layer)
{
    return layer->kind == &lip_layer_conv && entries_of(layer) > most_kept;
}

double lip_field_products(const struct lip_network *network)
{
    double sum = 0;
    for (size_t i = 0; i < network->count; i++)
        sum += entries_of(&network->layer[i]) +
               (double)network->layer[i].outputs +
               4 * (double)lip_mirrors_count(&network->layer[i]);
    return sum;
}

double lip_field_bytes(const struct lip_network *network)
{
    double bytes = 8 * (double)network->inputs, widest = 0;
    for (size_t i = 0; i < network->count; i++) {
        const struct lip_layer *layer = &network->layer[i];
        double kept = is_large_conv(layer)
                          ? (double)lip_tensor_count(&layer->weight) +
                                2 * (double)layer->fan_in
                          : entries_of(layer);
        bytes +=
            (sizeof(struct lip_mirror) + 1) * (double)lip_mirrors_count(layer);
        bytes += 12 * kept + 68 * (double)layer->outputs + 400;
        widest = fmax(widest, (double)layer->inputs);
    }
    return bytes + 16 * widest;
}

/* --- preparing */

static size_t row_of(struct lip_operator *op, const struct lip_layer *layer,
                     size_t k)
{
    if (layer->kind->largest_of)
        return layer->kind->largest_of(layer, k, op->column);
    return lip_operator_row(op, k);
}

static void fill_rows(struct lip_field_layer *own, struct lip_operator *op)
{
    const struct lip_layer *layer = own->layer;
    size_t used = 0;
    for (size_t k = 0; k < layer->outputs; k++) {
        size_t n = row_of(op, layer, k);
        own->start[k] = used;
        own->offset[k] = own->linear ? lip_operator_offset(op, k) : 0;
        for (size_t j = 0; j < n; j++, used++) {
            own->column[used] = (uint32_t)op->column[j];
            own->entry[used] = own->linear ? op->value[j] : 1;
        }
    }
    own->start[layer->outputs] = used;
}

static enum lip_status prepare_kernel(struct lip_field_layer *own,
                                      struct lip_ctx *ctx)
{
    const struct lip_layer *layer = own->layer;
    size_t count = lip_tensor_count(&layer->weight);
    if (layer->inputs > UINT32_MAX)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "A layer takes too many numbers to be evaluated.");
    own->window = lip_layer_window(layer);
    own->entry = lip_alloc(ctx, count, sizeof *own->entry);
    own->column = lip_alloc(ctx, layer->fan_in, sizeof *own->column);
    own->row = lip_alloc(ctx, layer->fan_in, sizeof *own->row);
    own->offset = lip_alloc(ctx, layer->outputs, sizeof *own->offset);
    if (!own->entry || !own->column || !own->row || !own->offset)
        return why(ctx);
    lip_tensor_widen(own->entry, &layer->weight);
    for (size_t k = 0; k < layer->outputs; k++)
        own->offset[k] = layer->kind->offset(layer, k);
    return LIP_OK;
}

static enum lip_status prepare_rows(struct lip_field_layer *own,
                                    struct lip_ctx *ctx)
{
    const struct lip_layer *layer = own->layer;
    if (is_large_conv(layer))
        return prepare_kernel(own, ctx);
    struct lip_operator op;
    double most = entries_of(layer);
    if (most > (double)UINT32_MAX || layer->inputs > UINT32_MAX)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "A layer has too many weights to be evaluated.");
    enum lip_status status = lip_operator_new(&op, layer, ctx);
    if (status != LIP_OK)
        return status;
    own->uncertainty = op.uncertainty;
    own->start = lip_alloc(ctx, layer->outputs + 1, sizeof *own->start);
    own->column = lip_alloc(ctx, (size_t)most, sizeof *own->column);
    own->entry = lip_alloc(ctx, (size_t)most, sizeof *own->entry);
    own->offset = lip_alloc(ctx, layer->outputs, sizeof *own->offset);
    own->picked = lip_alloc(ctx, layer->outputs, sizeof *own->picked);
    bool room =
        own->start && own->column && own->entry && own->offset && own->picked;
    if (room)
        fill_rows(own, &op);
    lip_operator_clear(&op);
    return room ? LIP_OK : why(ctx);
}

static void prepare_elementwise(struct lip_field_layer *own)
{
    const struct lip_layer *layer = own->layer;
    for (size_t k = 0; k < layer->outputs; k++) {
        struct lip_slopes s = lip_layer_slopes(layer, k);
        own->steepest = fmax(own->steepest, fmax(fabs(s.lo), fabs(s.hi)));
    }
    own->constant = 0x1p-1000;
    if (layer->activation) {
        own->relative = layer->activation->accuracy.relative;
        own->argument = layer->activation->accuracy.argument;
    } else {
        own->argument = 0x1p-48 * own->steepest;
        own->constant += 0x1p-48 * layer->kind->rounding(layer);
    }
}

static enum lip_status prepare(struct lip_field_layer *own, struct lip_ctx *ctx)
{
    const struct lip_layer *layer = own->layer;
    own->linear = layer->kind->role == LIP_ROLE_LINEAR;
    own->largest = layer->kind->largest_of;
    if (own->linear || own->largest)
        return prepare_rows(own, ctx);
    if (lip_layer_steps(layer) != LIP_NO_STEPS)
        return lip_mirrors_new(&own->mirrors, layer, ctx);
    if (layer->kind->role == LIP_ROLE_JOINT)
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "Layers of kind %s are not searched.",
                        lip_layer_type(layer));
    if (layer->kind->role == LIP_ROLE_ELEMENTWISE)
        prepare_elementwise(own);
    return LIP_OK;
}

static enum lip_status make_room(struct lip_field *f, struct lip_ctx *ctx)
{
    size_t total = 0;
    f->at = lip_alloc(ctx, f->network->count, sizeof *f->at);
    for (size_t i = 0; f->at && i < f->network->count; i++) {
        const struct lip_layer *layer = &f->network->layer[i];
        f->at[i] = total;
        total += layer->outputs;
        f->widest = layer->inputs > f->widest ? layer->inputs : f->widest;
    }
    f->value = lip_calloc(ctx, total, sizeof(double));
    f->error = lip_calloc(ctx, total, sizeof(double));
    f->slope = lip_calloc(ctx, total, sizeof(double));
    f->tangent = lip_calloc(ctx, total, sizeof(double));
    f->adjoint = lip_calloc(ctx, total, sizeof(double));
    f->room = lip_calloc(ctx, f->widest, sizeof(double));
    f->room_error = lip_calloc(ctx, f->widest, sizeof(double));
    f->back = lip_calloc(ctx, f->network->inputs, sizeof(double));
    bool room = f->at && f->value && f->error && f->slope && f->tangent &&
                f->adjoint && f->room && f->room_error && f->back;
    return room ? LIP_OK : why(ctx);
}

enum lip_status lip_field_new(struct lip_field *out,
                              const struct lip_network *network,
                              struct lip_ctx *ctx)
{
    *out = (struct lip_field){.network = network,
                              .products = lip_field_products(network)};
    out->layer = lip_calloc(ctx, network->count, sizeof *out->layer);
    enum lip_status status = out->layer ? make_room(out, ctx) : why(ctx);
    for (size_t i = 0; i < network->count && status == LIP_OK; i++) {
        out->layer[i].layer = &network->layer[i];
        status = prepare(&out->layer[i], ctx);
    }
    if (status != LIP_OK)
        lip_field_clear(out);
    return status;
}

void lip_field_clear(struct lip_field *field)
{
    for (size_t i = 0; field->layer && i < field->network->count; i++) {
        struct lip_field_layer *own = &field->layer[i];
        lip_free(own->start);
        lip_free(own->column);
        lip_free(own->entry);
        lip_free(own->offset);
        lip_free(own->picked);
        lip_mirrors_clear(&own->mirrors);
        lip_free(own->row);
    }
    double *all[] = {field->value,      field->error,   field->slope,
                     field->tangent,    field->adjoint, field->room,
                     field->room_error, field->back};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        lip_free(all[i]);
    lip_free(field->at);
    lip_free(field->layer);
    *field = (struct lip_field){.network = NULL};
}

/* --- from the input on */

/* What layer i takes: `of` at its sources, the network's input being `input`
 * (NULL: zeros). In place where there is one source. */
static const double *take(const struct lip_field *f, size_t i, const double *of,
                          const double *input, double *room)
{
    size_t sources = lip_network_sources(f->network, i), used = 0;
    for (size_t k = 0; k < sources; k++) {
        size_t from = lip_network_source(f->network, i, k);
        bool first = from == LIP_FROM_INPUT;
        size_t n = first ? f->network->inputs : f->network->layer[from].outputs;
        const double *at = first ? input : of + f->at[from];
        if (sources == 1 && at)
            return at;
        if (at)
            memcpy(room + used, at, n * sizeof *room);
        else
            memset(room + used, 0, n * sizeof *room);
        used += n;
    }
    return room;
}

/* Entries of one row. */
struct row {
    size_t count;
    const uint32_t *column;
    const double *entry;
};

/* Row k of a convolution from its kernel; where the kernel reaches over the
 * image, sizes wrap around. */
static struct row kernel_row(const struct lip_field_layer *own, size_t k)
{
    const struct lip_window *w = &own->window;
    size_t area = w->out[0] * w->out[1], count = 0;
    size_t o = k / area, y = k % area / w->out[1], x = k % w->out[1];
    size_t channels = w->channels[0] / w->groups;
    size_t first = o / (w->channels[1] / w->groups) * channels;
    const double *from = own->entry + o * own->layer->fan_in;
    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < w->kernel[0]; p++)
            for (size_t q = 0; q < w->kernel[1]; q++, from++) {
                size_t i = y * w->stride[0] + p * w->dilation[0] - w->before[0];
                size_t j = x * w->stride[1] + q * w->dilation[1] - w->before[1];
                if (i >= w->in[0] || j >= w->in[1])
                    continue;
                own->column[count] =
                    (uint32_t)(((first + c) * w->in[0] + i) * w->in[1] + j);
                own->row[count++] = *from;
            }
    return (struct row){count, own->column, own->row};
}

static struct row row_at(const struct lip_field_layer *own, size_t k)
{
    if (own->row)
        return kernel_row(own, k);
    size_t first = own->start[k];
    return (struct row){own->start[k + 1] - first, own->column + first,
                        own->entry + first};
}

/* y and, e not NULL, its errors, from x with errors e. */
struct step {
    const struct lip_field_layer *own;
    const double *x, *e;
    double *y, *error, *slope;
};

static void linear(const struct step *s)
{
    const struct lip_field_layer *own = s->own;
    for (size_t k = 0; k < own->layer->outputs; k++) {
        struct row row = row_at(own, k);
        double sum = own->offset[k], size = fabs(own->offset[k]), carried = 0;
        for (size_t j = 0; j < row.count; j++)
            sum += row.entry[j] * s->x[row.column[j]];
        s->y[k] = sum;
        if (!s->e)
            continue;
        for (size_t j = 0; j < row.count; j++) {
            double a = fabs(row.entry[j]);
            size += a * fabs(s->x[row.column[j]]);
            carried += a * s->e[row.column[j]];
        }
        size_t n = row.count;
        size = lip_inflate(size, n + 4);
        carried = lip_inflate(carried, n + 4);
        double fresh = lip_mul_up(lip_gamma(n + 2), size);
        double blur = lip_mul_up(own->uncertainty, lip_add_up(size, carried));
        s->error[k] =
            lip_add_up(lip_add_up(fresh, carried), lip_add_up(blur, LIP_TINY));
    }
}

static void largest(const struct step *s)
{
    const struct lip_field_layer *own = s->own;
    for (size_t k = 0; k < own->layer->outputs; k++) {
        size_t first = own->start[k], end = own->start[k + 1], best = first;
        double worst = 0;
        for (size_t j = first; j < end; j++) {
            double here = s->x[own->column[j]], top = s->x[own->column[best]];
            best = here > top ? j : best;
            worst = s->e ? fmax(worst, s->e[own->column[j]]) : 0;
        }
        own->picked[k] = own->column[best];
        s->y[k] = s->x[own->picked[k]];
        if (s->e)
            s->error[k] = worst;
    }
}

static void mirrors(const struct step *s)
{
    size_t n = s->own->layer->outputs;
    struct lip_mirrors own = s->own->mirrors;
    memcpy(s->y, s->x, n * sizeof *s->y);
    if (s->e)
        memcpy(s->error, s->e, n * sizeof *s->error);
    lip_mirrors_to(&own, s->y, s->e ? s->error : NULL);
}

static double derivative_at(const struct lip_layer *layer, double x, size_t k)
{
    double parameter[LIP_MAX_PARAMETERS];
    memcpy(parameter, layer->parameter, sizeof parameter);
    if (layer->weight.data)
        parameter[0] = lip_tensor_at(&layer->weight, k);
    return layer->activation->derivative(x, parameter);
}

/* A spline's slope at a point is not asked for. */
static double middle_slope(const struct lip_layer *layer, size_t k)
{
    struct lip_slopes range = lip_layer_slopes(layer, k);
    return 0.5 * (range.lo + range.hi);
}

static void elementwise(const struct step *s)
{
    const struct lip_field_layer *own = s->own;
    const struct lip_layer *layer = own->layer;
    layer->kind->eval(s->y, layer, s->x);
    for (size_t k = 0; k < layer->outputs; k++) {
        s->slope[k] = layer->activation ? derivative_at(layer, s->x[k], k)
                                        : middle_slope(layer, k);
        if (!s->e)
            continue;
        double own_error = lip_add_up(lip_mul_up(own->relative, fabs(s->y[k])),
                                      lip_mul_up(own->argument, fabs(s->x[k])));
        s->error[k] = lip_add_up(lip_mul_up(own->steepest, s->e[k]),
                                 lip_add_up(lip_up(own_error), own->constant));
    }
}

/* Numbers that are none, or too large: a later layer may hide it, the error
 * must not. */
static void doubt(const struct step *s)
{
    for (size_t k = 0; k < s->own->layer->outputs; k++)
        if (!isfinite(s->y[k]) || isnan(s->error[k]))
            s->error[k] = INFINITY;
}

void lip_field_to(struct lip_field *field, const double *x, bool proven)
{
    field->x = x;
    for (size_t i = 0; i < field->network->count; i++) {
        const struct lip_field_layer *own = &field->layer[i];
        double *to = field->value + field->at[i];
        struct step s = {
            .own = own,
            .x = take(field, i, field->value, x, field->room),
            .e = proven ? take(field, i, field->error, NULL, field->room_error)
                        : NULL,
            .y = to,
            .error = field->error + field->at[i],
            .slope = field->slope + field->at[i]};
        if (own->linear)
            linear(&s);
        else if (own->largest)
            largest(&s);
        else if (own->mirrors.pair)
            mirrors(&s);
        else if (own->layer->kind->role == LIP_ROLE_ELEMENTWISE)
            elementwise(&s);
        else
            memcpy(to, s.x, own->layer->outputs * sizeof *to);
        if (proven && own->layer->kind->role == LIP_ROLE_RESHAPE)
            memcpy(s.error, s.e, own->layer->outputs * sizeof *to);
        if (proven)
            doubt(&s);
    }
}

static size_t last(const struct lip_field *field)
{
    return field->at[field->network->count - 1];
}

const double *lip_field_value(const struct lip_field *field)
{
    return field->value + last(field);
}

const double *lip_field_error(const struct lip_field *field)
{
    return field->error + last(field);
}

/* --- derivatives */

static double dot(const struct lip_field_layer *own, size_t k, const double *x)
{
    struct row row = row_at(own, k);
    double sum = 0;
    for (size_t j = 0; j < row.count; j++)
        sum += row.entry[j] * x[row.column[j]];
    return sum;
}

static void add_row(double *x, const struct lip_field_layer *own, size_t k,
                    double y)
{
    struct row row = row_at(own, k);
    for (size_t j = 0; j < row.count; j++)
        x[row.column[j]] += row.entry[j] * y;
}

/* y = D x, D the layer's derivative where the field is. */
static void push(double *y, const struct lip_field_layer *own, const double *x,
                 const double *slope)
{
    if (own->mirrors.pair) {
        memcpy(y, x, own->layer->outputs * sizeof *y);
        lip_mirrors_push(y, &own->mirrors);
        return;
    }
    for (size_t k = 0; k < own->layer->outputs; k++) {
        double sum = 0;
        if (own->largest)
            sum = x[own->picked[k]];
        else if (own->linear)
            sum = dot(own, k, x);
        else if (own->layer->kind->role == LIP_ROLE_ELEMENTWISE)
            sum = slope[k] * x[k];
        else
            sum = x[k];
        y[k] = sum;
    }
}

const double *lip_field_tangent(struct lip_field *field, const double *v)
{
    for (size_t i = 0; i < field->network->count; i++)
        push(field->tangent + field->at[i], &field->layer[i],
             take(field, i, field->tangent, v, field->room),
             field->slope + field->at[i]);
    return field->tangent + last(field);
}

/* x = D' y */
static void pull(double *x, const struct lip_field_layer *own, const double *y,
                 const double *slope)
{
    if (own->mirrors.pair) {
        memcpy(x, y, own->layer->inputs * sizeof *x);
        lip_mirrors_pull(x, &own->mirrors);
        return;
    }
    memset(x, 0, own->layer->inputs * sizeof *x);
    for (size_t k = 0; k < own->layer->outputs; k++) {
        if (own->largest)
            x[own->picked[k]] += y[k];
        else if (own->linear)
            add_row(x, own, k, y[k]);
        else if (own->layer->kind->role == LIP_ROLE_ELEMENTWISE)
            x[k] = slope[k] * y[k];
        else
            x[k] = y[k];
    }
}

const double *lip_field_adjoint(struct lip_field *field, const double *u)
{
    const struct lip_network *network = field->network;
    size_t end = last(field) + network->outputs;
    memset(field->adjoint, 0, end * sizeof *field->adjoint);
    memset(field->back, 0, network->inputs * sizeof *field->back);
    memcpy(field->adjoint + last(field), u, network->outputs * sizeof *u);
    for (size_t i = network->count; i-- > 0;) {
        const double *from = field->room;
        pull(field->room, &field->layer[i], field->adjoint + field->at[i],
             field->slope + field->at[i]);
        for (size_t k = 0; k < lip_network_sources(network, i); k++) {
            size_t source = lip_network_source(network, i, k);
            bool first = source == LIP_FROM_INPUT;
            size_t n = first ? network->inputs : network->layer[source].outputs;
            double *to =
                first ? field->back : field->adjoint + field->at[source];
            for (size_t j = 0; j < n; j++)
                to[j] += *from++;
        }
    }
    return field->back;
}
