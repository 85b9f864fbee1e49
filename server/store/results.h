/* SPDX-License-Identifier: MIT
 *
 * Answers to requests for bounds, kept to be given again: a memory that may
 * forget anything at any time, and never gives what was not put. It holds at
 * most so many bytes; what was used longest ago goes first. All calls may come
 * from any thread, and none waits for a store that is in trouble. */
#ifndef LIPD_STORE_RESULTS_H
#define LIPD_STORE_RESULTS_H

#include "api/problem.h"
#include "base/digest.h"

#include <stdbool.h>
#include <stddef.h>

enum { LIPD_RESULT_ETAG = 2 + 32 + 1 };

/* What a row takes beside its document, about. */
enum { LIPD_RESULT_ROW = 512 };

struct lipd_result {
    char etag[LIPD_RESULT_ETAG]; /* of the document; in quotes */
    char *document;              /* lip_alloc memory; NUL-terminated */
    size_t size;
    double created; /* seconds since 1970 */
};
void lipd_result_clear(struct lipd_result *result);

/* The entity tag of a document, a digest of its bytes. */
void lipd_result_etag(char out[LIPD_RESULT_ETAG], const char *document,
                      size_t size);

struct lipd_results;

enum lipd_found { LIPD_FOUND, LIPD_ABSENT, LIPD_UNKNOWN /* it failed */ };

struct lipd_results_ops {
    /* What this tenant has under the key. */
    enum lipd_found (*get)(struct lipd_results *results, const char *tenant,
                           const char *key, struct lipd_result *out);
    /* Keeps a document, in the place of an earlier one; *dropped others go for
     * it. One that would take more than a quarter of all is not kept, which is
     * no failure. STORAGE_FULL, OVERLOADED, INTERNAL. */
    bool (*put)(struct lipd_results *results, const char *tenant,
                const char *key, const char *document, size_t size,
                size_t *dropped, struct api_problem *problem);
    /* That are kept, about; 0 where that is not known. */
    size_t (*bytes)(struct lipd_results *results);
    void (*close)(struct lipd_results *results);
};

struct lipd_results {
    const struct lipd_results_ops *ops;
    size_t most; /* bytes */
};

/* May a document of this size be kept among so many bytes? */
bool lipd_result_fits(const struct lipd_results *results, size_t size);

/* SQLite, in DIRECTORY/results.sqlite. A file that cannot be used is begun
 * anew. NULL with a sentence. */
struct lipd_results *lipd_results_sqlite(const char *directory, size_t most,
                                         char *complaint,
                                         size_t complaint_size);

#endif
