/* SPDX-License-Identifier: MIT
 *
 * Counters, gauges and histograms from one table, kept in atomics and written
 * as Prometheus text. */
#ifndef LIPD_METRICS_H
#define LIPD_METRICS_H

#include "server/out.h"

#include <stdint.h>

/* constant, name (without the prefix lipschitzd_), kind, labels, help. The
 * labels tell what `series` counts: NONE: 0; ROUTE: 5 * route + status class -
 * 1 (lipd_metric_route); CODE: enum api_problem_code; REASON: enum
 * lipd_reject; METHOD: the row in lip_methods; FORMAT: that in lip_formats;
 * PATH: a route's row; KIND: that in lipd_job_kinds; STATE: lipd_metric_job;
 * EXIT: enum lipd_exit; CALL: enum lipd_call; OUTCOME: enum lipd_lookup. A SPAN
 * is a gauge and a TIME a counter of seconds, set and added to in nanoseconds.
 */
#define LIPD_METRICS(X)                                                        \
    X(REQUESTS, "requests_total", COUNTER, ROUTE,                              \
      "Requests by route and class of status")                                 \
    X(PROBLEMS, "problems_total", COUNTER, CODE, "Problem documents by code")  \
    X(REQUEST_SECONDS, "request_seconds", HISTOGRAM, PATH,                     \
      "Time from the head of a request to the end of its answer, by route")    \
    X(REJECTS, "rejects_total", COUNTER, REASON,                               \
      "Requests refused before any work was done for them, by reason")         \
    X(RECEIVED, "received_bytes_total", COUNTER, NONE,                         \
      "Bytes of request bodies")                                               \
    X(SENT, "sent_bytes_total", COUNTER, NONE, "Bytes of answer bodies")       \
    X(CONNECTIONS, "connections", GAUGE, NONE, "Open connections")             \
    X(TLS_HANDSHAKES, "tls_handshakes_total", COUNTER, NONE,                   \
      "Handshakes of TLS that came to their end")                              \
    X(TLS_FAILURES, "tls_handshake_failures_total", COUNTER, NONE,             \
      "Connections that ended before their handshake of TLS did")              \
    X(TLS_EXPIRY, "tls_certificate_expiry_seconds", GAUGE, NONE,               \
      "When the certificate ends, in seconds since 1970; 0 without TLS")       \
    X(IN_FLIGHT, "requests_in_flight", GAUGE, NONE,                            \
      "Requests begun and not yet answered")                                   \
    X(IN_FLIGHT_BYTES, "in_flight_bytes", GAUGE, NONE,                         \
      "Bytes of bodies that arrived with the requests in flight")              \
    X(QUEUE_DEPTH, "queue_depth", GAUGE, NONE,                                 \
      "Requests that wait for a worker")                                       \
    X(QUEUE_OLDEST, "queue_oldest_seconds", SPAN, NONE,                        \
      "How long the request that waits longest for a worker has waited")       \
    X(STREAMS, "event_streams", GAUGE, NONE, "Open streams of events")         \
    X(RESERVED, "reserved_bytes", GAUGE, NONE,                                 \
      "Estimated memory of the requests in flight")                            \
    X(WORKERS, "workers", GAUGE, NONE, "Compute threads")                      \
    X(WORKERS_BUSY, "workers_busy", GAUGE, NONE, "Compute threads at work")    \
    X(STORED, "stored_bytes", GAUGE, NONE, "Bytes of stored models")           \
    X(DATASETS, "stored_dataset_bytes", GAUGE, NONE,                           \
      "Bytes of stored data sets")                                             \
    X(EVICTED, "evicted_models_total", COUNTER, NONE,                          \
      "Models that made room for others")                                      \
    X(JOBS_RUNNING, "jobs_running", GAUGE, NONE, "Jobs whose process runs")    \
    X(JOBS_QUEUED, "jobs_queued", GAUGE, NONE,                                 \
      "Jobs that wait for a process; with --store all of them, told by each "  \
      "daemon")                                                                \
    X(JOBS_ENDED, "jobs_ended_total", COUNTER, STATE,                          \
      "Jobs that are over, by kind and state")                                 \
    X(JOB_EXITS, "job_exits_total", COUNTER, EXIT,                             \
      "Processes of jobs that ended, by how: done, failed, cancelled and "     \
      "paused by themselves, killed by the daemon, forbidden by their "        \
      "sandbox, crashed otherwise")                                            \
    X(JOB_SECONDS, "job_seconds_total", TIME, KIND,                            \
      "Time that processes of jobs ran, by kind of job")                       \
    X(JOB_CRASHES, "job_crashes_total", COUNTER, NONE,                         \
      "Processes of jobs that did not end by themselves")                      \
    X(STORE_SECONDS, "store_seconds", HISTOGRAM, CALL,                         \
      "Time of a call of the store of jobs, by call")                          \
    X(STORE_FAILURES, "store_failures_total", COUNTER, CALL,                   \
      "Calls of the store of jobs that failed for its own reasons, by call")   \
    X(RESULTS, "result_lookups_total", COUNTER, OUTCOME,                       \
      "Answers of /bound looked for among those kept: hit, miss, passed over " \
      "as the client wanted, failed where the store did not answer")           \
    X(RESULTS_DROPPED, "results_dropped_total", COUNTER, NONE,                 \
      "Kept answers that made room for others")                                \
    X(RESULT_BYTES, "stored_result_bytes", GAUGE, NONE,                        \
      "Bytes of kept answers, about")                                          \
    X(MODELS_READ, "models_read_total", COUNTER, FORMAT,                       \
      "Models that came with requests for bounds or to be stored, by format")  \
    X(RESIDENT, "resident_bytes", GAUGE, NONE,                                 \
      "Memory of the daemon's process, without those of jobs")                 \
    X(DESCRIPTORS, "open_descriptors", GAUGE, NONE,                            \
      "Open file descriptors of the daemon's process")                         \
    X(CPU, "cpu_seconds_total", TIME, NONE,                                    \
      "Time of processors that the daemon's process took")                     \
    X(UPTIME, "uptime_seconds", GAUGE, NONE, "Seconds since the start")        \
    X(QUEUE_SECONDS, "queue_seconds", HISTOGRAM, NONE,                         \
      "Time a request waited for a worker")                                    \
    X(WORK_SECONDS, "work_seconds", HISTOGRAM, NONE,                           \
      "Time a worker spent on a request")                                      \
    X(BOUND_SECONDS, "bound_seconds", HISTOGRAM, METHOD,                       \
      "Time of a bound, by method")

