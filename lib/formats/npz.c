/* SPDX-License-Identifier: MIT
 *
 * Reading npz through libzip. libzip allocates by what the zip directory
 * claims, outside the budget, so that the directory's size is checked first. */
#include "formats/npz.h"

#include "formats/json_string.h"
#include "formats/npy.h"
#include "formats/reader.h"
#include "formats/weights.h"

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <zip.h>

/* The end-of-directory record, its longest comment, and the zip64 locator in
 * front of it. */
enum { END_RECORD = 22, MAX_COMMENT = 65535, LOCATOR = 20 };

/* Deflate reaches 1032; real weights stay below 2, pruned ones below 100. */
enum { MAX_RATIO = 200, RATIO_FLOOR = 1 << 20 };

struct archive {
    zip_t *zip;
    const struct lip_read_options *options;
    struct lip_ctx *ctx;
    size_t packed; /* bytes of the file */
};

static bool detect(const unsigned char *bytes, size_t size)
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
    if (size + offset > (uint64_t)(end - start))
        return LIP_OK; /* not an end record: libzip will see that, too */
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

static enum lip_status zip_failure(struct archive *archive, const char *where,
                                   zip_error_t *error)
{
    bool memory = zip_error_code_zip(error) == ZIP_ER_MEMORY;
    return lip_fail(archive->ctx, memory ? LIP_NO_MEMORY : LIP_MALFORMED,
                    "The zip file cannot be read%s%.80s: %s.",
                    *where ? " at " : "", where, zip_error_strerror(error));
}

static enum lip_status open_archive(struct archive *archive,
                                    struct lip_buffer *bytes)
{
    zip_error_t error;
    zip_error_init(&error);
    archive->packed = lip_buffer_size(bytes);
    zip_source_t *source = zip_source_buffer_create(lip_buffer_bytes(bytes),
                                                    archive->packed, 0, &error);
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
                        "This is a Keras file (.keras). Save the weights with "
                        "numpy.savez or as safetensors.");
    size_t n = strlen(name);
    if (n <= 4 || strcmp(name + n - 4, ".npy") != 0)
        return lip_fail(ctx, LIP_UNSUPPORTED,
                        "The zip entry \"%.80s\" is not a .npy array; an npz "
                        "file holds nothing else.",
                        name);
    return LIP_OK;
}

static enum lip_status check_entry(struct archive *archive, zip_stat_t *stat,
                                   zip_uint64_t index)
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
    if (strlen(stat->name) >= LIP_TENSOR_NAME)
        return lip_fail(ctx, LIP_INVALID,
                        "The name of a zip entry is longer than %d bytes.",
                        LIP_TENSOR_NAME - 1);
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

/* What all entries together say they will take. */
static enum lip_status check_total(const struct archive *archive,
                                   zip_uint64_t total)
{
    if (total > archive->options->max_inflated)
        return lip_fail(archive->ctx, LIP_TOO_LARGE,
                        "The npz file inflates to %llu bytes, over the limit "
                        "of %zu.",
                        (unsigned long long)total,
                        archive->options->max_inflated);
    if (total > RATIO_FLOOR && total / MAX_RATIO > archive->packed)
        return lip_fail(archive->ctx, LIP_TOO_LARGE,
                        "The npz file inflates to more than %d times its "
                        "size. Save it without compression.",
                        MAX_RATIO);
    return LIP_OK;
}

static enum lip_status check_entries(struct archive *archive, zip_int64_t count)
{
    zip_uint64_t total = 0;
    for (zip_int64_t i = 0; i < count; i++) {
        zip_stat_t stat;
        enum lip_status status = check_entry(archive, &stat, (zip_uint64_t)i);
        if (status != LIP_OK)
            return status;
        if (__builtin_add_overflow(total, stat.size, &total))
            total = UINT64_MAX;
    }
    return check_total(archive, total);
}

/* Fills block[size] from the entry, which must then be at its end: asking for
 * more is also what makes libzip compare the checksum. */
