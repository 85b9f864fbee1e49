/* SPDX-License-Identifier: MIT
 *
 * A training job at work: what the files of the kind "train" share. */
#ifndef LIPD_JOBS_TRAINING_H
#define LIPD_JOBS_TRAINING_H

#include "api/train.h"
#include "server/jobs/child.h"
#include "training/pool.h"

/* An epoch of the history. Numbers that there are none of are NAN. */
struct lipd_train_row {
    double epoch, rate, loss, accuracy, error;
    double validation_loss, validation_accuracy, validation_error;
    double lipschitz;
};

enum lipd_train_end {
    LIPD_TRAIN_COMPLETED,
    LIPD_TRAIN_STOPPED_EARLY,
    LIPD_TRAIN_CANCELLED,
    LIPD_TRAIN_DIVERGED,
    LIPD_TRAIN_TIME_LIMIT
};

struct lipd_training {
    struct lipd_child *child;
    struct api_problem *problem;
    struct lip_ctx *ctx;
    struct api_train_request request;

    int data_file; /* of a stored data set; -1: none */
    /* The data: what they are as a whole, and the parts, scaled. */
    char data_id[LIP_DIGEST_TEXT];
    size_t rows, features, classes, targets;
    struct lip_data *training, *validation; /* validation may be NULL */
    struct lip_scaling scaling;

    struct lip_model *model;
    struct lip_run *run;
    struct lip_pool pool;

    struct lipd_train_row *row; /* the history */
    size_t row_count, row_room;

    double limit;         /* of the whole network; 0: none */
    double began, before; /* lip_now() at the start; seconds before that */
    double deadline;      /* of this attempt; 0: none */
    double told, saved;   /* when it last spoke, kept a checkpoint */
    double save_seconds;  /* that the last checkpoint took */
    enum lipd_child_wish wish;
    bool out_of_time, failed; /* failed: the problem is filled */
};

/* --- training_setup.c */

/* Reads the request and makes the run, at its start. False with the problem. */
bool lipd_training_begin(struct lipd_training *training);
void lipd_training_clear(struct lipd_training *training);

/* The data in raw units, dealt into their parts once more. */
bool lipd_training_parts(struct lipd_training *training,
                         struct lip_data **first, struct lip_data **second);

/* --- training_watch.c: progress, history, checkpoints */

/* Goes on from the file "checkpoint", if there is one of this run. */
bool lipd_training_restore(struct lipd_training *training);
/* Trains until the run is over or has to stop, and keeps checkpoints. */
enum lip_status lipd_training_go(struct lipd_training *training);
/* Keeps one now. */
bool lipd_training_save(struct lipd_training *training);
/* Seconds of training, earlier attempts included. */
double lipd_training_seconds(const struct lipd_training *training);

/* A member, where there is a number; those of an epoch that say how good it
 * was. */
void lipd_training_put(struct api_text *text, const char *key, double value);
void lipd_training_put_row(struct api_text *text,
                           const struct lipd_train_row *row);

/* --- training_result.c */

/* Makes the model that is served, proves its bound and writes the files
 * "model", "model.id" and "result.json". id gets the model's. False with the
 * problem, also where the least proven bound is above the limit. */
bool lipd_training_finish(struct lipd_training *training,
                          enum lipd_train_end end, char id[LIP_DIGEST_TEXT]);

#endif
