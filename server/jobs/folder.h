/* SPDX-License-Identifier: MIT
 *
 * The folders of the jobs, seen from the daemon: DIRECTORY/jobs/ID, one for
 * each job that is not over (child.h says what is in it). */
#ifndef LIPD_JOBS_FOLDER_H
#define LIPD_JOBS_FOLDER_H

#include "server/jobs/job_store.h"

/* Opens DIRECTORY/jobs, made where it is missing: a descriptor, or -1 with a
 * sentence. */
int lipd_folders_open(const char *directory, char *complaint,
                      size_t complaint_size);

/* Sets room aside on the disk, where that is not done already, and gives it
 * back: when the disk is full, this lets the store hear how jobs ended. */
void lipd_folders_reserve(int folders);
void lipd_folders_unreserve(int folders);

/* Makes the job's folder with its request.json and, where the store (NULL:
 * none) has one, its input, on the disk when it returns; what is there already
 * stays. STORAGE_FULL or INTERNAL. */
bool lipd_folder_make(int folders, struct lipd_job_store *store,
                      const struct lipd_job *job, struct api_problem *problem);

/* Removes a folder and the files in it. */
void lipd_folder_remove(int folders, const char *id);

/* Removes the folders of jobs that the store does not know or that are over. */
void lipd_folders_sweep(int folders, struct lipd_job_store *store);

/* Removes what a child has left of an end: the next one starts over, from its
 * checkpoint. */
void lipd_folder_reset(int folders, const char *id);

/* A file in lip_alloc memory with a closing zero; NULL with errno: ENOENT where
 * there is none, EINVAL where it is larger than `most`, no file, or damaged,
 * others where it cannot be read now. */
char *lipd_folder_read(int folders, const char *id, const char *name,
                       size_t most, size_t *size);

/* Writes a file that may be lost with the machine but is never half there. */
bool lipd_folder_write(int folders, const char *id, const char *name,
                       const char *text);

#endif
