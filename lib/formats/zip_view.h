/* SPDX-License-Identifier: MIT
 *
 * Zip files whose entries are stored as they are, as PyTorch writes them: read
 * in place, zip64 included. (archive.h inflates, and has no zip64.) */
#ifndef LIP_FORMATS_ZIP_VIEW_H
#define LIP_FORMATS_ZIP_VIEW_H

#include "base/context.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One entry as the directory has it. `name` lies in the file, without a NUL at
 * its end. */
struct lip_zip_entry {
    const char *name;
    size_t name_size, size, packed, header;
    uint32_t crc;
    unsigned method, flags;
    const unsigned char *data; /* set by lip_zip_data */
};

struct lip_zip_view {
    const unsigned char *bytes; /* must outlive the view */
    size_t size;
    struct lip_zip_entry *entry; /* sorted by name */
    size_t count;
};

/* Whether the bytes are a zip file with an entry that is called `name`, or
 * that in some folder. O(entries), no memory. */
bool lip_zip_holds(const unsigned char *bytes, size_t size, const char *name);

/* Reads the directory. LIP_MALFORMED: it is damaged, a name occurs twice;
 * LIP_TOO_LARGE: more than max_entries. To be closed, also after a failure. */
enum lip_status lip_zip_open(struct lip_zip_view *out,
                             const unsigned char *bytes, size_t size,
                             size_t max_entries, struct lip_ctx *ctx);
void lip_zip_close(struct lip_zip_view *zip);

/* The entry of this name, or NULL. O(log n). */
struct lip_zip_entry *lip_zip_find(struct lip_zip_view *zip, const char *name,
                                   size_t name_size);

/* Points entry->data at its bytes, whose checksum is compared the first time.
 * LIP_UNSUPPORTED: compressed or encrypted; LIP_MALFORMED: they lie outside of
 * the file, or are damaged. */
enum lip_status lip_zip_data(struct lip_zip_view *zip,
                             struct lip_zip_entry *entry, struct lip_ctx *ctx);

#endif
