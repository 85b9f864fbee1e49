/* SPDX-License-Identifier: MIT
 *
 * SQLite appends each commit to its log without waiting for the disk; the log
 * is synced here before anybody is told. One sync serves all that committed
 * before it began: who comes while another syncs waits for the next one. A sync
 * that fails is nobody's success: the system may forget what it could not
 * write, so that the next one, which succeeds, says nothing of it. */
#include "server/file.h"
#include "server/jobs/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void lipd_sqlite_sync_init(struct lipd_sqlite_sync *sync)
{
    memset(sync, 0, sizeof *sync);
    sync->log = -1;
    pthread_mutex_init(&sync->lock, NULL);
    pthread_cond_init(&sync->ended, NULL);
}

void lipd_sqlite_sync_clear(struct lipd_sqlite_sync *sync)
{
    if (sync->log >= 0)
        close(sync->log);
    pthread_cond_destroy(&sync->ended);
    pthread_mutex_destroy(&sync->lock);
}

bool lipd_sqlite_sync_open(struct lipd_sqlite_sync *sync, const char *path)
{
    char name[1300];
    snprintf(name, sizeof name, "%.1200s-wal", path);
    sync->log = open(name, O_RDONLY | O_CLOEXEC);
    return sync->log >= 0;
}

static bool failed(struct api_problem *problem, int error)
{
    bool full = lipd_disk_full(error);
    api_problem_set(problem,
                    full ? API_PROBLEM_STORAGE_FULL : API_PROBLEM_INTERNAL,
                    "The list of jobs cannot be kept on the disk: %s.%s",
                    strerror(error), full ? " Give the daemon more room." : "");
    return false;
}

/* Syncs for all that have committed by now. The lock is held, but not
 * meanwhile. */
static void lead(struct lipd_sqlite_sync *sync)
{
    unsigned long all = sync->committed;
    sync->busy = true;
    pthread_mutex_unlock(&sync->lock);
    int error = fdatasync(sync->log) ? errno : 0;
    pthread_mutex_lock(&sync->lock);
    sync->busy = false;
    if (error)
        sync->lost = all;
    else
        sync->synced = all;
    sync->error = error ? error : sync->error;
    pthread_cond_broadcast(&sync->ended);
}

bool lipd_sqlite_sync(struct lipd_sqlite_sync *sync,
                      struct api_problem *problem)
{
    pthread_mutex_lock(&sync->lock);
    unsigned long mine = ++sync->committed;
    while (sync->synced < mine && sync->lost < mine)
        if (sync->busy)
            pthread_cond_wait(&sync->ended, &sync->lock);
        else
            lead(sync);
    /* Whoever wakes up late may be told of a failure that came after its
     * success: that errs to the safe side. */
    bool lost = sync->lost >= mine;
    int error = sync->error;
    pthread_mutex_unlock(&sync->lock);
    return !lost || failed(problem, error);
}
