/* SPDX-License-Identifier: MIT
 *
 * A file is
 *
 *     "lipschitzd model 1\n"            19 bytes
 *     size of the strings, size of the body, query parameters: 3 x u64, LE
 *     the strings, each ended by a zero byte: "t" and the content type or ""
 *         for none, then name and value of each query parameter
 *     the body
 *
 * on the shelf "models". */
#include "server/model_store.h"

#include "base/size.h"
#include "server/shelf.h"
#include "server/spool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[] = "lipschitzd model 1\n";

enum { MAGIC = sizeof magic - 1, FIXED = MAGIC + 3 * 8, STRINGS_MAX = 1 << 20 };

struct lipd_store {
    struct lipd_shelf shelf;
};

bool lipd_store_id_valid(const char *id)
{
    return lipd_shelf_is_id(id);
}

/* --- opening */

static struct lipd_store *new_store(char *complaint, size_t complaint_size)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct lipd_store *store = lip_calloc(&ctx, 1, sizeof *store);
    if (!store)
        snprintf(complaint, complaint_size, "%s", ctx.error.detail);
    return store;
}

struct lipd_store *lipd_store_open(const char *directory, size_t quota,
                                   char *complaint, size_t complaint_size)
{
    struct lipd_store *store = new_store(complaint, complaint_size);
    if (store && lipd_shelf_open(&store->shelf, directory, "models", quota,
                                 complaint, complaint_size))
        return store;
    lip_free(store);
    return NULL;
}

struct lipd_store *lipd_store_read_only(const char *directory, char *complaint,
                                        size_t complaint_size)
{
    struct lipd_store *store = new_store(complaint, complaint_size);
    if (store && lipd_shelf_read_only(&store->shelf, directory, "models",
                                      complaint, complaint_size))
        return store;
    lip_free(store);
    return NULL;
}

void lipd_store_close(struct lipd_store *store)
{
    if (!store)
        return;
    lipd_shelf_close(&store->shelf);
    lip_free(store);
}

void lipd_store_share(struct lipd_store *store, struct lipd_blobs *blobs)
{
    store->shelf.blobs = blobs;
    store->shelf.kind = "model";
}

struct lipd_shelf *lipd_store_shelf(struct lipd_store *store)
{
    return &store->shelf;
}

size_t lipd_store_used(struct lipd_store *store)
{
    return lipd_shelf_used(&store->shelf);
}

/* --- writing */

static void put_u64(unsigned char *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get_u64(const unsigned char *in)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | in[i];
    return value;
}

static void append(char *out, size_t *size, const char *text)
{
    size_t length = strlen(text) + 1;
    if (out)
        memcpy(out + *size, text, length);
    *size += length;
}

/* Writes the strings, or with out == NULL only tells how long they are. */
static size_t put_strings(char *out, const char *content_type,
                          const struct api_query *query)
{
    size_t size = content_type ? 1 : 0;
    if (out && content_type)
        out[0] = 't';
    append(out, &size, content_type ? content_type : "");
    for (size_t i = 0; i < query->count; i++) {
        append(out, &size, query->item[i].name);
        append(out, &size, query->item[i].value);
    }
    return size;
}

static bool no_room(struct api_problem *problem, const char *why)
{
    api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                    "The model is not stored: %s. Delete stored models or "
                    "give the daemon more room.",
                    why);
    return false;
}

static bool failed(struct api_problem *problem, int error)
{
    if (lipd_disk_full(error))
        return no_room(problem, strerror(error));
    api_problem_set(problem, API_PROBLEM_INTERNAL,
                    "The model is not stored: %s.", strerror(error));
    return false;
}

/* The file up to a body of this size; NULL with the problem. */
static unsigned char *make_head(size_t *size, const char *content_type,
                                const struct api_query *query, size_t body,
                                struct api_problem *problem)
{
    size_t strings = put_strings(NULL, content_type, query);
    if (strings > STRINGS_MAX) {
        api_problem_set(problem, API_PROBLEM_BAD_REQUEST,
                        "The query is too long to be stored.");
        return NULL;
    }
    unsigned char *head = lip_alloc(NULL, FIXED + strings, 1);
    if (!head) {
        failed(problem, ENOMEM);
        return NULL;
    }
    memcpy(head, magic, MAGIC);
    put_u64(head + MAGIC, strings);
    put_u64(head + MAGIC + 8, body);
    put_u64(head + MAGIC + 16, query->count);
    put_strings((char *)head + FIXED, content_type, query);
    *size = FIXED + strings;
    return head;
}

void *lipd_store_head(size_t *size, const char *content_type,
                      const struct api_query *query,
                      struct api_problem *problem)
{
    return make_head(size, content_type, query, 0, problem);
}

size_t lipd_store_bytes(const char *content_type, const struct api_query *query,
                        const struct lip_buffer *body)
{
    return FIXED + put_strings(NULL, content_type, query) +
           lip_buffer_size(body);
}

/* Room for a file that is not there yet. */
static bool book(struct lipd_store *store, size_t bytes,
                 struct api_problem *problem)
{
    return lipd_shelf_make_room(&store->shelf, bytes) ||
           no_room(problem, "it would be over the limit of --max-stored");
}

