/* SPDX-License-Identifier: MIT
 *
 * The functions of the kinds of jobs, each in its own file, for the table in
 * kinds.c. */
#ifndef LIPD_JOBS_KINDS_H
#define LIPD_JOBS_KINDS_H

#include "server/jobs/child.h"

int lipd_child_bound(struct lipd_child *child, struct api_problem *problem);
int lipd_child_train(struct lipd_child *child, struct api_problem *problem);

#endif
