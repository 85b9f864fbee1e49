/* SPDX-License-Identifier: MIT
 *
 * What one thread tells another of jobs that changed: their ids, kept until
 * that has time for them. */
#ifndef LIPD_JOBS_EAR_H
#define LIPD_JOBS_EAR_H

#include "server/jobs/job_store.h"

#include <pthread.h>

enum { LIPD_HEARD = 16 };

/* More than fit are all jobs. */
struct lipd_heard {
    char job[LIPD_HEARD][LIPD_JOB_ID];
    size_t count;
};

struct lipd_ear {
    int fd; /* readable while something was heard; -1: it cannot be had */
    pthread_mutex_t lock;
    struct lipd_heard heard;
};

void lipd_ear_init(struct lipd_ear *ear);
void lipd_ear_clear(struct lipd_ear *ear);

/* This job has changed; "": any may have. */
void lipd_ear_hear(struct lipd_ear *ear, const char *job);
/* What was heard since the last time; false: nothing. */
bool lipd_ear_take(struct lipd_ear *ear, struct lipd_heard *heard);

/* May this job have changed? */
bool lipd_heard_concerns(const struct lipd_heard *heard, const char *job);

#endif
