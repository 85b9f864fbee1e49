/* SPDX-License-Identifier: MIT
 *
 * The directory at the end of a zip file (APPNOTE 4.3 to 4.5), every offset of
 * which is checked against the file. */
#include "formats/zip_view.h"

#include "base/size.h"
#include "formats/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Bytes of the fixed parts of records. */
enum {
    END = 22,
    MAX_COMMENT = 65535,
    LOCATOR = 20,
    END64 = 56,
    CENTRAL = 46,
    LOCAL = 30
};

enum { ENCRYPTED = 1, PART = 1 << 20 };

#define IN_ZIP64 0xffffffffu

/* Where the directory lies, and the part of it that is still to be read. */
struct directory {
    const unsigned char *bytes, *at, *end;
    uint64_t count;
};

static uint64_t little(const unsigned char *p, int n)
{
    uint64_t value = 0;
    while (n-- > 0)
        value = value << 8 | p[n];
    return value;
}

/* The last record that ends the directory, with a comment that fills what is
 * left of the file; NULL: none. */
static const unsigned char *find_end(const unsigned char *bytes, size_t size)
{
    for (size_t rest = END; rest <= size && rest <= END + MAX_COMMENT; rest++) {
        const unsigned char *p = bytes + (size - rest);
        if (memcmp(p, "PK\5\6", 4) == 0 && little(p + 20, 2) == rest - END)
            return p;
    }
    return NULL;
}

/* The record of zip64 that the locator in front of the end points to; NULL
 * where it is damaged. */
static const unsigned char *find_end64(const unsigned char *bytes,
                                       const unsigned char *end)
{
    const unsigned char *locator = end - LOCATOR;
    uint64_t offset = little(locator + 8, 8);
    size_t room = (size_t)(locator - bytes);
    if (room < END64 || offset > room - END64 ||
        memcmp(bytes + offset, "PK\6\6", 4) != 0)
        return NULL;
    return bytes + offset;
}

static bool find_directory(struct directory *out, const unsigned char *bytes,
                           size_t size)
{
    const unsigned char *end = find_end(bytes, size);
    if (!end)
        return false;
    uint64_t count = little(end + 10, 2), length = little(end + 12, 4),
             offset = little(end + 16, 4);
    if (end - bytes >= LOCATOR && memcmp(end - LOCATOR, "PK\6\7", 4) == 0) {
        end = find_end64(bytes, end);
        if (!end)
            return false;
        count = little(end + 32, 8);
        length = little(end + 40, 8);
        offset = little(end + 48, 8);
    }
    size_t room = (size_t)(end - bytes);
    if (offset > room || length > room - offset || count > length / CENTRAL)
        return false;
    *out = (struct directory){.bytes = bytes,
                              .at = bytes + offset,
                              .end = bytes + offset + length,
                              .count = count};
    return true;
}

/* Sizes and offset that did not fit, from the extra field of zip64: only those
 * that are all ones stand there, in this order. */
static bool read_extra(struct lip_zip_entry *entry, const unsigned char *p,
                       size_t size)
{
    size_t *wanted[] = {&entry->size, &entry->packed, &entry->header};
    while (size >= 4) {
        uint64_t id = little(p, 2), length = little(p + 2, 2);
        if (length > size - 4)
            return true; /* padding, which nobody checks */
        p += 4;
        size -= 4 + length;
        for (size_t k = 0; id == 1 && k < 3; k++) {
            if (*wanted[k] != IN_ZIP64)
                continue;
            if (length < 8)
                return false;
            *wanted[k] = little(p, 8);
            p += 8;
            length -= 8;
        }
        if (id == 1)
            return true;
        p += length;
    }
    return true;
}

/* The next entry; false where the directory is damaged. */
static bool next_entry(struct lip_zip_entry *out, struct directory *directory)
{
    const unsigned char *p = directory->at;
    size_t room = (size_t)(directory->end - p);
    if (room < CENTRAL || memcmp(p, "PK\1\2", 4) != 0)
        return false;
    size_t name = little(p + 28, 2), extra = little(p + 30, 2),
           comment = little(p + 32, 2);
    if (room - CENTRAL < name + extra + comment)
        return false;
    *out = (struct lip_zip_entry){
        .name = (const char *)p + CENTRAL,
        .name_size = name,
        .flags = (unsigned)little(p + 8, 2),
        .method = (unsigned)little(p + 10, 2),
        .crc = (uint32_t)little(p + 16, 4),
        .packed = little(p + 20, 4),
        .size = little(p + 24, 4),
        .header = little(p + 42, 4),
    };
    directory->at += CENTRAL + name + extra + comment;
    return read_extra(out, p + CENTRAL + name, extra);
}

bool lip_zip_holds(const unsigned char *bytes, size_t size, const char *name)
{
    struct directory directory;
    struct lip_zip_entry entry;
    size_t n = strlen(name);
    if (size < 4 || memcmp(bytes, "PK", 2) != 0 ||
        !find_directory(&directory, bytes, size))
        return false;
    for (uint64_t i = 0; i < directory.count; i++) {
        if (!next_entry(&entry, &directory))
            return false;
        if (entry.name_size < n ||
            memcmp(entry.name + entry.name_size - n, name, n) != 0)
            continue;
        if (entry.name_size == n || entry.name[entry.name_size - n - 1] == '/')
            return true;
    }
    return false;
}

