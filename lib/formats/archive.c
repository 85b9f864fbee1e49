/* SPDX-License-Identifier: MIT
 *
 * Zip files through libzip: nothing is inflated but what is asked for. */
#include "formats/archive.h"

#include "base/size.h"
#include "formats/json_string.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <zip.h>

/* The end-of-directory record, its longest comment, and the zip64 locator in
 * front of it. */
enum { END_RECORD = 22, MAX_COMMENT = 65535, LOCATOR = 20 };

/* Deflate reaches 1032; real weights stay below 2, pruned ones below 100. */
enum { MAX_RATIO = 200, RATIO_FLOOR = 1 << 20 };

enum { PART = 1 << 20 };

struct lip_archive {
    zip_t *zip;
    zip_file_t *file; /* of the entry that is read, or NULL */
    char name[LIP_ENTRY_NAME];
    size_t read, expected; /* bytes of it */
    size_t packed;         /* bytes of the whole */
    struct lip_ctx *ctx;
};

bool lip_archive_detect(const unsigned char *bytes, size_t size)
{
    return size >= 4 &&
           (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0);
}

static uint32_t little(const unsigned char *p, int n)
{
    uint32_t value = 0;
    while (n-- > 0)
        value = value << 8 | p[n];
    return value;
}

/* One place that libzip could take for the end of the directory. */
static enum lip_status check_end(const unsigned char *start,
                                 const unsigned char *end, size_t max_entries,
                                 struct lip_ctx *ctx)
{
    uint64_t size = little(end + 12, 4), offset = little(end + 16, 4);
    bool zip64 =
        end - start >= LOCATOR && memcmp(end - LOCATOR, "PK\6\7", 4) == 0;
    if (zip64)
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "The zip file is in the zip64 form for more than 4 GB "
                        "or 65535 entries, which is not read.");
    /* Numbers that look like an end record, with no directory where they point:
     * libzip will see that, too. */
    if (size + offset > (uint64_t)(end - start) || size < 4 ||
        memcmp(start + offset, "PK\1\2", 4) != 0)
        return LIP_OK;
    if (little(end + 10, 2) > max_entries)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "The zip file has more than %zu entries.", max_entries);
    return LIP_OK;
}

/* Every such place, as the record may be followed by a comment. */
static enum lip_status check_directory(const unsigned char *bytes, size_t size,
                                       size_t max_entries, struct lip_ctx *ctx)
{
    const unsigned char *end = bytes + size, *p = bytes;
    if (size > END_RECORD + MAX_COMMENT)
        p = end - END_RECORD - MAX_COMMENT;
    while (end - p >= END_RECORD) {
        p = memchr(p, 'P', (size_t)(end - p) - END_RECORD + 1);
        if (!p)
            break;
        if (memcmp(p, "PK\5\6", 4) == 0) {
            enum lip_status status = check_end(bytes, p, max_entries, ctx);
            if (status != LIP_OK)
                return status;
        }
        p++;
    }
    return LIP_OK;
}

static enum lip_status zip_failure(struct lip_archive *archive,
                                   const char *where, zip_error_t *error)
{
    bool memory = zip_error_code_zip(error) == ZIP_ER_MEMORY;
    return lip_fail(archive->ctx, memory ? LIP_NO_MEMORY : LIP_MALFORMED,
                    "The zip file cannot be read%s%.80s: %s.",
                    *where ? " at " : "", where, zip_error_strerror(error));
}

static enum lip_status open_zip(struct lip_archive *archive,
                                const unsigned char *bytes)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source =
        zip_source_buffer_create(bytes, archive->packed, 0, &error);
    if (source)
        archive->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
    enum lip_status status = LIP_OK;
    if (!archive->zip) {
        status = zip_failure(archive, "", &error);
        zip_source_free(source);
    }
    zip_error_fini(&error);
    return status;
}

/* "archive/data.pkl" -> "data.pkl" */
static const char *base_name(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* Other things that are zip files, known by an entry. */
static enum lip_status recognise(const char *name, struct lip_ctx *ctx)
{
    const char *base = base_name(name);
    if (strcmp(base, "data.pkl") == 0)
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "This is a PyTorch file (.pt): it holds Python code, "
                        "which is not run. Convert it: "
                        "safetensors.torch.save_file(model.state_dict(), "
                        "\"model.safetensors\").");
    if (strcmp(base, "model.weights.h5") == 0)
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "This is a Keras file (.keras). Save it as HDF5: "
                        "model.save(\"model.h5\").");
    size_t n = strlen(name);
    if (n <= 4 || strcmp(name + n - 4, ".npy") != 0)
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "The zip entry \"%.80s\" is not a .npy array; an npz "
                        "file holds nothing else.",
                        name);
    return LIP_OK;
}

