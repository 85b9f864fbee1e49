/* SPDX-License-Identifier: MIT
 *
 * What the readers of a training request share: places, refusals, members and
 * plain values. For api/train_*.c only. */
#ifndef API_TRAIN_PARTS_H
#define API_TRAIN_PARTS_H

#include "api/train.h"

/* Where a value stands, as a JSON pointer. */
struct train_place {
    char pointer[160];
};
struct train_place train_at(const struct train_place *parent, const char *name);
struct train_place train_at_index(const struct train_place *parent, size_t i);

/* A request on its way. The members are read in the order of one table, so
 * that each finds what its defaults depend on. */
struct train_reader {
    struct api_train_request *out;
    struct api_problem *problem;
    struct lip_ctx *ctx;
    bool task_given;
};

/* A member of an object and how it is read; value NULL: it is not there. */
struct train_member {
    const char *name;
    enum lip_status (*read)(struct train_reader *r, const json_t *value,
                            const struct train_place *at);
};

/* Fills INVALID_OPTION with the place and a sentence; LIP_INVALID. */
enum lip_status train_refuse(struct train_reader *r,
                             const struct train_place *at, const char *format,
                             ...) __attribute__((format(printf, 3, 4)));

/* What the library recorded, at a place; its status. */
enum lip_status train_failed(struct train_reader *r,
                             const struct train_place *at);

/* The value is an object and all its members are among `known` (ended by
 * NULL) or, `known` NULL, it is an object. */
enum lip_status train_object(struct train_reader *r, const json_t *value,
                             const struct train_place *at,
                             const char *const *known);

/* Reads all of `count` members of an object in their order. */
enum lip_status train_members(struct train_reader *r, const json_t *value,
                              const struct train_place *at,
                              const struct train_member *member, size_t count);

struct train_range {
    double least, most;
    bool above, below; /* an end that does not belong to it */
};

/* The member `name` of an object as a number, a whole number, true or false;
 * *out stays where there is none. */
enum lip_status train_number(struct train_reader *r, double *out,
                             const json_t *object,
                             const struct train_place *parent, const char *name,
                             struct train_range range);
enum lip_status train_count(struct train_reader *r, size_t *out,
                            const json_t *object,
                            const struct train_place *parent, const char *name,
                            size_t least, size_t most);
enum lip_status train_flag(struct train_reader *r, bool *out,
                           const json_t *object,
                           const struct train_place *parent, const char *name);

/* The same of a value that is there. */
enum lip_status train_number_value(struct train_reader *r, double *out,
                                   const json_t *value,
                                   const struct train_place *at,
                                   const char *name, struct train_range range);
enum lip_status train_count_value(struct train_reader *r, size_t *out,
                                  const json_t *value,
                                  const struct train_place *at,
                                  const char *name, size_t least, size_t most);

/* The row of a table that the string names. `name` gives the names of the
 * rows, NULL after the last; the refusal lists them. */
enum lip_status train_choose(struct train_reader *r, size_t *row,
                             const json_t *value, const struct train_place *at,
                             const char *what, const char *(*name)(size_t row));

/* "sha256:" and 64 digits. */
enum lip_status train_read_id(struct train_reader *r, char out[LIP_DIGEST_TEXT],
                              const json_t *value, const struct train_place *at,
                              const char *what);

/* Reads the members that `parameter` names into value[]; they are filled with
 * their defaults first. */
enum lip_status train_parameters(struct train_reader *r, double *value,
                                 const struct lip_parameter *parameter,
                                 const json_t *object,
                                 const struct train_place *at);

/* The names of the parameters after those of `base` (ended by NULL), for
 * train_object. */
enum { TRAIN_NAMES = 24 };
void train_names(const char *out[TRAIN_NAMES], const char *const *base,
                 const struct lip_parameter *parameter);

/* Name functions for train_choose. */
#define TRAIN_TABLE(function, table)                                           \
    static const char *function(size_t row)                                    \
    {                                                                          \
        return (table)[row] ? (table)[row]->name : NULL;                       \
    }

/* --- the members */

enum lip_status train_read_loss(struct train_reader *r, const json_t *value,
                                const struct train_place *at);
enum lip_status train_read_data(struct train_reader *r, const json_t *value,
                                const struct train_place *at);
enum lip_status train_read_model(struct train_reader *r, const json_t *value,
                                 const struct train_place *at);
enum lip_status train_read_constraint(struct train_reader *r,
                                      const json_t *value,
                                      const struct train_place *at);
enum lip_status train_read_optimizer(struct train_reader *r,
                                     const json_t *value,
                                     const struct train_place *at);

/* The directions of a monotone model, and that model against its data. */
enum lip_status train_read_directions(struct train_reader *r,
                                      const json_t *value,
                                      const struct train_place *at);
/* A limit for each input, in the place of one for all. */
enum lip_status train_read_input_limits(struct train_reader *r,
                                        const json_t *value,
                                        const struct train_place *at);
enum lip_status train_check_monotone(struct train_reader *r,
                                     const struct api_train_request *request,
                                     const struct lip_data *data);

/* Settings of layers with windows, as requests have them. */
enum train_window {
    TRAIN_KERNEL,
    TRAIN_STRIDE,
    TRAIN_PADDING,
    TRAIN_DILATION,
    TRAIN_WINDOWS
};
const char *train_window_name(enum train_window which);
const struct lip_setting *
train_window_setting(const struct lip_trainable *layer,
                     enum train_window which);

/* What requests call lip_trainable.units; NULL: the kind has none. */
const char *train_units_name(const struct lip_trainable_kind *kind);

/* Matrices among the layers. */
size_t train_matrices(const struct api_train_request *request);

/* An optimiser whose `momentum` is called beta1 and that has a beta2. */
bool train_is_adaptive(const struct lip_optimiser *optimiser);

#endif
