/* SPDX-License-Identifier: MIT
 *
 * The runner's slots, which runner.c fills and serves, and runner_settle.c
 * empties. */
#ifndef LIPD_JOBS_RUNNER_SLOT_H
#define LIPD_JOBS_RUNNER_SLOT_H

#include "server/jobs/attempts.h"
#include "server/jobs/child.h"
#include "server/jobs/ear.h"
#include "server/jobs/job_recall.h"
#include "server/jobs/job_store.h"
#include "server/jobs/outcome.h"
#include "server/jobs/process.h"
#include "server/jobs/share.h"
#include "server/service.h"

#include <pthread.h>

enum lipd_slot_state { LIPD_SLOT_FREE, LIPD_SLOT_RUNS, LIPD_SLOT_SETTLES };

struct lipd_slot {
    enum lipd_slot_state state;
    char id[LIPD_JOB_ID], kind[16], trace[LIPD_TRACE];
    struct lipd_process process;
    struct lipd_outcome outcome;
    int code; /* how the process ended: what the outcome is read by */
    char news[LIPD_CHILD_LINE + 1]; /* progress not yet in the store; "" none */
    struct lipd_attempts attempts;
    struct lipd_job_recall recall;
    bool cancel, late, lost, killed;
    struct lipd_quota may; /* what it may take */
    double begun;          /* when its process was started */
    double beaten;         /* when the store last heard of the job */
    double kill_at, late_at;
    double retry_at, retry_after;
    struct lipd_shared shared; /* checkpoint */
};

struct lipd_runner {
    struct lipd_service *service;
    pthread_t thread;
    int folders;
    char **environment;
    struct lipd_owner owner;
    struct lipd_share share;
    _Atomic bool stopping;
    double stop_at; /* written before stopping is set */
    bool told_to_pause;
    double look_at;      /* for queued jobs */
    double sweep_at;     /* folders of jobs that ended elsewhere */
    struct lipd_ear ear; /* for what others have changed */
    size_t count;
    struct lipd_slot slot[];
};

struct lipd_job_store *lipd_slot_store(const struct lipd_runner *runner);

/* Who waits for the job looks again. */
void lipd_slot_publish(const struct lipd_runner *runner,
                       const struct lipd_slot *slot);

/* From now on the store is to hear of the outcome. */
void lipd_slot_settle_later(struct lipd_slot *slot);

/* Reads what the job's process left that ended with this code; false: nothing
 * of use. */
bool lipd_slot_read(struct lipd_runner *runner, struct lipd_slot *slot,
                    int code);

/* Decides what becomes of a job whose process ended with this status. */
void lipd_slot_judge(struct lipd_runner *runner, struct lipd_slot *slot,
                     int status);

/* The job is another's by now. */
void lipd_slot_forget(struct lipd_runner *runner, struct lipd_slot *slot);

/* Tells the store, when it is time to. */
void lipd_slot_settle(struct lipd_runner *runner, struct lipd_slot *slot);

#endif
