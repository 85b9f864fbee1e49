/* SPDX-License-Identifier: MIT
 *
 * Where jobs live: one small interface, so that a database that several
 * daemons share can take the place of the one beside the models.
 *
 * A job is queued, then claimed by one daemon under a lease, which heartbeats
 * prolong; a lease that ran out, by a clock that nobody sets, makes the job
 * queued again. Whatever returned true survives the loss of the process, and of
 * the machine too but for the claims and heartbeats of the last moments, which
 * are done again. All calls may come from any thread. */
#ifndef LIPD_JOBS_JOB_STORE_H
#define LIPD_JOBS_JOB_STORE_H

#include "api/problem.h"
#include "server/jobs/attempts.h"
#include "server/request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIPD_JOB_ID = 32 + 1, LIPD_JOB_KEY = 255 + 1, LIPD_TRIMMED = 100 };

enum lipd_job_state {
    LIPD_JOB_QUEUED,
    LIPD_JOB_RUNNING,
    LIPD_JOB_SUCCEEDED,
    LIPD_JOB_FAILED,
    LIPD_JOB_CANCELLED
};

/* "queued", ... as in the contract. */
const char *lipd_job_state_name(enum lipd_job_state state);
/* A new id: 128 random bits. INTERNAL. */
bool lipd_job_new_id(char id[LIPD_JOB_ID], struct api_problem *problem);

/* The problem of a tenant that has as many jobs as it may; returns false. */
struct lipd_job_wish;
bool lipd_job_too_many(const struct lipd_job_wish *wish,
                       struct api_problem *problem);

/* Succeeded, failed or cancelled: nothing about the job changes any more. */
bool lipd_job_over(enum lipd_job_state state);

/* Texts are JSON and lip_alloc memory of the struct's owner; NULL: none. */
struct lipd_job {
    char id[LIPD_JOB_ID];
    char kind[16];            /* "train" */
    char tenant[LIPD_TENANT]; /* whose it is; "": of a daemon without tokens */
    char trace[LIPD_TRACE];   /* id of the request's trace; "": none */
    struct lipd_quota quota;  /* it was accepted with */
    enum lipd_job_state state;
    double created, started, finished; /* seconds since 1970; 0: not yet */
    bool cancel;                       /* somebody asked */
    unsigned attempts;                 /* claims so far */
    struct lipd_attempts tries;        /* as release left them */
    uint64_t sequence;                 /* of its latest event; 0: none */
    char *request;                     /* what is to be done */
    char *progress;                    /* {"done", "total", "unit", ...} */
    char *result;                      /* of a job that is over */
    char *error;                       /* problem document of a failed one */
};
void lipd_job_clear(struct lipd_job *job);

/* A line of the log: what the store refused. */
void lipd_job_trouble(const char *id, const struct api_problem *problem);

/* Something that happened to a job; sequence numbers count up from 1. */
struct lipd_job_event {
    uint64_t sequence;
    char type[16]; /* "progress", "state" */
    char *data;    /* JSON */
};
void lipd_job_event_clear(struct lipd_job_event *event);

/* What is to be done, for whom; key and digest: see add. */
struct lipd_job_wish {
    const char *kind, *request, *tenant;
    const char *trace;        /* NULL: none */
    const char *key, *digest; /* NULL: none */
    struct lipd_quota quota;  /* stays with the job */
    /* A file that belongs to the request: the body that a model came in. It
     * lasts until the job is over. NULL: none. */
    const void *input;
    size_t input_size;
};

/* How a job ended. */
struct lipd_job_end {
    enum lipd_job_state state;
    const char *result, *error; /* JSON or NULL */
};

enum lipd_claim { LIPD_CLAIMED, LIPD_NOTHING, LIPD_CLAIM_FAILED };

struct lipd_job_store;

/* Functions that fail return false with the problem: STORAGE_FULL, INTERNAL,
 * or as said. */
