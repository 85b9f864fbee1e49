/* SPDX-License-Identifier: MIT
 *
 * Training jobs of a running daemon, by HTTP and by their processes. Every
 * failure here fails the test. */
#ifndef LIP_TESTS_SUPPORT_JOBS_H
#define LIP_TESTS_SUPPORT_JOBS_H

#include "tests/support/daemon.h"
#include "tests/support/files.h"

#include <jansson.h>

enum { JOB_ID = 64, JOB_BODY = 2000 };

/* A training run on generated data, which keeps an l2 limit of 1.5: two hidden
 * layers of this width. */
struct job_request {
    size_t width, epochs;
    unsigned seed;
};
void job_body(char out[JOB_BODY], const struct job_request *request);

/* POST /train of a body, 202 expected; the job's id. */
void job_submit(char id[JOB_ID], const struct daemon *daemon, const char *body);

/* The job's document, which the caller frees by json_decref. */
json_t *job_show(const struct daemon *daemon, const char *id);

/* The same as soon as the job is over, or in this state. */
json_t *job_await(const struct daemon *daemon, const char *id, double seconds);
void job_await_state(const struct daemon *daemon, const char *id,
                     const char *state, double seconds);

/* Member of a document: "state", or of its result: "model_id". */
const char *job_state(const json_t *job);
const char *job_model(const json_t *job);
double job_bound(const json_t *job);

/* The process of a job of this daemon; 0: there is none. */
pid_t job_process(const struct daemon *daemon);
/* The same once it is a program of its own, of which a job that is "running"
 * may be short of yet; fails where there is none after 30 s. */
pid_t job_process_await(const struct daemon *daemon);

/* The list of jobs in this data folder is whole, by SQLite's own check. */
void job_list_is_whole(const char *data);

/* A stored model as safetensors. */
void job_model_bytes(struct bytes *out, const struct daemon *daemon,
                     const char *model);

#endif
