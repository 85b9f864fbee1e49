/* SPDX-License-Identifier: MIT
 *
 * The tests of the interface of job stores, for each implementation. */
#ifndef LIP_TESTS_SUPPORT_JOB_STORE_SUITE_H
#define LIP_TESTS_SUPPORT_JOB_STORE_SUITE_H

#include "server/jobs/job_store.h"

#include <check.h>

struct job_store_source {
    void (*setup)(void); /* before each test: a place without jobs */
    void (*teardown)(void);
    struct lipd_job_store *(*open)(void); /* the same jobs each time */
};

TCase *job_store_suite(const struct job_store_source *source);
/* Those of quotas. */
TCase *job_store_quota_suite(const struct job_store_source *source);

#endif
