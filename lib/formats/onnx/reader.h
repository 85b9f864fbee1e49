/* SPDX-License-Identifier: MIT
 *
 * From the nodes of an ONNX graph to layers. Each value of the graph is a
 * constant or what a layer gives, scaled and shifted; an operator (operator.h)
 * turns the values that its node takes into those it gives, and appends layers
 * as it needs them. Shapes in values are ONNX's, with the batch in front, of
 * which one sample is looked at; shapes in layers are ours, without it. */
#ifndef LIP_FORMATS_ONNX_READER_H
#define LIP_FORMATS_ONNX_READER_H

#include "formats/format.h"
#include "formats/onnx/attribute.h"

/* scale / divisor times what the layer gives, plus shift. What changes a value
 * by one number stays here until a layer wants it: patterns like x / sqrt 2 are
 * then easy to see, and factors that cancel never become a layer. */
struct lip_onnx_operand {
    size_t layer;
    double scale, divisor, shift;
};

enum lip_onnx_state {
    LIP_ONNX_UNDEFINED,
    LIP_ONNX_STORED,   /* an initializer not looked at yet */
    LIP_ONNX_CONSTANT, /* `constant` */
    LIP_ONNX_NUMBERS   /* `operand` */
};

struct lip_onnx_value {
    enum lip_onnx_state state;
    size_t maker;  /* node that gives it; SIZE_MAX: none */
    size_t stored; /* initializer */
    size_t uses;   /* by needed nodes, and as the graph's output */
    bool wanted;
    /* The first dimension stands for a batch of any size. */
    bool batch;
    size_t rank, dim[LIP_MAX_RANK];
    struct lip_onnx_operand operand;
    const struct lip_onnx_constant *constant;
};

/* What is not a layer of ours by itself but may be a part of one. */
enum lip_onnx_part {
    LIP_ONNX_LAYER, /* nothing of that: a layer */
    LIP_ONNX_PRODUCT,
    LIP_ONNX_SQUARE,
    LIP_ONNX_CUBE,
    LIP_ONNX_CENTRED, /* x less its mean along the last axis */
    LIP_ONNX_ROOT,
    LIP_ONNX_OTHER
};

/* Beside each layer: what it was made of. */
struct lip_onnx_origin {
    const struct lip_onnx_node *node;
    enum lip_onnx_part part;
    const char *reason; /* why a part is refused if it stays one */
    struct lip_onnx_operand from[2];
    bool mean; /* along the last axis of from[0] */
};

/* Numbers that may be made, and twice the bytes of the file. */
enum { LIP_ONNX_MADE = 1 << 23 };

struct lip_onnx_reader {
    struct lip_onnx_model model;
    struct lip_buffer *buffer;
    struct lip_ctx *ctx;
    struct lip_read_options options;
    size_t made;           /* numbers that are not in the file */
    size_t declared_batch; /* a fixed one above 1; else 1 */
    struct lip_onnx_value *value;
    size_t values;
    struct lip_onnx_constant **constant; /* all that were made */
    size_t constants, constant_room;
    /* Layer 0 is the input in its shape. */
    struct lip_layer *layer;
    struct lip_onnx_origin *origin;
    size_t layers, layer_room;
    const struct lip_onnx_node *node; /* being read */
};

/* --- values (reader.c) */

