/* SPDX-License-Identifier: MIT
 *
 * The zip file around npy arrays, read through libzip. libzip allocates by
 * what the zip directory claims, outside the budget, so that the directory's
 * size is checked first. */
#ifndef LIP_FORMATS_ARCHIVE_H
#define LIP_FORMATS_ARCHIVE_H

#include "base/context.h"

#include <stdbool.h>
#include <stddef.h>

struct lip_archive;

enum { LIP_ENTRY_NAME = 256 };

struct lip_entry {
    char name[LIP_ENTRY_NAME]; /* without ".npy" */
    size_t size;               /* inflated, as the directory says */
};

/* Whether the bytes begin as a zip file does. */
bool lip_archive_detect(const unsigned char *bytes, size_t size);

/* Opens the file over bytes that must outlive it. LIP_MALFORMED;
 * LIP_UNSUPPORTED: zip64 directories, encrypted entries, compressions other
 * than deflate, entries that are no .npy; LIP_TOO_LARGE: more than max_entries
 * of them. */
enum lip_status lip_archive_open(struct lip_archive **out,
                                 const unsigned char *bytes, size_t size,
                                 size_t max_entries, struct lip_ctx *ctx);
/* NULL is allowed. */
void lip_archive_close(struct lip_archive *archive);

size_t lip_archive_count(const struct lip_archive *archive);

/* What the directory says of entry i < count. */
enum lip_status lip_archive_entry(struct lip_entry *out,
                                  struct lip_archive *archive, size_t i);

/* LIP_TOO_LARGE where the entries say that they inflate to more than `most`
 * bytes together, or are packed more tightly than weights ever are. */
enum lip_status lip_archive_check_total(struct lip_archive *archive,
                                        size_t most);

/* Reading one entry at a time, from its beginning: exactly `size` bytes a
 * call. LIP_MALFORMED where there are not so many, or the packed bytes are
 * damaged. */
enum lip_status lip_archive_begin(struct lip_archive *archive, size_t i);
enum lip_status lip_archive_read(struct lip_archive *archive, void *out,
                                 size_t size);
/* LIP_MALFORMED where the entry goes on, or its checksum is not right. */
enum lip_status lip_archive_end(struct lip_archive *archive);

#endif
