/* SPDX-License-Identifier: MIT
 *
 * Predictions are from the shapes alone, so that they are trusted to a small
 * factor only. */
#include "server/bound_time.h"

#include "server/jobs/limits.h"

#include <math.h>

static const double patience = 10, doubt = 4;

struct lipd_bound_time lipd_bound_time(const struct lipd_config *config,
                                       struct lipd_quota quota)
{
    double job = lipd_job_may(config, quota).seconds;
    return (struct lipd_bound_time){
        .at_once = lipd_least_of(config->max_time, quota.seconds),
        .job = job,
        .patience = patience * config->max_time,
        .own = quota.seconds > 0 && quota.seconds <= config->job_time,
    };
}

bool lipd_bound_is_long(struct lipd_bound_time time,
                        const struct api_bound_request *request,
                        double predicted)
{
    double limit = request->options.time_limit;
    return (limit > 0 ? limit : predicted) > time.at_once &&
           time.job > time.at_once;
}

bool lipd_bound_job_time(double *seconds, struct lipd_bound_time time,
                         const struct api_bound_request *request,
                         double predicted, struct api_problem *problem)
{
    double limit = request->options.time_limit;
    double wanted = fmax(time.patience, doubt * predicted);
    *seconds = fmin(limit > 0 ? limit : wanted, time.job);
    if (limit > 0 || predicted <= time.job)
        return true;
    api_problem_set(problem, API_PROBLEM_MODEL_TOO_LARGE,
                    "The methods that are named are expected to take about "
                    "%.2g s on this model, more than the %.6g s that a job "
                    "may (%s). Name cheaper ones, or give a time_limit to have "
                    "what is proven by then.",
                    predicted, time.job,
                    time.own ? "what its token has" : "--job-time");
    return false;
}
