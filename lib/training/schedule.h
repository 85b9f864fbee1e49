/* SPDX-License-Identifier: MIT
 *
 * How the learning rate moves over a run. */
#ifndef LIP_TRAINING_SCHEDULE_H
#define LIP_TRAINING_SCHEDULE_H

struct lip_schedule {
    const char *name; /* "constant", "linear", "cosine", "step", "one-cycle" */
    const char *title;
    /* The factor of the learning rate at `part` of the run, in [0, 1). */
    double (*factor)(double part);
};

/* All schedules, ended by NULL. */
extern const struct lip_schedule *const lip_schedules[];

const struct lip_schedule *lip_schedule_find(const char *name);

#endif
