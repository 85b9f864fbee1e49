/* SPDX-License-Identifier: MIT
 *
 * How long a request for bounds may take, and so whether it is answered at once
 * or as a job. */
#ifndef LIPD_BOUND_TIME_H
#define LIPD_BOUND_TIME_H

#include "api/bound.h"
#include "server/config.h"
#include "server/quota.h"

/* Seconds. */
struct lipd_bound_time {
    double at_once;  /* that an answer at once may take */
    double job;      /* that a job may take */
    double patience; /* that a job has where nothing is said */
    bool own;        /* `job` is the token's */
};

/* From --max-time, --job-time and what the token may take. */
struct lipd_bound_time lipd_bound_time(const struct lipd_config *config,
                                       struct lipd_quota quota);

/* Does the request need more than an answer at once may take, and may a job
 * take more? It asks for more by its time_limit, or has none and names methods
 * that are predicted (see api_bound_predict) to take more. A limit that fits is
 * one that the client is content with: what was proven by then is the answer.
 */
bool lipd_bound_is_long(struct lipd_bound_time time,
                        const struct api_bound_request *request,
                        double predicted);

/* The seconds that a job has: the request's time_limit or, without one, ten
 * times --max-time, or four times what is predicted where that is more; at most
 * what a job may. MODEL_TOO_LARGE where more than that is predicted and the
 * request has no time_limit. */
bool lipd_bound_job_time(double *seconds, struct lipd_bound_time time,
                         const struct api_bound_request *request,
                         double predicted, struct api_problem *problem);

#endif
