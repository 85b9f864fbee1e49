/* SPDX-License-Identifier: MIT
 *
 * Answers that were computed before. The key is the digest of all that decides
 * an answer: model, options, limits that cut it short, and the version of the
 * program. Answers are immutable, so that their key is also their ETag. What is
 * not there is computed again: losing a result is no fault. */
#ifndef LIPD_STORE_RESULTS_H
#define LIPD_STORE_RESULTS_H

#include "base/digest.h"

#include <stdbool.h>
#include <stddef.h>

struct lipd_results;

struct lipd_results_ops {
    /* lip_alloc memory, or NULL where there is none. */
    char *(*get)(struct lipd_results *results, const char key[LIP_DIGEST_TEXT],
                 size_t *size);
    /* Keeps it; the least recently used go where the quota asks for it. */
    void (*put)(struct lipd_results *results, const char key[LIP_DIGEST_TEXT],
                const char *text, size_t size);
    void (*close)(struct lipd_results *results);
};

struct lipd_results {
    const struct lipd_results_ops *ops;
};

#endif
