/* SPDX-License-Identifier: MIT
 *
 * What one tenant may take, and what that comes to beside the limits that the
 * daemon has for everybody. A job keeps the quota that it was accepted with, so
 * that whoever runs it needs no tokens. */
#ifndef LIPD_QUOTA_H
#define LIPD_QUOTA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* From the line of the token that a request came with; 0: as much as the
 * daemon grants everybody. */
struct lipd_quota {
    size_t stored;  /* bytes of models and data sets that the tenant holds */
    size_t jobs;    /* of the tenant's that are not over */
    size_t body;    /* bytes of one request's body */
    size_t memory;  /* bytes that one request, or one job, may use */
    double seconds; /* that one request, or one job, may compute */
    double flops;   /* estimated, of one method */
};

/* The least of the two, of which 0 is none at all. */
size_t lipd_least(size_t common, size_t own);
double lipd_least_of(double common, double own);

enum { LIPD_QUOTA_TEXT = 256 };

/* As a JSON object; NULL where there is no limit in it. */
const char *lipd_quota_write(char out[LIPD_QUOTA_TEXT],
                             const struct lipd_quota *quota);
/* From that; NULL, "" and what is no such object are no limits. False where
 * there is no memory to read it, or it is not JSON: the limits are not known.
 */
bool lipd_quota_read(struct lipd_quota *out, const char *text);
struct lipd_quota lipd_quota_of(const json_t *json);

#endif
