/* SPDX-License-Identifier: MIT
 *
 * Answers of POST /bound that were given before. What is kept is the document
 * as it was sent, for the tenant it was sent to: nobody learns, not even from
 * the time that an answer takes, what others have asked.
 *
 * An answer that more time or memory would not change is given to every request
 * like it. One from which methods were left out beforehand, as `auto` does with
 * what it expects to take too long, is given to requests with the same limits
 * only, on machines of the same speed. One that was cut off on the way is given
 * to nobody. */
#ifndef LIPD_RECALL_H
#define LIPD_RECALL_H

#include "api/bound.h"
#include "server/request.h"

/* The member of a job's request. */
#define LIPD_RECALL "recall"

/* What a request is called among the results. */
struct lipd_recall {
    bool look;                     /* may an earlier answer be given? */
    bool keep;                     /* may this one be kept? */
    double max_age;                /* of an earlier one; INFINITY: any */
    char key[LIP_DIGEST_TEXT];     /* of an answer that is final */
    char limited[LIP_DIGEST_TEXT]; /* within the limits; "": not for this */
};

/* Names the request: `limits` are those that it would be answered with. Where
 * nothing is kept, where its model is only named and not the tenant's, or for
 * want of memory, neither `look` nor `keep` is set. Heeds Cache-Control:
 * no-cache and max-age (nothing older is given), no-store (nothing is kept).
 */
void lipd_recall_name(struct lipd_recall *recall,
                      const struct lipd_request *request,
                      const struct api_bound_request *read,
                      const struct api_bound_limits *limits);

/* Replies with an earlier answer; false: there is none, or none may be given.
 */
bool lipd_recall_reply(const struct lipd_recall *recall,
                       struct lipd_request *request);

/* Replies with a new one, which it takes, and keeps it where it may be. */
void lipd_recall_keep(const struct lipd_recall *recall,
                      struct lipd_request *request,
                      enum api_bound_standing standing, struct api_text *text);

/* --- for jobs: no request is at hand */

/* Writes "recall" as a member, where there is something in it: what a job's
 * request has of it. */
void lipd_recall_write(const struct lipd_recall *recall, struct api_text *text);

struct lipd_results;
struct lipd_result;

/* What a tenant has under a final answer's key. Counts the outcome. */
bool lipd_recall_find(struct lipd_result *out, struct lipd_results *results,
                      const char *tenant, const char *key);

/* Keeps a document; a failure is logged. */
void lipd_recall_put(struct lipd_results *results, const char *tenant,
                     const char *key, const char *document, size_t size);

#endif
