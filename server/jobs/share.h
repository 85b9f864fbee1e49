/* SPDX-License-Identifier: MIT
 *
 * What a job takes along when it goes on on another machine: its checkpoint,
 * and the model and the data set that it names. Without blobs, nothing. */
#ifndef LIPD_JOBS_SHARE_H
#define LIPD_JOBS_SHARE_H

#include "server/jobs/job_store.h"
#include "server/store/blobs.h"

#include <time.h>

struct lipd_store;
struct lipd_dataset_store;

struct lipd_share {
    struct lipd_blobs *blobs; /* NULL: one machine */
    int folders;
    struct lipd_store *models;
    struct lipd_dataset_store *datasets;
};

/* The checkpoint that was shared last, by whom. */
struct lipd_shared {
    const char *owner;
    struct timespec written;
    double at;
};

struct lipd_service;
void lipd_share_init(struct lipd_share *share,
                     const struct lipd_service *service, int folders);

/* Has here what the job needs: what it names, and the checkpoint that was
 * shared last. OVERLOADED where that cannot be had now; any other problem where
 * it cannot be had here. */
bool lipd_share_fetch(const struct lipd_share *share,
                      const struct lipd_job *job, struct api_problem *problem);

/* Shares the checkpoint where there is a new one, every few seconds at most;
 * or at once. A failure is logged: there will be another. */
void lipd_share_checkpoint(const struct lipd_share *share,
                           struct lipd_shared *shared, const char *id);
void lipd_share_now(const struct lipd_share *share, struct lipd_shared *shared,
                    const char *id);

/* --- the name under which this daemon claims jobs */

struct lipd_owner {
    char name[64];
    double lease, beat_every; /* seconds */
};

/* The name of this life of the daemon, kept in the folder, and the lease under
 * which it claims; a daemon that is alone always has the same.
 * What the one before, which is gone, had claimed is queued again: a folder
 * has one daemon at a time. False with a sentence. */
bool lipd_owner_open(struct lipd_owner *owner,
                     const struct lipd_service *service, int folders,
                     char *complaint, size_t size);

/* After so many seconds without a sign a worker counts as dead: it may have to
 * wait for its database. */
#define LIPD_OWNER_PATIENCE 120.0

/* Touches a file that tells that jobs are looked after; is it younger than
 * `seconds` in this data directory? */
void lipd_owner_alive(int folders);
bool lipd_owner_is_alive(const char *data_dir, double seconds);

/* Notes that the daemon of a data directory is a worker, or is not; was it? */
void lipd_owner_note_role(const char *data_dir, bool worker);
bool lipd_owner_is_worker(const char *data_dir);

#endif
