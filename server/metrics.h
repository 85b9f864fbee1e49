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
 * lipd_reject; METHOD: the row in lip_methods; STATE: enum lipd_job_state. */
#define LIPD_METRICS(X)                                                        \
    X(REQUESTS, "requests_total", COUNTER, ROUTE,                              \
      "Requests by route and class of status")                                 \
    X(PROBLEMS, "problems_total", COUNTER, CODE, "Problem documents by code")  \
    X(REJECTS, "rejects_total", COUNTER, REASON,                               \
      "Requests refused before any work was done for them, by reason")         \
    X(RECEIVED, "received_bytes_total", COUNTER, NONE,                         \
      "Bytes of request bodies")                                               \
    X(SENT, "sent_bytes_total", COUNTER, NONE, "Bytes of answer bodies")       \
    X(CONNECTIONS, "connections", GAUGE, NONE, "Open connections")             \
    X(IN_FLIGHT, "requests_in_flight", GAUGE, NONE,                            \
      "Requests begun and not yet answered")                                   \
    X(QUEUE_DEPTH, "queue_depth", GAUGE, NONE,                                 \
      "Requests that wait for a worker")                                       \
    X(STREAMS, "event_streams", GAUGE, NONE, "Open streams of events")         \
    X(RESERVED, "reserved_bytes", GAUGE, NONE,                                 \
      "Estimated memory of the requests in flight")                            \
    X(WORKERS, "workers", GAUGE, NONE, "Compute threads")                      \
    X(WORKERS_BUSY, "workers_busy", GAUGE, NONE, "Compute threads at work")    \
    X(STORED, "stored_bytes", GAUGE, NONE, "Bytes of stored models")           \
    X(DATASETS, "stored_dataset_bytes", GAUGE, NONE,                           \
      "Bytes of stored data sets")                                             \
    X(JOBS_RUNNING, "jobs_running", GAUGE, NONE, "Jobs whose process runs")    \
    X(JOBS_QUEUED, "jobs_queued", GAUGE, NONE, "Jobs that wait for a process") \
    X(JOBS_ENDED, "jobs_ended_total", COUNTER, STATE,                          \
      "Jobs that are over, by state")                                          \
    X(JOB_CRASHES, "job_crashes_total", COUNTER, NONE,                         \
      "Processes of jobs that did not end by themselves")                      \
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
    X(RATE, "rate")

enum lipd_reject {
#define X(constant, name) LIPD_REJECT_##constant,
    LIPD_REJECTS(X)
#undef X
        LIPD_REJECT_COUNT
};

/* The series of a route (its row; the number of rows for no route) and an HTTP
 * status. */
size_t lipd_metric_route(size_t route, int status);

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
