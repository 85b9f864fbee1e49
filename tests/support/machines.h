/* SPDX-License-Identifier: MIT
 *
 * Several daemons and one database, each daemon a machine by itself. Every
 * failure here fails the test. */
#ifndef LIP_TESTS_SUPPORT_MACHINES_H
#define LIP_TESTS_SUPPORT_MACHINES_H

#include "tests/support/daemon.h"
#include "tests/support/jobs.h"
#include "tests/support/postgres.h"

/* The number in the environment, or another. */
size_t machines_number(const char *name, size_t fallback);

/* A daemon that serves and runs no jobs; the same again, with its data, after
 * it has ended. `more`: flags besides, or NULL. */
void machine_serve(struct daemon *daemon, const char *store,
                   const char *const *more);
void machine_serve_again(struct daemon *daemon, const char *store,
                         const char *const *more);

/* A worker: one job at a time, a lease of three seconds. */
void machine_work(struct daemon *daemon, const char *store,
                  const char *const *more);
void machine_work_again(struct daemon *daemon, const char *store,
                        const char *const *more);

/* kill -9, and waits for the end. */
void machine_kill(struct daemon *daemon);

/* Submits a job, again while the answer is 503 with Retry-After. */
void machine_submit(char id[JOB_ID], const struct daemon *daemon,
                    const char *body);

/* Waits for a job's end, whatever else fails meanwhile: answers may be 503 with
 * Retry-After. The document is the caller's. */
json_t *machine_await(const struct daemon *daemon, const char *id,
                      double seconds);
bool job_is_over(const json_t *job);
/* NULL where the service says that it cannot answer now. */
json_t *machine_look(const struct daemon *daemon, const char *id);

/* The stream of events of a job that has succeeded, read from this daemon to
 * its end: it tells of one end, and of progress where that is asked for (what
 * was said of it in the last moments a crash of the database takes back). */
void machine_check_events(const struct daemon *daemon, const char *id,
                          bool progress);

/* How often a job was begun, as the database has it. */
long machine_begun(const struct postgres *server, const char *id);

/* Both jobs end well, as the daemon tells it, and with the same model. */
void machine_same_model(const struct daemon *daemon, const char *id,
                        const char *other);

/* Files that no job and no model needs any more: folders of jobs, and what was
 * being written. */
void machine_nothing_left(const struct daemon *daemon);

/* Epochs of a job of this width that take about that long there. */
size_t machines_epochs(const struct daemon *daemon, size_t width,
                       double seconds);

/* A process that submits jobs while others are killed: each with a key of its
 * own, to one daemon or the other until one says that it is accepted. */
struct crowd {
    pid_t pid;
    int ids; /* a pipe: "ID\n" of each */
};
enum { CROWD_MOST = 64 };
void crowd_start(struct crowd *crowd, const struct daemon *one,
                 const struct daemon *other, const char *body, size_t jobs);
/* Waits for its end; the ids. */
size_t crowd_end(struct crowd *crowd, char id[CROWD_MOST][JOB_ID]);

#endif