static int compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

static int by_name(const void *a, const void *b)
{
    const struct lip_zip_entry *x = a, *y = b;
    return compare(x->name, x->name_size, y->name, y->name_size);
}

static enum lip_status damaged(struct lip_ctx *ctx)
{
    return lip_fail(ctx, LIP_MALFORMED,
                    "The directory of the zip file is damaged. Is the file "
                    "complete?");
}

enum lip_status lip_zip_open(struct lip_zip_view *out,
                             const unsigned char *bytes, size_t size,
                             size_t max_entries, struct lip_ctx *ctx)
{
    struct directory directory;
    *out = (struct lip_zip_view){.bytes = bytes, .size = size};
    if (!find_directory(&directory, bytes, size))
        return damaged(ctx);
    if (directory.count > max_entries)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "The zip file has more than %zu entries.", max_entries);
    out->entry = lip_calloc(ctx, directory.count, sizeof *out->entry);
    if (!out->entry)
        return lip_memory_status(ctx);
    for (; out->count < directory.count; out->count++)
        if (!next_entry(&out->entry[out->count], &directory))
            return damaged(ctx);
    if (out->count)
        qsort(out->entry, out->count, sizeof *out->entry, by_name);
    for (size_t i = 1; i < out->count; i++)
        if (by_name(&out->entry[i - 1], &out->entry[i]) == 0)
            return lip_fail(ctx, LIP_MALFORMED,
                            "The zip file has the entry \"%.*s\" twice.",
                            (int)(out->entry[i].name_size < 80
                                      ? out->entry[i].name_size
                                      : 80),
                            out->entry[i].name);
    return LIP_OK;
}

void lip_zip_close(struct lip_zip_view *zip)
{
    lip_free(zip->entry);
    *zip = (struct lip_zip_view){0};
}

struct lip_zip_entry *lip_zip_find(struct lip_zip_view *zip, const char *name,
                                   size_t name_size)
{
    size_t first = 0, last = zip->count;
    while (first < last) {
        size_t middle = first + (last - first) / 2;
        struct lip_zip_entry *entry = &zip->entry[middle];
        int order = compare(name, name_size, entry->name, entry->name_size);
        if (order == 0)
            return entry;
        if (order < 0)
            last = middle;
        else
            first = middle + 1;
    }
    return NULL;
}

static enum lip_status refuse(const struct lip_zip_entry *entry,
                              enum lip_status status, const char *what,
                              struct lip_ctx *ctx)
{
    int n = entry->name_size < 80 ? (int)entry->name_size : 80;
    return lip_fail(ctx, status, "The zip entry \"%.*s\" %s.", n, entry->name,
                    what);
}

/* Where the entry's bytes begin, by the header in front of them, which names
 * it once more; NULL where it is damaged. */
static const unsigned char *begin(const struct lip_zip_view *zip,
                                  const struct lip_zip_entry *entry)
{
    if (zip->size < LOCAL || entry->header > zip->size - LOCAL)
        return NULL;
    const unsigned char *p = zip->bytes + entry->header;
    size_t room = zip->size - entry->header - LOCAL, name = little(p + 26, 2),
           skip = name + little(p + 28, 2);
    if (memcmp(p, "PK\3\4", 4) != 0 || skip > room ||
        entry->size > room - skip || name != entry->name_size ||
        memcmp(p + LOCAL, entry->name, name) != 0)
        return NULL;
    return p + LOCAL + skip;
}

enum lip_status lip_zip_data(struct lip_zip_view *zip,
                             struct lip_zip_entry *entry, struct lip_ctx *ctx)
{
    if (entry->data)
        return LIP_OK;
    if (entry->flags & ENCRYPTED)
        return refuse(entry, LIP_UNSUPPORTED, "is encrypted", ctx);
    if (entry->method != 0 || entry->packed != entry->size)
        return refuse(entry, LIP_UNSUPPORTED,
                      "is compressed, as torch.save never does: send the file "
                      "as it wrote it",
                      ctx);
    const unsigned char *data = begin(zip, entry);
    if (!data)
        return refuse(entry, LIP_MALFORMED, "lies outside of the file", ctx);
    uLong crc = crc32(0, NULL, 0);
    for (size_t done = 0; done < entry->size;) {
        size_t left = entry->size - done, part = left < PART ? left : PART;
        crc = crc32(crc, data + done, (uInt)part);
        done += part;
        enum lip_status status =
            lip_tick(ctx, "checking", (double)done, (double)entry->size, NAN);
        if (status != LIP_OK)
            return status;
    }
    if (crc != entry->crc)
        return refuse(entry, LIP_MALFORMED,
                      "is damaged: its checksum is not right", ctx);
    entry->data = data;
    return LIP_OK;
}