enum lipd_metric {
#define X(constant, name, kind, labels, help) LIPD_##constant,
    LIPD_METRICS(X)
#undef X
        LIPD_METRIC_COUNT
};

/* Why a request was refused early. */
#define LIPD_REJECTS(X)                                                        \
    X(NO_ROUTE, "no_route")                                                    \
    X(BAD_HEAD, "bad_head")                                                    \
    X(BODY_SIZE, "body_size")                                                  \
    X(QUEUE, "queue_full")                                                     \
    X(MEMORY, "memory_full")                                                   \
    X(DRAINING, "draining")                                                    \
    X(HEADER_TIME, "header_timeout")                                           \
    X(BODY_TIME, "body_timeout")                                               \
    X(REPLY_TIME, "reply_timeout")                                             \
    X(GONE, "client_gone")                                                     \
    X(TOKEN, "token")                                                          \
    X(RATE, "rate")                                                            \
    X(JOBS, "jobs")

enum lipd_reject {
#define X(constant, name) LIPD_REJECT_##constant,
    LIPD_REJECTS(X)
#undef X
        LIPD_REJECT_COUNT
};

/* How the process of a job ended. */
#define LIPD_EXITS(X)                                                          \
    X(DONE, "done")                                                            \
    X(FAILED, "failed")                                                        \
    X(CANCELLED, "cancelled")                                                  \
    X(PAUSED, "paused")                                                        \
    X(CRASHED, "crashed")                                                      \
    X(KILLED, "killed")                                                        \
    X(FORBIDDEN, "forbidden")

enum lipd_exit {
#define X(constant, name) LIPD_EXIT_##constant,
    LIPD_EXITS(X)
#undef X
        LIPD_EXIT_COUNT
};

/* Calls of the store of jobs that are measured. */
#define LIPD_CALLS(X)                                                          \
    X(ADD, "add")                                                              \
    X(GET, "get")                                                              \
    X(LIST, "list")                                                            \
    X(EVENTS, "events")                                                        \
    X(CLAIM, "claim")                                                          \
    X(HEARTBEAT, "heartbeat")                                                  \
    X(FINISH, "finish")                                                        \
    X(RELEASE, "release")                                                      \
    X(CANCEL, "cancel")

enum lipd_call {
#define X(constant, name) LIPD_CALL_##constant,
    LIPD_CALLS(X)
#undef X
        LIPD_CALL_COUNT
};

/* What came of looking for an answer among those kept. */
#define LIPD_LOOKUPS(X)                                                        \
    X(HIT, "hit")                                                              \
    X(MISS, "miss")                                                            \
    X(PASSED, "passed")                                                        \
    X(FAILED, "failed")

enum lipd_lookup {
#define X(constant, name) LIPD_LOOKUP_##constant,
    LIPD_LOOKUPS(X)
#undef X
        LIPD_LOOKUP_COUNT
};

/* The series of a route (its row; the number of rows for no route) and an HTTP
 * status. */
size_t lipd_metric_route(size_t route, int status);

/* The row of a kind of job by its name, 0 where there is none; and the series
 * of jobs of this kind that ended in this state, enum lipd_job_state. */
size_t lipd_metric_kind(const char *kind);
size_t lipd_metric_job(const char *kind, int state);

struct lip_format;
/* A model was read in this format; NULL: none. */
void lipd_metric_format(const struct lip_format *format);

struct lip_bound;
/* A bound was proven: its seconds go to the histogram of its method. */
void lipd_metric_bound(const struct lip_bound *bound);

void lipd_metric_add(enum lipd_metric metric, size_t series, int64_t value);
void lipd_metric_set(enum lipd_metric metric, size_t series, int64_t value);
int64_t lipd_metric_get(enum lipd_metric metric, size_t series);

/* One observation of a histogram, in seconds. */
void lipd_metric_observe(enum lipd_metric metric, size_t series,
                         double seconds);

/* The whole of it as Prometheus text format 0.0.4. Series that were never
 * touched are left out, but for those without labels. */
void lipd_metrics_write(struct lipd_out *out);

#endif
