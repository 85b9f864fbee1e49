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
 * written under a name of its own, synced, renamed, and the folder synced. */
#include "server/model_store.h"

#include "base/size.h"
#include "server/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static const char magic[] = "lipschitzd model 1\n";
#define UNFINISHED ".new-"

enum {
    MAGIC = sizeof magic - 1,
    FIXED = MAGIC + 3 * 8,
    STRINGS_MAX = 1 << 20,
    DIGITS = 64,
    NAME_MAX_BYTES = 96
};

struct lipd_store {
    int directory;
    pthread_mutex_t lock; /* of what follows */
    size_t quota, used;
    unsigned long number; /* of the next unfinished file */
};

/* --- names */

bool lipd_store_id_valid(const char *id)
{
    return !strncmp(id, "sha256:", 7) &&
           strspn(id + 7, "0123456789abcdef") == DIGITS && !id[7 + DIGITS];
}

static const char *name_of(const char *id)
{
    return id + strlen("sha256:");
}

/* --- opening */

static bool complain(char *out, size_t size, const char *what,
                     const char *directory)
{
    snprintf(out, size, "%s %.200s: %s.", what, directory, strerror(errno));
    return false;
}

/* Counts the files that are there and removes unfinished ones. */
static bool take_stock(struct lipd_store *store)
{
    struct dirent *entry;
    struct stat status;
    int fd = dup(store->directory);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list)
        return false;
    while ((entry = readdir(list))) {
        if (!strncmp(entry->d_name, UNFINISHED, strlen(UNFINISHED)))
            unlinkat(store->directory, entry->d_name, 0);
        else if (strlen(entry->d_name) == DIGITS &&
                 !fstatat(store->directory, entry->d_name, &status,
                          AT_SYMLINK_NOFOLLOW))
            store->used += (size_t)status.st_size;
    }
    closedir(list);
    return true;
}

static bool open_folder(struct lipd_store *store, const char *directory,
                        char *complaint, size_t size)
{
    if (mkdir(directory, 0700) && errno != EEXIST)
        return complain(complaint, size, "Cannot make", directory);
    int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return complain(complaint, size, "Cannot open", directory);
    bool made = !mkdirat(parent, "models", 0700) || errno == EEXIST;
    if (made)
        store->directory =
            openat(parent, "models", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory >= 0)
        fsync(parent);
    int error = errno;
    close(parent);
    errno = error;
    if (store->directory < 0 ||
        faccessat(store->directory, ".", W_OK | X_OK, AT_EACCESS) ||
        !take_stock(store))
        return complain(complaint, size, "Cannot use the folder models in",
                        directory);
    return true;
}

static struct lipd_store *new_store(size_t quota, char *complaint,
                                    size_t complaint_size)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct lipd_store *store = lip_calloc(&ctx, 1, sizeof *store);
    if (!store) {
        snprintf(complaint, complaint_size, "%s", ctx.error.detail);
        return NULL;
    }
    store->quota = quota;
    store->directory = -1;
    pthread_mutex_init(&store->lock, NULL);
    return store;
}

struct lipd_store *lipd_store_open(const char *directory, size_t quota,
                                   char *complaint, size_t complaint_size)
{
    struct lipd_store *store = new_store(quota, complaint, complaint_size);
    if (!store || open_folder(store, directory, complaint, complaint_size))
        return store;
    lipd_store_close(store);
    return NULL;
}

struct lipd_store *lipd_store_read_only(const char *directory, char *complaint,
                                        size_t complaint_size)
{
    char path[LIPD_TEXT_MAX + 16];
    struct lipd_store *store = new_store(0, complaint, complaint_size);
    if (!store)
        return NULL;
    snprintf(path, sizeof path, "%.*s/models", LIPD_TEXT_MAX, directory);
    store->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory >= 0)
        return store;
    complain(complaint, complaint_size, "Cannot use the folder models in",
             directory);
    lipd_store_close(store);
    return NULL;
}

void lipd_store_close(struct lipd_store *store)
{
    if (!store)
        return;
    if (store->directory >= 0)
        close(store->directory);
    pthread_mutex_destroy(&store->lock);
    lip_free(store);
}

/* --- room */

static bool book(struct lipd_store *store, size_t bytes)
{
    pthread_mutex_lock(&store->lock);
    bool fits = bytes <= store->quota && store->used <= store->quota - bytes;
    if (fits)
        store->used += bytes;
    pthread_mutex_unlock(&store->lock);
    return fits;
}