/* LIP_..., "Node \"conv1\" (Conv): " and the sentence, at the node's place. */
enum lip_status lip_onnx_refuse(struct lip_onnx_reader *reader,
                                enum lip_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Input or output k of the node that is being read. NULL: not given. */
struct lip_onnx_value *lip_onnx_input(struct lip_onnx_reader *reader, size_t k);
struct lip_onnx_value *lip_onnx_output(struct lip_onnx_reader *reader,
                                       size_t k);

/* Input k, which must be made of the network's input (numbers), or must be a
 * constant; a sentence that names `what` otherwise. */
enum lip_status lip_onnx_numbers(struct lip_onnx_value **out,
                                 struct lip_onnx_reader *reader, size_t k,
                                 const char *what);
enum lip_status lip_onnx_constant(const struct lip_onnx_constant **out,
                                  struct lip_onnx_reader *reader, size_t k,
                                  const char *what);
/* The same for one that may be left out: NULL then. */
enum lip_status lip_onnx_optional(const struct lip_onnx_constant **out,
                                  struct lip_onnx_reader *reader, size_t k,
                                  const char *what);

/* A new constant, all zero, that the reader frees. NULL: no memory. */
struct lip_onnx_constant *lip_onnx_add_constant(struct lip_onnx_reader *reader);

/* Makes output k of the node a constant, or the numbers of `operand` in a
 * shape. */
void lip_onnx_give_constant(struct lip_onnx_reader *reader, size_t k,
                            const struct lip_onnx_constant *constant);
void lip_onnx_give(struct lip_onnx_reader *reader, size_t k,
                   struct lip_onnx_operand operand, size_t rank,
                   const size_t *dim, bool batch);
/* Output 0 is layer `layer` in the shape of `like`. */
void lip_onnx_give_like(struct lip_onnx_reader *reader, size_t layer,
                        const struct lip_onnx_value *like);
/* Output 0 is the last layer, whose shape has `lead` (a batch of 1) in front.
 */
void lip_onnx_give_last(struct lip_onnx_reader *reader, bool lead, bool batch);

/* The attributes of the node that is being read. */
enum lip_status lip_onnx_int(struct lip_onnx_reader *reader, const char *name,
                             int64_t *out);
enum lip_status lip_onnx_float(struct lip_onnx_reader *reader, const char *name,
                               double *out);
/* At most LIP_MAX_RANK of them. */
enum lip_status lip_onnx_ints(struct lip_onnx_reader *reader, const char *name,
                              int64_t *out, size_t *count);
/* The same from input k, a constant, which may be left out. */
enum lip_status lip_onnx_int_input(struct lip_onnx_reader *reader, size_t k,
                                   const char *what, int64_t *out,
                                   size_t *count, size_t most);
/* From the attribute before this opset, from input k from then on. */
enum lip_status lip_onnx_ints_since(struct lip_onnx_reader *reader,
                                    int64_t opset, const char *name, size_t k,
                                    int64_t *out, size_t *count);
/* An axis of a value of this rank, counted from the front. */
enum lip_status lip_onnx_axis(size_t *out, struct lip_onnx_reader *reader,
                              int64_t axis, size_t rank);

/* --- layers (emit.c) */

/* Appends a layer of this kind, all zero else, that takes its numbers from
 * `source`; `suffix` goes behind the node's name. *out is good until the next
 * call. LIP_TOO_LARGE: more layers than there may be. */
enum lip_status lip_onnx_append(struct lip_layer **out,
                                struct lip_onnx_reader *reader,
                                const struct lip_layer_kind *kind,
                                size_t sources, const size_t *source,
                                const char *suffix);
/* Checks the last layer, once it is filled in, and works out its shape. */
enum lip_status lip_onnx_settle(struct lip_onnx_reader *reader);
/* Appends what is no layer yet. `reason` says why it is refused otherwise. */
enum lip_status lip_onnx_append_part(struct lip_onnx_reader *reader,
                                     enum lip_onnx_part part,
                                     struct lip_onnx_operand a,
                                     struct lip_onnx_operand b,
                                     const char *reason);

/* The layer that gives exactly this operand, appended where it has to be. */
enum lip_status lip_onnx_enter(size_t *layer, struct lip_onnx_reader *reader,
                               struct lip_onnx_operand operand);
/* The same in this shape. */
enum lip_status lip_onnx_enter_as(size_t *layer, struct lip_onnx_reader *reader,
                                  struct lip_onnx_operand operand,
                                  const struct lip_shape *shape);
/* The value in its shape from axis `from` on; what is in front of it is 1. */
enum lip_status lip_onnx_enter_axes(size_t *layer,
                                    struct lip_onnx_reader *reader,
                                    const struct lip_onnx_value *value,
                                    size_t from);
/* 1 where the first axis is a batch of one sample, which layers do not see. */
size_t lip_onnx_lead(const struct lip_onnx_value *value);

struct lip_onnx_operand lip_onnx_plain(size_t layer);
size_t lip_onnx_last(const struct lip_onnx_reader *reader);

/* Drops the layers that layer `last` does not need, and what each of the others
 * need not say. LIP_UNSUPPORTED: a part that is no layer is among them;
 * LIP_TOO_LARGE: more layers than there may be. */
enum lip_status lip_onnx_keep_used(struct lip_onnx_reader *reader, size_t last);

/* An activation of the operand; `parameter` or NULL for the usual ones. The
 * result is the last layer. */
enum lip_status lip_onnx_activate(struct lip_onnx_reader *reader,
                                  const struct lip_activation *activation,
                                  const double *parameter,
                                  struct lip_onnx_operand operand);

/* Takes a hold of a constant's numbers as doubles or as they are. */
struct lip_tensor lip_onnx_hold(const struct lip_onnx_constant *constant);
/* Counts numbers that are made besides those in the file: LIP_TOO_LARGE where
 * there are too many, so that small files do not ask for much work. */
enum lip_status lip_onnx_account(struct lip_onnx_reader *reader, size_t rank,
                                 const size_t *dim);
/* A new tensor of doubles, whose place is *numbers. */
enum lip_status lip_onnx_tensor(struct lip_tensor *out, double **numbers,
                                size_t rank, const size_t *dim,
                                struct lip_onnx_reader *reader);
/* A list of `count` equal numbers. */
enum lip_status lip_onnx_equal(struct lip_tensor *out, size_t count,
                               double number, struct lip_onnx_reader *reader);

#endif
