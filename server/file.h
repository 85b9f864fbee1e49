/* SPDX-License-Identifier: MIT
 *
 * Files by descriptor: all bytes or a failure, and a file that is there whole
 * or not at all. Unless it says otherwise, a failure has its reason in errno.
 */
#ifndef LIPD_FILE_H
#define LIPD_FILE_H

#include "base/context.h"

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

/* Is this what a disk without room says? */
bool lipd_disk_full(int error);

/* Is it of the moment: no memory, or no more files may be open? */
bool lipd_short_of(int error);

/* Writes or reads all of it, whatever the system call leaves over. errno is 0
 * where a file ended too early. */
bool lipd_write_all(int fd, const void *bytes, size_t size);
bool lipd_read_all(int fd, void *bytes, size_t size);

/* Reads a regular file of at most `most` bytes, from its beginning, into
 * lip_alloc memory with a zero behind it. LIP_MALFORMED: it is none, is larger
 * or cannot be read. LIP_NO_MEMORY: lip_alloc failed, and the context says how.
 * There are no bytes (NULL, 0) then. */
enum lip_status lipd_read_file(unsigned char **bytes, size_t *size, int fd,
                               size_t most, struct lip_ctx *ctx);

/* Makes an empty file that nobody else may read, where there is none of this
 * name: SQLite's own may be read by all. */
bool lipd_make_private(const char *path);

/* close() and unlinkat() that leave errno alone, for the way out. */
void lipd_close(int fd);
void lipd_unlink(int folder, const char *name);

/* --- writing a whole file */

/* What is to be in a file: `write` puts it there, or fails with errno. */
struct lipd_content {
    bool (*write)(int fd, const void *what);
    const void *what;
};

/* lipd_write_parts writes an array of these; the last has no bytes (NULL). */
struct lipd_part {
    const void *bytes;
    size_t size;
};
bool lipd_write_parts(int fd, const void *parts);

/* Writes an open file, has it on the disk where `sync` asks for that, and
 * closes it, whatever happens. */
bool lipd_fill(int fd, const struct lipd_content *content, bool sync);

/* Makes or replaces a file of a folder, first under NAME and SUFFIX: it is
 * never half there, with `sync` also when the machine stops, and then it is
 * on the disk on return. One caller a name at a time. */
bool lipd_put_file(int folder, const char *name, const char *suffix,
                   const struct lipd_content *content, bool sync);

/* --- folders */

/* "WHAT DIRECTORY: errno's text." */
void lipd_complain(char *out, size_t size, const char *what,
                   const char *directory);

/* Descriptors of a directory, of the folder `name` in it, both made where they
 * are missing; -1 with a sentence. */
int lipd_open_directory(const char *directory, char *complaint,
                        size_t complaint_size);
int lipd_open_folder(const char *directory, const char *name, char *complaint,
                     size_t complaint_size);

/* What is in a folder, from the first entry on; for closedir(). */
DIR *lipd_entries(int folder);

#endif
