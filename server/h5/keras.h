/* SPDX-License-Identifier: MIT
 *
 * Keras models as our layers. Keras has the channels last, we have them first:
 * arrays of two and more axes are kept with the channels in front from the
 * first layer on, and turned back where their order matters (Flatten, Reshape),
 * so that the function is the same, number by number. */
#ifndef LIPD_H5_KERAS_H
#define LIPD_H5_KERAS_H

#include "server/h5/document.h"

enum { LIPD_KERAS_RANK = 3, LIPD_KERAS_NAME = 128 };

/* What flows between layers: which of ours it comes out of, and its shape as
 * Keras has it, without the batch. Ours is that shape with the last axis in
 * front. */
struct lipd_keras_value {
    char layer[LIPD_KERAS_NAME];
    size_t rank, dim[LIPD_KERAS_RANK];
};

struct lipd_keras {
    struct lipd_h5_document *document;
    hid_t weights; /* the group of the layers' groups */
    bool keras3;
};

/* One layer of the model that is turned into some of ours. */
struct lipd_keras_layer {
    struct lipd_keras *keras;
    const char *kind, *name; /* "Conv2D", "conv2d_1" */
    const json_t *config;
    size_t inputs;
    const struct lipd_keras_value *in;
    struct lipd_keras_value out; /* to be set; begins as the first input */
};

/* The file's model, or its weights alone, into the document. */
void lipd_keras_read(struct lipd_h5_document *document, hid_t root);

/* Turns one layer into ours: by its kind. */
void lipd_keras_build(struct lipd_keras_layer *layer);

/* --- for the kinds */

_Noreturn void lipd_keras_refuse(const struct lipd_keras_layer *layer,
                                 const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Settings of the layer. A list of `count` whole numbers, one number standing
 * for all, each from 0 to 2^24; false where there is none, or null. */
bool lipd_keras_sizes(size_t *out, size_t count,
                      const struct lipd_keras_layer *layer, const char *name);
double lipd_keras_number(const struct lipd_keras_layer *layer, const char *name,
                         double fallback);
const char *lipd_keras_string(const struct lipd_keras_layer *layer,
                              const char *name, const char *fallback);
bool lipd_keras_flag(const struct lipd_keras_layer *layer, const char *name,
                     bool fallback);

/* The layer's weight that is called this ("kernel"); false: none. */
bool lipd_keras_weight(struct lipd_h5_data *out,
                       const struct lipd_keras_layer *layer, const char *name);

/* Appends a layer of ours on what layer->out is now, which it becomes. Its
 * name is the layer's, with a suffix ("" : none). The object is borrowed. */
json_t *lipd_keras_emit(struct lipd_keras_layer *layer, const char *type,
                        const char *suffix);
/* The same on all inputs. */
json_t *lipd_keras_join(struct lipd_keras_layer *layer, const char *type);

void lipd_keras_set(json_t *object, const char *name, json_t *value);
void lipd_keras_set_sizes(json_t *object, const char *name, const size_t *value,
                          size_t count);

/* Names the weight of the layer as `member` of ours and as a tensor. */
struct lipd_h5_tensor *lipd_keras_tensor(struct lipd_keras_layer *layer,
                                         json_t *object, const char *member,
                                         const char *suffix,
                                         const struct lipd_h5_data *data);
void lipd_keras_constant(struct lipd_keras_layer *layer, json_t *object,
                         const char *member, const char *suffix,
                         const double *number, size_t count);

/* Arrays with the channels in front become as Keras has them, and back. */
void lipd_keras_to_last(struct lipd_keras_layer *layer, const char *suffix);
void lipd_keras_to_first(struct lipd_keras_layer *layer, const char *suffix);

/* The activation that a layer's member `name` says, or that it is. */
void lipd_keras_activate(struct lipd_keras_layer *layer, const char *name);
bool lipd_keras_is_activation(const char *kind);
void lipd_keras_activation_layer(struct lipd_keras_layer *layer);

/* Convolutions and what else slides windows; false: not such a kind. */
bool lipd_keras_window(struct lipd_keras_layer *layer);

#endif