static void unbook(struct lipd_store *store, size_t bytes)
{
    pthread_mutex_lock(&store->lock);
    store->used -= bytes < store->used ? bytes : store->used;
    pthread_mutex_unlock(&store->lock);
}

size_t lipd_store_used(struct lipd_store *store)
{
    pthread_mutex_lock(&store->lock);
    size_t used = store->used;
    pthread_mutex_unlock(&store->lock);
    return used;
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

/* The file up to the body; NULL without memory. */
static unsigned char *make_head(size_t *size, const char *content_type,
                                const struct api_query *query, size_t body)
{
    size_t strings = put_strings(NULL, content_type, query);
    unsigned char *head = lip_alloc(NULL, FIXED + strings, 1);
    if (!head)
        return NULL;
    memcpy(head, magic, MAGIC);
    put_u64(head + MAGIC, strings);
    put_u64(head + MAGIC + 8, body);
    put_u64(head + MAGIC + 16, query->count);
    put_strings((char *)head + FIXED, content_type, query);
    *size = FIXED + strings;
    return head;
}

static bool write_all(int fd, const unsigned char *bytes, size_t size)
{
    while (size) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* Writes head and body under a name of its own and renames. errno tells. */
static bool write_file(struct lipd_store *store, const char *id,
                       const unsigned char *head, size_t head_size,
                       const struct lip_buffer *body)
{
    char name[NAME_MAX_BYTES];
    pthread_mutex_lock(&store->lock);
    snprintf(name, sizeof name, UNFINISHED "%ld-%lu", (long)getpid(),
             store->number++);
    pthread_mutex_unlock(&store->lock);
    int fd = openat(store->directory, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool written =
        write_all(fd, head, head_size) &&
        write_all(fd, lip_buffer_bytes(body), lip_buffer_size(body)) &&
        !fsync(fd);
    int error = errno;
    if (close(fd) && written) {
        error = errno;
        written = false;
    }
    if (written &&
        !renameat(store->directory, name, store->directory, name_of(id)) &&
        !fsync(store->directory))
        return true;
    error = written ? errno : error;
    unlinkat(store->directory, name, 0);
    errno = error;
    return false;
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
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        return no_room(problem, strerror(error));
    api_problem_set(problem, API_PROBLEM_INTERNAL,
                    "The model is not stored: %s.", strerror(error));
    return false;
}

bool lipd_store_put(struct lipd_store *store, const char *id,
                    const char *content_type, const struct api_query *query,
                    const struct lip_buffer *body, struct api_problem *problem)
{
    size_t head_size;
    if (lipd_store_size(store, id))
        return true;
    if (put_strings(NULL, content_type, query) > STRINGS_MAX) {
        api_problem_set(problem, API_PROBLEM_BAD_REQUEST,
                        "The query is too long to be stored.");
        return false;
    }
    unsigned char *head =
        make_head(&head_size, content_type, query, lip_buffer_size(body));
    if (!head)
        return failed(problem, ENOMEM);
    size_t total = head_size + lip_buffer_size(body);
    bool stored = false;
    if (!book(store, total)) {
        no_room(problem, "it would be over the limit of --max-stored");
    } else if (write_file(store, id, head, head_size, body)) {
        stored = true;
    } else {
        failed(problem, errno);
        unbook(store, total);
    }
    lip_free(head);
    return stored;
}

/* --- reading */

size_t lipd_store_size(struct lipd_store *store, const char *id)
{
    struct stat status;
    if (!lipd_store_id_valid(id) ||
        fstatat(store->directory, name_of(id), &status, AT_SYMLINK_NOFOLLOW))
        return 0;
    return (size_t)status.st_size;
}

static bool read_all(int fd, void *bytes, size_t size)
{
    unsigned char *out = bytes;
    while (size) {
        ssize_t n = read(fd, out, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        out += n;
        size -= (size_t)n;
    }
    return true;
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
    if (!read_all(fd, fixed, FIXED) || memcmp(fixed, magic, MAGIC))
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
    if (!read_all(fd, out->text, strings) || !read_all(fd, bytes, body) ||
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
    int fd = lipd_store_id_valid(id)
                 ? openat(store->directory, name_of(id), O_RDONLY | O_CLOEXEC)
                 : -1;
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
    size_t size = lipd_store_size(store, id);
    if (!lipd_store_id_valid(id) || unlinkat(store->directory, name_of(id), 0))
        return false;
    unbook(store, size);
    fsync(store->directory);
    return true;
}
