/* SPDX-License-Identifier: MIT
 *
 * Whether a job gets on: attempts that crash without getting further than any
 * before are counted; the store keeps the count from one to the next. */
#ifndef LIPD_JOBS_ATTEMPTS_H
#define LIPD_JOBS_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>

struct lipd_attempts {
    unsigned vain; /* crashes since there was progress */
    double best;   /* how far the job was then */
};

/* Takes the members "done" and "total" of a progress line into account: a
 * hundredth of the way further than ever before is progress. False where the
 * line is not a JSON object. */
bool lipd_attempts_weigh(struct lipd_attempts *attempts, const char *line,
                         size_t size);

#endif
