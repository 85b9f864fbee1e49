/* SPDX-License-Identifier: MIT
 *
 * The real daemon in a test: $LIPSCHITZD, or lipschitzd in the build folder of
 * the test program, on a free port, with a folder of its own under /tmp. Every
 * failure here fails the test. */
#ifndef LIP_TESTS_SUPPORT_DAEMON_H
#define LIP_TESTS_SUPPORT_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct daemon {
    pid_t pid;
    unsigned port;
    char directory[64]; /* removed by daemon_end */
    size_t file_limit;  /* RLIMIT_FSIZE for the daemon; 0: none. Set it between
                           daemon_prepare and daemon_run */
    bool tls;           /* serve HTTPS, with cert.pem and key.pem of its folder,
                           which are made and from then on trusted by the
                           client; always where TESTS_TLS is set */
};

/* The path of the program. */
const char *daemon_program(void);

/* Makes the folder. */
void daemon_prepare(struct daemon *daemon);

/* Starts the program in it with these flags (NULL at the end), waits until it
 * listens. */
void daemon_run(struct daemon *daemon, const char *const *flags);

/* Both; flags as one list of arguments ended by NULL. */
void daemon_start(struct daemon *daemon, const char *const *flags);

/* Sends a signal; then waits for the end: the exit status, or 128 and the
 * number of the signal that ended it. */
void daemon_signal(const struct daemon *daemon, int signal_number);
int daemon_wait(struct daemon *daemon);

/* SIGTERM, expects exit status 0, removes the folder. */
void daemon_end(struct daemon *daemon);

/* Removes the folder of a daemon that has ended. */
void daemon_forget(struct daemon *daemon);

/* The value of a line of GET /metrics, with its labels as they are written; 0
 * where there is none. */
double daemon_metric(const struct daemon *daemon, const char *series);

/* Waits at most `seconds` until a metric is >= a value. */
bool daemon_metric_reaches(const struct daemon *daemon, const char *series,
                           double value, double seconds);

/* Waits at most `seconds` until a metric is 0: what belongs to a request is
 * given back a moment after its answer is out. */
bool daemon_metric_rests(const struct daemon *daemon, const char *series,
                         double seconds);

/* Sends the beginning `start` of a body to a target three times: two clients
 * leave, and what was booked for them is given back; at the third the daemon
 * is killed. */
void daemon_half_uploads(struct daemon *daemon, const char *target,
                         const char *start);

/* Does a line of the log contain both texts now; does one within seconds? */
bool daemon_has_logged(const struct daemon *daemon, const char *one,
                       const char *other);
bool daemon_logged(const struct daemon *daemon, const char *one,
                   const char *other);

#endif