bool lipd_store_put(struct lipd_store *store, const char *id,
                    const char *content_type, const struct api_query *query,
                    const struct lip_buffer *body, struct api_problem *problem)
{
    size_t head_size;
    if (lipd_shelf_size(&store->shelf, id))
        return lipd_shelf_share(&store->shelf, id, problem);
    unsigned char *head = make_head(&head_size, content_type, query,
                                    lip_buffer_size(body), problem);
    if (!head)
        return false;
    const struct lipd_part part[] = {
        {head, head_size},
        {lip_buffer_bytes(body), lip_buffer_size(body)},
        {NULL, 0}};
    const struct lipd_content content = {lipd_write_parts, part};
    size_t total = head_size + lip_buffer_size(body);
    bool fresh, stored = book(store, total, problem);
    if (stored && !lipd_shelf_put(&store->shelf, id, total, &content, &fresh))
        stored = failed(problem, errno);
    lip_free(head);
    return stored && lipd_shelf_share(&store->shelf, id, problem);
}

bool lipd_store_take(struct lipd_store *store, const char *id,
                     const struct lipd_upload *upload,
                     struct api_problem *problem)
{
    size_t total = upload->head + upload->size;
    unsigned char size[8];
    bool fresh;
    if (lipd_shelf_size(&store->shelf, id))
        return lipd_shelf_share(&store->shelf, id, problem);
    /* It was not known when the head was written. */
    put_u64(size, upload->size);
    if (pwrite(upload->fd, size, sizeof size, MAGIC + 8) != sizeof size)
        return failed(problem, errno);
    if (!book(store, total, problem))
        return false;
    if (!lipd_shelf_link(&store->shelf, id, upload->fd, total, &fresh))
        return failed(problem, errno);
    return lipd_shelf_share(&store->shelf, id, problem);
}

/* --- reading */

size_t lipd_store_size(struct lipd_store *store, const char *id)
{
    struct api_problem ignored;
    lipd_shelf_fetch(&store->shelf, id, &ignored);
    return lipd_shelf_size(&store->shelf, id);
}

bool lipd_store_fetch(struct lipd_store *store, const char *id,
                      struct api_problem *problem)
{
    return lipd_shelf_fetch(&store->shelf, id, problem);
}

/* The next string, or NULL where the text ends before it does. */
static const char *next_string(const char **at, const char *end)
{
    const char *string = *at;
    const char *zero = memchr(string, '\0', (size_t)(end - string));
    if (!zero)
        return NULL;
    *at = zero + 1;
    return string;
}

static bool parse_strings(struct lipd_stored *out, size_t size, uint64_t count)
{
    const char *at = out->text, *end = at + size;
    const char *type = size ? next_string(&at, end) : NULL;
    if (!type || count > API_MAX_QUERY)
        return false;
    out->content_type = *type == 't' ? type + 1 : NULL;
    for (out->query.count = 0; out->query.count < count; out->query.count++) {
        const char *name = next_string(&at, end);
        const char *value = name ? next_string(&at, end) : NULL;
        if (!value)
            return false;
        out->query.item[out->query.count].name = name;
        out->query.item[out->query.count].value = value;
    }
    return at == end;
}

/* Reads an open file of this size. LIP_MALFORMED: damaged. */
static enum lip_status read_file(struct lipd_stored *out, int fd, size_t total,
                                 struct lip_ctx *ctx)
{
    unsigned char fixed[FIXED];
    size_t expected;
    if (!lipd_read_all(fd, fixed, FIXED) || memcmp(fixed, magic, MAGIC))
        return LIP_MALFORMED;
    uint64_t strings = get_u64(fixed + MAGIC),
             body = get_u64(fixed + MAGIC + 8);
    if (strings > STRINGS_MAX ||
        !lip_size_add(&expected, FIXED + (size_t)strings, body) ||
        expected != total)
        return LIP_MALFORMED;
    out->text = lip_alloc(ctx, strings, 1);
    void *bytes = out->text ? lip_alloc(ctx, body, 1) : NULL;
    if (!bytes)
        return ctx->error.status;
    if (!lipd_read_all(fd, out->text, strings) ||
        !lipd_read_all(fd, bytes, body) ||
        !parse_strings(out, strings, get_u64(fixed + MAGIC + 16))) {
        lip_free(bytes);
        return LIP_MALFORMED;
    }
    out->body = lip_buffer_take(bytes, body, ctx);
    return out->body ? LIP_OK : ctx->error.status;
}

bool lipd_store_get(struct lipd_stored *out, struct lipd_store *store,
                    const char *id, struct api_problem *problem,
                    struct lip_ctx *ctx)
{
    struct stat status;
    memset(out, 0, sizeof *out);
    if (!lipd_shelf_fetch(&store->shelf, id, problem) &&
        problem->code != API_PROBLEM_NOT_FOUND)
        return false;
    int fd = lipd_shelf_get(&store->shelf, id);
    if (fd < 0 || fstat(fd, &status)) {
        api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                        "No model is stored under the id %.80s.", id);
        if (fd >= 0)
            close(fd);
        return false;
    }
    enum lip_status s = read_file(out, fd, (size_t)status.st_size, ctx);
    close(fd);
    if (s == LIP_OK)
        return true;
    if (s == LIP_MALFORMED)
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The stored model %s is damaged; delete it and store "
                        "it again.",
                        id);
    else
        api_problem_from_error(problem, &ctx->error);
    lipd_stored_clear(out);
    return false;
}

void lipd_stored_clear(struct lipd_stored *stored)
{
    lip_buffer_put(stored->body);
    lip_free(stored->text);
    memset(stored, 0, sizeof *stored);
}

bool lipd_store_delete(struct lipd_store *store, const char *id)
{
    return lipd_shelf_delete(&store->shelf, id);
}

bool lipd_store_each(struct lipd_store *store,
                     bool (*visit)(void *arg, const char *id), void *arg)
{
    return lipd_shelf_each(&store->shelf, visit, arg);
}