static enum lip_status check_entry(struct lip_archive *archive,
                                   zip_stat_t *stat, zip_uint64_t index)
{
    const zip_uint64_t wanted = ZIP_STAT_NAME | ZIP_STAT_SIZE |
                                ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD |
                                ZIP_STAT_ENCRYPTION_METHOD;
    struct lip_ctx *ctx = archive->ctx;
    if (zip_stat_index(archive->zip, index, ZIP_FL_ENC_RAW, stat) != 0)
        return zip_failure(archive, "", zip_get_error(archive->zip));
    if ((stat->valid & wanted) != wanted ||
        !lip_utf8_valid((const unsigned char *)stat->name, strlen(stat->name)))
        return lip_fail(ctx, LIP_MALFORMED,
                        "Entry %zu of the zip file is not complete.",
                        (size_t)index);
    enum lip_status status = recognise(stat->name, ctx);
    if (status != LIP_OK)
        return status;
    if (strlen(stat->name) >= LIP_ENTRY_NAME)
        return lip_fail(ctx, LIP_INVALID,
                        "The name of a zip entry is longer than %d bytes.",
                        LIP_ENTRY_NAME - 1);
    if (stat->encryption_method != ZIP_EM_NONE)
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "The zip entry \"%.80s\" is encrypted.", stat->name);
    if (stat->comp_method != ZIP_CM_STORE &&
        stat->comp_method != ZIP_CM_DEFLATE)
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "The zip entry \"%.80s\" uses a compression other "
                        "than deflate, as numpy.savez never does.",
                        stat->name);
    return LIP_OK;
}

enum lip_status lip_archive_open(struct lip_archive **out,
                                 const unsigned char *bytes, size_t size,
                                 size_t max_entries, struct lip_ctx *ctx)
{
    struct lip_archive *archive = NULL;
    *out = NULL;
    enum lip_status status = check_directory(bytes, size, max_entries, ctx);
    if (status != LIP_OK)
        return status;
    archive = lip_calloc(ctx, 1, sizeof *archive);
    if (!archive)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    archive->packed = size;
    archive->ctx = ctx;
    status = open_zip(archive, bytes);
    for (size_t i = 0; status == LIP_OK && i < lip_archive_count(archive);
         i++) {
        zip_stat_t stat;
        status = check_entry(archive, &stat, i);
    }
    if (status == LIP_OK)
        *out = archive;
    else
        lip_archive_close(archive);
    return status;
}

void lip_archive_close(struct lip_archive *archive)
{
    if (!archive)
        return;
    if (archive->file)
        zip_fclose(archive->file);
    if (archive->zip)
        zip_discard(archive->zip);
    lip_free(archive);
}

size_t lip_archive_count(const struct lip_archive *archive)
{
    zip_int64_t count = zip_get_num_entries(archive->zip, 0);
    return count > 0 ? (size_t)count : 0;
}

enum lip_status lip_archive_entry(struct lip_entry *out,
                                  struct lip_archive *archive, size_t i)
{
    zip_stat_t stat;
    memset(out, 0, sizeof *out);
    enum lip_status status = check_entry(archive, &stat, i);
    if (status != LIP_OK)
        return status;
    memcpy(out->name, stat.name, strlen(stat.name) - strlen(".npy"));
    out->size = (size_t)stat.size;
    return LIP_OK;
}

enum lip_status lip_archive_check_total(struct lip_archive *archive,
                                        size_t most)
{
    struct lip_entry entry;
    size_t total = 0;
    for (size_t i = 0; i < lip_archive_count(archive); i++) {
        enum lip_status status = lip_archive_entry(&entry, archive, i);
        if (status != LIP_OK)
            return status;
        if (!lip_size_add(&total, total, entry.size))
            total = SIZE_MAX;
    }
    if (total > most)
        return lip_fail(archive->ctx, LIP_TOO_LARGE,
                        "The npz file inflates to %zu bytes, over the limit "
                        "of %zu.",
                        total, most);
    if (total > RATIO_FLOOR && total / MAX_RATIO > archive->packed)
        return lip_fail(archive->ctx, LIP_TOO_LARGE,
                        "The npz file inflates to more than %d times its "
                        "size. Save it without compression.",
                        MAX_RATIO);
    return LIP_OK;
}

/* --- one entry */

enum lip_status lip_archive_begin(struct lip_archive *archive, size_t i)
{
    zip_stat_t stat;
    enum lip_status status = check_entry(archive, &stat, i);
    if (status != LIP_OK)
        return status;
    if (archive->file)
        zip_fclose(archive->file);
    archive->file = zip_fopen_index(archive->zip, i, 0);
    if (!archive->file)
        return zip_failure(archive, stat.name, zip_get_error(archive->zip));
    memcpy(archive->name, stat.name, strlen(stat.name) + 1);
    archive->expected = (size_t)stat.size;
    archive->read = 0;
    return LIP_OK;
}

static enum lip_status wrong_length(struct lip_archive *archive)
{
    return lip_fail(archive->ctx, LIP_MALFORMED,
                    "The zip entry \"%.80s\" is not as long as the zip "
                    "file says.",
                    archive->name);
}

enum lip_status lip_archive_read(struct lip_archive *archive, void *out,
                                 size_t size)
{
    unsigned char *at = out;
    while (size) {
        size_t part = size < PART ? size : PART;
        zip_int64_t got = zip_fread(archive->file, at, part);
        if (got < 0)
            return zip_failure(archive, archive->name,
                               zip_file_get_error(archive->file));
        if (got == 0)
            return wrong_length(archive);
        at += got;
        size -= (size_t)got;
        archive->read += (size_t)got;
        enum lip_status status =
            lip_tick(archive->ctx, "inflating", (double)archive->read,
                     (double)archive->expected, NAN);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}

/* Asking for more is also what makes libzip compare the checksum. */
enum lip_status lip_archive_end(struct lip_archive *archive)
{
    unsigned char more;
    enum lip_status status = LIP_OK;
    zip_int64_t got = zip_fread(archive->file, &more, 1);
    if (got < 0)
        status = zip_failure(archive, archive->name,
                             zip_file_get_error(archive->file));
    else if (got > 0)
        status = wrong_length(archive);
    zip_fclose(archive->file);
    archive->file = NULL;
    return status;
}
