/* SPDX-License-Identifier: MIT
 *
 * A few threads that share the parts of short pieces of work. Parts are taken
 * as threads come to them, so that nothing waits for a thread that the machine
 * has given other work. What the parts are must not depend on the number of
 * threads: then neither do results. */
#ifndef LIP_BASE_CREW_H
#define LIP_BASE_CREW_H

#include "base/context.h"

struct lip_crew;

/* A crew of `threads`, the caller one of them, at most 65. *out is NULL, which
 * does everything in the caller, where threads < 2 or none can be started. The
 * threads keep the floating-point environment of this call. A process that
 * forks has no crew in the child. */
void lip_crew_new(struct lip_crew **out, unsigned threads, struct lip_ctx *ctx);

/* NULL is allowed. */
void lip_crew_free(struct lip_crew *crew);

/* Calls work(arg, part) once for each part = 0 .. parts - 1, in any order and
 * side by side, and returns when all are done. One call at a time from the
 * thread that made the crew; a call from inside a part does its own parts
 * alone, one after the other. What the parts wrote is seen by the caller. About
 * a microsecond where the crew is awake; it sleeps after some 100 us without
 * work. */
void lip_crew_run(struct lip_crew *crew, unsigned parts,
                  void (*work)(void *arg, unsigned part), void *arg);

/* Threads of a crew, 1 for NULL. */
unsigned lip_crew_size(const struct lip_crew *crew);

#endif
