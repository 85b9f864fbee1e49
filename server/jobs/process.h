/* SPDX-License-Identifier: MIT
 *
 * A child's process, seen from the daemon: started, listened to, reaped. */
#ifndef LIPD_JOBS_PROCESS_H
#define LIPD_JOBS_PROCESS_H

#include "server/jobs/child.h"

#include <sys/types.h>

/* All zero but for `pipe`, which is -1: none. */
struct lipd_process {
    pid_t pid; /* 0: none, or reaped */
    int pipe;  /* -1: it has closed its end */
    size_t held;
    bool too_long; /* the line that is being read; it is dropped */
    char line[LIPD_CHILD_LINE];
};

/* The environment of children: ours, with every option of the configuration in
 * it. NULL-terminated, in lip_alloc memory, freed by lipd_environment_free;
 * NULL without memory. */
char **lipd_environment_make(const struct lipd_config *config);
void lipd_environment_free(char **environment);

/* Runs this very program with --job FOLDER. SIGTERM and SIGUSR1 are blocked in
 * it until it is ready for them. False, with errno, where the system refuses.
 * To be called by a thread that lives as long as the child: when it ends, the
 * child is killed. */
bool lipd_process_start(struct lipd_process *process, const char *folder,
                        char *const *environment);

/* Hands every line that has come to fn. */
void lipd_process_listen(struct lipd_process *process,
                         void (*fn)(void *arg, const char *line, size_t size),
                         void *arg);

/* True, with the status as of waitpid, where it has ended. */
bool lipd_process_reap(struct lipd_process *process, int *status);

#endif
