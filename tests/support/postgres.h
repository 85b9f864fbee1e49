/* SPDX-License-Identifier: MIT
 *
 * A PostgreSQL server of Debian's for tests, on a socket in a folder of its own
 * under /tmp; never as root. Every failure fails the test. */
#ifndef LIP_TESTS_SUPPORT_POSTGRES_H
#define LIP_TESTS_SUPPORT_POSTGRES_H

#include <stdbool.h>

struct Suite; /* of libcheck */
struct lipd_pg;

struct postgres {
    char directory[64];
    char url[160];
};

/* Is it installed? Says so on the terminal where it is not: the test is
 * skipped then. */
bool postgres_there(void);

/* Makes a server that answers; starts one again that was stopped. */
void postgres_start(struct postgres *server);
/* The same where the folder is prepared by somebody before anything is in it.
 */
void postgres_start_on(struct postgres *server,
                       void (*prepare)(const char *directory));
void postgres_again(const struct postgres *server);

/* As a loss of power would: it does not write what it has in mind. */
void postgres_kill(const struct postgres *server);

/* kill -9 of the process that all others are children of, which end then; of
 * one that serves a daemon, after which all begin anew. */
void postgres_kill_master(const struct postgres *server);
void postgres_kill_backend(const struct postgres *server, unsigned which);

/* SIGSTOP or SIGCONT to all of it. */
void postgres_signal(const struct postgres *server, int number);

/* The number that a query gives. */
long postgres_number(const struct postgres *server, const char *sql);

/* Stops it and removes the folder. */
void postgres_end(const struct postgres *server);

/* Runs SQL that gives no rows. */
void postgres_run(const struct postgres *server, const char *sql);

/* As before the first daemon. */
void postgres_empty(const struct postgres *server);

/* The daemon's own connections to it, for lipd_pg_close(). */
struct lipd_pg *postgres_pool(const struct postgres *server);

/* run_suite() with a server that is there for as long; 0 where it is not
 * installed. */
int postgres_suite(struct postgres *server, struct Suite *suite);

#endif
