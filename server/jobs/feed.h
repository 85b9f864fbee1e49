/* SPDX-License-Identifier: MIT
 *
 * The events of a job as server-sent events: an answer that goes on until the
 * job is over, the client leaves or the daemon drains. */
#ifndef LIPD_JOBS_FEED_H
#define LIPD_JOBS_FEED_H

#include "server/request.h"

/* Answers the request with the events of an existing job that come after this
 * sequence number. OVERLOADED where --streams are open. */
void lipd_feed_open(struct lipd_request *request, const char *job,
                    uint64_t after);

/* One event in the form of the stream, at the end of a text. */
struct lipd_job_event;
struct lipd_out;
void lipd_feed_print(struct lipd_out *out, const struct lipd_job_event *event);

#endif
