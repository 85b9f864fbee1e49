/* SPDX-License-Identifier: MIT
 *
 * Uploaded data sets: from the bytes of POST /datasets to struct lip_data.
 * Reading has two steps, so that its memory can be asked for before it is
 * spent: the plan looks at heads and sizes only. */
#ifndef API_DATASET_H
#define API_DATASET_H

#include "api/bound.h"
#include "api/problem.h"
#include "training/data.h"
#include "training/idx.h"

#include <stdbool.h>

enum { API_MAX_IGNORED = 64, API_IGNORED_TEXT = 2048 };

enum api_task {
    API_TASK_TOLD, /* by the data: whole numbers or names are classes */
    API_TASK_CLASSIFICATION,
    API_TASK_REGRESSION
};

/* "classification" or "regression"; false for other texts. */
bool api_task_read(enum api_task *out, const char *text);

/* What the query can say. Each format takes some of it. */
struct api_dataset_options {
    enum api_task task;
    const char *target;                      /* csv: the column to predict */
    const char *ignore[API_MAX_IGNORED + 1]; /* csv: columns left out */
    size_t ignored;
    char ignore_text[API_IGNORED_TEXT];
    const char *x, *y; /* npz: names of the arrays; NULL: "x", "y" */
    double scale;      /* npz, npy: features are divided by it; 0: they stay */
    size_t classes;    /* 0: the largest label and one */
};

struct api_dataset_body {
    const unsigned char *bytes;
    size_t size;
    const char *content_type;      /* NULL: none */
    const struct api_query *query; /* must outlive the plan */
};

struct api_dataset_format;

struct api_dataset_plan {
    const struct api_dataset_format *format;
    struct api_dataset_options options;
    struct lip_bytes part[2]; /* within the body; one or two */
    size_t parts;
    size_t offset; /* of part[0] in the body */
    size_t memory; /* bytes that reading takes at most, the result counted */
};

/* One format a data set comes in. */
struct api_dataset_format {
    const char *name, *title, *media_type;
    size_t parts;        /* 1, or 2 as parts of a form */
    const char *options; /* of the query, each between spaces: " task x " */
    bool (*detect)(const struct lip_bytes *part);
    /* Fills in plan->memory. */
    enum lip_status (*plan)(struct api_dataset_plan *plan, struct lip_ctx *ctx);
    /* LIP_INVALID, LIP_MALFORMED and so on, with the place; what is read ends
     * in lip_data_check by its caller. */
    enum lip_status (*read)(struct lip_data **out,
                            const struct api_dataset_plan *plan,
                            struct lip_ctx *ctx);
};

/* All formats, ended by NULL. */
extern const struct api_dataset_format *const api_dataset_formats[];
extern const struct api_dataset_format api_dataset_npz, api_dataset_npy,
    api_dataset_idx, api_dataset_csv, api_dataset_json;

/* Reads the query and tells the format from the bytes. UNSUPPORTED_FORMAT,
 * INVALID_OPTION, INVALID_DATA, MALFORMED_BODY, BODY_TOO_LARGE. O(size) at the
 * most, with little memory. */
enum lip_status api_dataset_plan(struct api_dataset_plan *out,
                                 const struct api_dataset_body *body,
                                 struct api_problem *problem,
                                 struct lip_ctx *ctx);

/* Reads and checks the data. */
enum lip_status api_dataset_read(struct lip_data **out,
                                 const struct api_dataset_plan *plan,
                                 struct api_problem *problem,
                                 struct lip_ctx *ctx);

/* The problem that a failure while reading data is. */
void api_dataset_problem(struct api_problem *problem,
                         const struct lip_error *error);

/* {"x": [[...], ...], "y": [...], "task": "..."} from text[0 .. size), checked:
 * the inline form, of /train too. Errors speak of byte `offset` + i and of the
 * JSON pointer `prefix` + "/x/3/1". */
enum lip_status api_dataset_read_json(struct lip_data **out, const char *text,
                                      size_t size, size_t offset,
                                      const char *prefix, enum api_task task,
                                      struct lip_ctx *ctx);

#endif