static enum lip_status inflate_entry(unsigned char *block, size_t size,
                                     struct archive *archive,
                                     const zip_stat_t *stat)
{
    zip_file_t *file = zip_fopen_index(archive->zip, stat->index, 0);
    if (!file)
        return zip_failure(archive, stat->name, zip_get_error(archive->zip));
    enum lip_status status = LIP_OK;
    zip_int64_t got = 1;
    size_t n = 0;
    while (n < size && got > 0 && status == LIP_OK) {
        size_t part = size - n < (1 << 20) ? size - n : 1 << 20;
        got = zip_fread(file, block + n, part);
        n += got > 0 ? (size_t)got : 0;
        status =
            lip_tick(archive->ctx, "inflating", (double)n, (double)size, NAN);
    }
    unsigned char more;
    if (got >= 0 && status == LIP_OK)
        got = zip_fread(file, &more, 1);
    if (status == LIP_OK && got < 0)
        status = zip_failure(archive, stat->name, zip_file_get_error(file));
    else if (status == LIP_OK && (got > 0 || n < size))
        status = lip_fail(archive->ctx, LIP_MALFORMED,
                          "The zip entry \"%.80s\" is not as long as the zip "
                          "file says.",
                          stat->name);
    zip_fclose(file);
    return status;
}

/* An entry's bytes as a buffer; NULL with the error recorded. */
static struct lip_buffer *read_entry(struct archive *archive,
                                     const zip_stat_t *stat)
{
    size_t size = (size_t)stat->size;
    unsigned char *block = lip_alloc(archive->ctx, size, 1);
    if (!block)
        return NULL;
    if (inflate_entry(block, size, archive, stat) != LIP_OK) {
        lip_free(block);
        return NULL;
    }
    return lip_buffer_take(block, size, archive->ctx);
}

static enum lip_status add_array(struct lip_tensor_list *list,
                                 struct archive *archive, zip_uint64_t index)
{
    zip_stat_t stat;
    enum lip_status status = check_entry(archive, &stat, index);
    if (status != LIP_OK)
        return status;
    struct lip_named_tensor *named = lip_tensor_list_add(list, archive->ctx);
    struct lip_buffer *buffer = named ? read_entry(archive, &stat) : NULL;
    if (!buffer)
        return archive->ctx ? archive->ctx->error.status : LIP_MALFORMED;
    memcpy(named->name, stat.name, strlen(stat.name) - strlen(".npy"));
    status = lip_npy_read(&named->tensor, buffer, named->name, archive->ctx);
    lip_buffer_put(buffer);
    return status;
}

enum lip_status lip_npz_read(struct lip_tensor_list *list,
                             struct lip_buffer *bytes,
                             const struct lip_read_options *options,
                             struct lip_ctx *ctx)
{
    struct lip_read_options filled;
    struct archive archive = {.options = &filled, .ctx = ctx};
    lip_read_options_fill(&filled, options);
    enum lip_status status =
        check_directory(lip_buffer_bytes(bytes), lip_buffer_size(bytes),
                        filled.max_tensors, ctx);
    if (status == LIP_OK)
        status = open_archive(&archive, bytes);
    if (status != LIP_OK)
        return status;
    zip_int64_t count = zip_get_num_entries(archive.zip, 0);
    status = check_entries(&archive, count);
    for (zip_int64_t i = 0; i < count && status == LIP_OK; i++) {
        status = add_array(list, &archive, (zip_uint64_t)i);
        if (status == LIP_OK)
            status =
                lip_tick(ctx, "reading npz", (double)i, (double)count, NAN);
    }
    zip_discard(archive.zip);
    return status;
}

static enum lip_status read(struct lip_network **out, struct lip_buffer *bytes,
                            const struct lip_read_options *options,
                            struct lip_ctx *ctx)
{
    struct lip_read_options filled;
    lip_read_options_fill(&filled, options);
    struct lip_tensor_list list = {.limit = filled.max_tensors};
    *out = NULL;
    enum lip_status status = lip_npz_read(&list, bytes, options, ctx);
    if (status == LIP_OK)
        status = lip_weights_network(out, &list, options, ctx);
    lip_tensor_list_clear(&list);
    return status;
}

const struct lip_format lip_format_npz = {
    .name = "npz",
    .title = "NumPy npz: named weights, float64, float32 or float16",
    .media_type = "application/x-npz",
    .detect = detect,
    .read = read,
};
