/* SPDX-License-Identifier: MIT
 *
 * The kinds of jobs. Nothing else stands here, so that a test's own table can
 * take its place. */
#include "server/jobs/kinds.h"

const struct lipd_job_kind lipd_job_kinds[] = {
    {"bound", lipd_child_bound},
    {"train", lipd_child_train},
    {NULL, NULL},
};
