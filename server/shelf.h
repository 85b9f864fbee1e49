/* SPDX-License-Identifier: MIT
 *
 * A folder of files that are named by digests (the 64 digits of "sha256:..."),
 * each whole or not there, together within a quota. What is in them is the
 * caller's. Every function may be called from several threads at once. */
#ifndef LIPD_SHELF_H
#define LIPD_SHELF_H

#include "server/file.h"
#include "server/store/blobs.h"

#include <pthread.h>

enum { LIPD_SHELF_DIGITS = 64 };

struct lipd_shelf {
    int folder;
    pthread_mutex_t lock; /* of what follows, and of what names there are */
    size_t quota, used;
    size_t spooled;       /* bytes of uploads on their way */
    unsigned long number; /* of the next unfinished file */
    /* Where others find the files, and this shelf those of others; NULL: one
     * machine. Then the files here are copies, of which those used longest ago
     * (lipd_shelf_fetch) make room for others. */
    struct lipd_blobs *blobs;
    const char *kind;
    const char *thing; /* for sentences: "model" */
};

/* Opens DIRECTORY/NAME, makes what is missing, counts the files and removes
 * what was left unfinished. False with a sentence. */
bool lipd_shelf_open(struct lipd_shelf *shelf, const char *directory,
                     const char *name, size_t quota, char *complaint,
                     size_t complaint_size);
/* Only to read: makes, counts and removes nothing. */
bool lipd_shelf_read_only(struct lipd_shelf *shelf, const char *directory,
                          const char *name, char *complaint,
                          size_t complaint_size);
void lipd_shelf_close(struct lipd_shelf *shelf);

/* Is this the name of a file here; is this an id, "sha256:" and such a name? */
bool lipd_shelf_is_name(const char *name);
bool lipd_shelf_is_id(const char *id);
/* The file name of an id. */
const char *lipd_shelf_name(const char *id);

/* Books bytes as used for a file that is to be put; where others have the
 * files, those used longest ago make room. False: no room. */
bool lipd_shelf_make_room(struct lipd_shelf *shelf, size_t bytes);

/* Adds to `used` or another counter of the caller's, each of which stays
 * within the quota by itself, and takes away again. False: no room. */
bool lipd_shelf_book(struct lipd_shelf *shelf, size_t *counter, size_t bytes);
void lipd_shelf_unbook(struct lipd_shelf *shelf, size_t *counter, size_t bytes);
/* Bytes of all files. */
size_t lipd_shelf_used(struct lipd_shelf *shelf);

/* Writes a file, on the disk on return; one that has come meanwhile stays.
 * *fresh tells which. Its bytes must be booked as used; they are given back
 * where no file comes of them. False with errno. */
bool lipd_shelf_put(struct lipd_shelf *shelf, const char *id, size_t bytes,
                    const struct lipd_content *content, bool *fresh);

/* A file without a name, gone when it is closed. -1 with errno. */
int lipd_shelf_scratch(struct lipd_shelf *shelf);
/* lipd_shelf_put of a whole file that lipd_shelf_scratch opened: it gets the
 * name, where the file system can do that, else its bytes are copied. */
bool lipd_shelf_link(struct lipd_shelf *shelf, const char *id, int fd,
                     size_t bytes, bool *fresh);

/* Bytes of a file, 0 where there is none; a descriptor that reads it, or -1. */
size_t lipd_shelf_size(const struct lipd_shelf *shelf, const char *id);
int lipd_shelf_get(const struct lipd_shelf *shelf, const char *id);

/* With blobs: puts a file of the shelf there; has one on the shelf that may
 * only be there (false: there is none, NOT_FOUND, or it cannot be had). True
 * without blobs. Who removes a file there, does so with the last who holds it:
 * holdings.h. */
bool lipd_shelf_share(struct lipd_shelf *shelf, const char *id,
                      struct api_problem *problem);
bool lipd_shelf_fetch(struct lipd_shelf *shelf, const char *id,
                      struct api_problem *problem);

/* Calls `visit` with the id of each file, until that says false; false then,
 * and where the folder cannot be read. */
bool lipd_shelf_each(const struct lipd_shelf *shelf,
                     bool (*visit)(void *arg, const char *id), void *arg);

/* False where there is none. */
bool lipd_shelf_delete(struct lipd_shelf *shelf, const char *id);

#endif
