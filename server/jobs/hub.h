/* SPDX-License-Identifier: MIT
 *
 * The hub: who waits for news of which job. Whoever changes a job in the store
 * says so here; requests that wait for a job to change state, and open event
 * streams, hear of it. */
#ifndef LIPD_JOBS_HUB_H
#define LIPD_JOBS_HUB_H

#include <stdbool.h>

struct lipd_hub;

/* Called by the hub's thread, once: news came, or it may have (true); or the
 * time is up (false). The listener is gone from the hub when it is called. It
 * may read the store and listen again; the other listeners wait meanwhile. */
typedef void lipd_hub_fn(void *arg, bool news);

/* NULL where memory or the thread was refused. */
struct lipd_hub *lipd_hub_start(void);

/* From now on every listener is told at once that its time is up: those that
 * listen and those to come. */
void lipd_hub_stop(struct lipd_hub *hub);

/* Stops, tells whoever is left, ends the thread. NULL is allowed. */
void lipd_hub_free(struct lipd_hub *hub);

/* There is news of this job; "": of any, perhaps. */
void lipd_hub_publish(struct lipd_hub *hub, const char *job);

/* A number that grows with each news of any job: read it before looking into
 * the store, and hand it to lipd_hub_listen, which calls at once where there
 * was news since. */
unsigned long lipd_hub_time(struct lipd_hub *hub);

/* Calls fn(arg, ...) at the next news of the job after `since`, or at the time
 * `deadline` (lip_now()); possibly before this returns. False, and no call,
 * where there is no memory. */
bool lipd_hub_listen(struct lipd_hub *hub, const char *job, unsigned long since,
                     double deadline, lipd_hub_fn *fn, void *arg);

/* The listener with this `arg`, if it still listens, is told now that its time
 * is up. */
void lipd_hub_hurry(struct lipd_hub *hub, const void *arg);

#endif
