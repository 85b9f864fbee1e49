/* SPDX-License-Identifier: MIT
 *
 * Whether a job gets on: attempts that crash without getting further than any
 * before are counted, in a file beside the job's own. */
#ifndef LIPD_JOBS_ATTEMPTS_H
#define LIPD_JOBS_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>

struct lipd_attempts {
    unsigned vain; /* crashes since there was progress */
    double best;   /* how far the job was then */
};

/* As the folder has it; none where it does not tell. */
void lipd_attempts_read(struct lipd_attempts *attempts, int folders,
                        const char *id);
void lipd_attempts_write(const struct lipd_attempts *attempts, int folders,
                         const char *id);

/* Takes the members "done" and "total" of a progress line into account: a
 * hundredth of the way further than ever before is progress. False where the
 * line is not a JSON object. */
bool lipd_attempts_weigh(struct lipd_attempts *attempts, const char *line,
                         size_t size);

#endif
