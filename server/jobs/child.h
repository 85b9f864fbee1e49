/* SPDX-License-Identifier: MIT
 *
 * A job runs in a process of its own: `lipschitzd --job FOLDER` with the
 * daemon's options. What parent and child tell each other:
 *
 * - FOLDER/request.json (daemon): {"kind": "train", "request": {...},
 *   "quota": {...}}, the last what its tenant may take (server/quota.h). The
 *   child may keep what it likes beside it (its checkpoints). The folder
 *   lives as long as the job is not over, so a new child finds it again.
 * - FOLDER/input (daemon): the file that came with the request, if any.
 * - descriptor LIPD_CHILD_PIPE (child): one line of JSON for each progress,
 *   at most LIPD_CHILD_LINE bytes, written by one call; and for each bound
 *   that a method gave, {"bound": {"method": "spectral", "seconds": 0.1}}. The
 *   child ends where nobody reads.
 * - SIGTERM (daemon): cancel; end with what there is. SIGUSR1: keep a
 *   checkpoint and exit LIPD_CHILD_PAUSED.
 * - FOLDER/result.json, FOLDER/error.json (child; a problem document), each
 *   complete or not there, before exit status DONE, CANCELLED (a result, where
 *   there is one) or FAILED. FOLDER/model, a model file to be stored under the
 *   id in FOLDER/model.id before the job counts as over, even a failed one.
 *   FOLDER/status, the exit status, for a daemon that comes after one that was
 *   not there to hear it.
 * - A cancel that no client asked for (a service manager's SIGTERM to every
 *   process) counts as a pause: what was left is removed, but for the child's
 *   own files, which it therefore keeps until the folder goes.
 *
 * Any other end is a crash: the job is tried again, from its checkpoint. */
#ifndef LIPD_JOBS_CHILD_H
#define LIPD_JOBS_CHILD_H

#include "api/problem.h"
#include "network/network.h"
#include "server/config.h"
#include "server/quota.h"

#include <jansson.h>

enum {
    LIPD_CHILD_PIPE = 3,
    LIPD_CHILD_LINE = 4096, /* PIPE_BUF */
    LIPD_CHILD_DONE = 0,
    LIPD_CHILD_FAILED = 10,
    LIPD_CHILD_CANCELLED = 11,
    LIPD_CHILD_PAUSED = 12
};

/* A file of the folder: what is in result.json would be the same with more time
 * and memory. Written before it. */
#define LIPD_CHILD_FINAL "final"

/* The only member of a line that is no progress. */
#define LIPD_CHILD_BOUND "bound"

/* What a kind's function works with. */
struct lipd_child {
    const struct lipd_config *config;
    int folder;            /* directory descriptor */
    const json_t *request; /* the member of request.json */
    unsigned threads;      /* that it may use */
    bool confines;         /* the sandbox is wanted, and not entered yet */
    struct lipd_quota quota, may; /* its token's, and with the daemon's */
    struct lip_ctx *ctx; /* budget and deadline set; progress is the kind's */
};

/* A kind of job: one row in the table. Returns an exit status; with FAILED the
 * problem is filled. */
struct lipd_job_kind {
    const char *name;
    int (*run)(struct lipd_child *child, struct api_problem *problem);
};
extern const struct lipd_job_kind lipd_job_kinds[]; /* ended by a NULL name */

/* The main of the child: its exit status. */
int lipd_child_main(const struct lipd_config *config, const char *folder);

/* --- for the kinds */

/* What is done with what came from outside is done in a sandbox: from here on
 * the process has its folder and what it has open, and nothing else
 * (server/sandbox_job.h). Every kind calls it before it works, and may more
 * than once. Programs that are needed (the reader of HDF5) run before. */
void lipd_child_confine(struct lipd_child *child);

/* Is a reader that is a program of its own needed for these bytes? */
bool lipd_child_needs_program(const struct lip_buffer *bytes);

/* A stored model, NULL with the problem; the process is confined before it is
 * parsed, if it can be, and afterwards. */
struct lip_network *lipd_child_model(struct lipd_child *child, const char *id,
                                     struct api_problem *problem);

enum lipd_child_wish { LIPD_GO_ON, LIPD_CANCEL, LIPD_PAUSE };

/* What signals have asked so far; the pipe's end closed counts as PAUSE. */
enum lipd_child_wish lipd_child_wish(void);

/* Sends one progress document (no newline in it); false where nobody reads. */
bool lipd_child_tell(const char *json, size_t size);

/* Writes a file of the folder so that it is complete or not there: written
 * under another name, synced, renamed. The problem is STORAGE_FULL or INTERNAL.
 */
bool lipd_child_write(const struct lipd_child *child, const char *name,
                      const void *bytes, size_t size,
                      struct api_problem *problem);

/* Reads one; *bytes is lip_alloc memory, NULL where there is no such file. */
bool lipd_child_read(const struct lipd_child *child, const char *name,
                     unsigned char **bytes, size_t *size,
                     struct api_problem *problem);

#endif