struct lipd_job_store_ops {
    /* Adds a queued job and sets its id. A key (Idempotency-Key) that came
     * before from the same tenant with the same digest of the request gives
     * that job's id and *again = true; with another digest,
     * IDEMPOTENCY_CONFLICT. OVERLOADED where `most` jobs are queued;
     * RATE_LIMITED where the tenant has as many that are not over as the
     * wish's quota allows, however many add at once. */
    bool (*add)(struct lipd_job_store *store, char id[LIPD_JOB_ID], bool *again,
                const struct lipd_job_wish *wish, size_t most,
                struct api_problem *problem);
    /* NOT_FOUND. */
    bool (*get)(struct lipd_job_store *store, struct lipd_job *job,
                const char *id, struct api_problem *problem);
    /* Writes the job's input file to the descriptor; *there tells whether it
     * has one. STORAGE_FULL also where the descriptor takes no more. */
    bool (*input)(struct lipd_job_store *store, const char *id, int fd,
                  bool *there, struct api_problem *problem);
    /* Up to `most` jobs, newest first, that are older than the job `after` (""
     * : from the newest), of this tenant (NULL: of all), without request,
     * result and error texts. */
    bool (*list)(struct lipd_job_store *store, struct lipd_job *job,
                 size_t *count, size_t most, const char *after,
                 const char *tenant, struct api_problem *problem);
    /* Up to `most` events with sequence > after, oldest first. */
    bool (*events)(struct lipd_job_store *store, struct lipd_job_event *event,
                   size_t *count, size_t most, const char *id, uint64_t after,
                   struct api_problem *problem);

    /* Takes the oldest queued job, whose lease ends `lease` seconds from now,
     * and notes the event. Jobs whose lease is seen to have run out are queued
     * again first. */
    enum lipd_claim (*claim)(struct lipd_job_store *store, struct lipd_job *job,
                             const char *owner, double lease,
                             struct api_problem *problem);
    /* Prolongs the lease and, where progress is not NULL, sets it and notes an
     * event; *cancel tells whether to stop. False also where the lease is
     * another's by now: NOT_FOUND. */
    bool (*heartbeat)(struct lipd_job_store *store, const char *id,
                      const char *owner, double lease, const char *progress,
                      bool *cancel, struct api_problem *problem);
    /* The job is over, once: NOT_FOUND where the lease is another's. */
    bool (*finish)(struct lipd_job_store *store, const char *id,
                   const char *owner, const struct lipd_job_end *end,
                   struct api_problem *problem);
    /* Back to the queue, to be claimed again. `tries` are for whoever claims
     * it; NULL: they stay as they were, and the claim is not counted. */
    bool (*release)(struct lipd_job_store *store, const char *id,
                    const char *owner, const struct lipd_attempts *tries,
                    struct api_problem *problem);
    /* A job that was never begun is cancelled at once. One that runs, or waits
     * to go on, is marked, to end with what there is; one that is over stays
     * as it is. NOT_FOUND. */
    bool (*cancel)(struct lipd_job_store *store, const char *id,
                   struct api_problem *problem);
    /* Everything that this owner, gone since, had claimed is queued again. */
    bool (*recover)(struct lipd_job_store *store, const char *owner,
                    struct api_problem *problem);
    /* Removes the oldest jobs that are over, but for `most`; LIPD_TRIMMED in
     * one call and no more, as everybody waits for it. */
    bool (*trim)(struct lipd_job_store *store, size_t most,
                 struct api_problem *problem);
    /* Does the request of a job that is not over contain this text? */
    bool (*names)(struct lipd_job_store *store, const char *text, bool *named,
                  struct api_problem *problem);
    size_t (*queued)(struct lipd_job_store *store);
    /* False, at no cost, where the store is known not to answer: OVERLOADED. */
    bool (*there)(struct lipd_job_store *store, struct api_problem *problem);
    void (*close)(struct lipd_job_store *store);
};

struct lipd_store_watch;

struct lipd_job_store {
    const struct lipd_job_store_ops *ops;
    struct lipd_store_watch *watch; /* NULL: see watched_store.h */
};

/* SQLite, in DIRECTORY/jobs.sqlite: WAL, synced before anybody is told, but
 * for claims and heartbeats, which may be done again. NULL with a
 * sentence where the file cannot be opened or is not ours. */
struct lipd_job_store *lipd_job_store_sqlite(const char *directory,
                                             char *complaint,
                                             size_t complaint_size);

#endif
