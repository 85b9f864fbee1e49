/* SPDX-License-Identifier: MIT
 *
 * A network between a daemon and its database that a test may cut: a process
 * that passes bytes on from a TCP port to a socket of PostgreSQL's. Every
 * failure fails the test. */
#ifndef LIP_TESTS_SUPPORT_PROXY_H
#define LIP_TESTS_SUPPORT_PROXY_H

#include "tests/support/postgres.h"

#include <sys/types.h>

enum proxy_mode {
    PROXY_OPEN,
    PROXY_SILENT, /* nothing comes through, and nobody is told: what was sent
                     arrives when the cut is over */
    PROXY_SLOW    /* each piece of data takes a fifth of a second */
};

struct proxy {
    pid_t pid;
    unsigned port;
    char url[160]; /* of the database, by this way */
    volatile int *mode;
};

/* Listens on an address of this machine. */
void proxy_start(struct proxy *proxy, const struct postgres *server,
                 const char *address);
void proxy_set(struct proxy *proxy, enum proxy_mode mode);
void proxy_end(struct proxy *proxy);

#endif
