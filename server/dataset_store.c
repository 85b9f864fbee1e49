/* SPDX-License-Identifier: MIT
 *
 * Data sets on their shelf. */
#include "server/dataset_store.h"

#include "server/dataset_file.h"
#include "server/shelf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct lipd_dataset_store {
    struct lipd_shelf shelf;
};

bool lipd_dataset_id_valid(const char *id)
{
    return lipd_shelf_is_id(id);
}

/* --- opening */

static struct lipd_dataset_store *new_store(char *complaint, size_t size)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct lipd_dataset_store *store = lip_calloc(&ctx, 1, sizeof *store);
    if (!store)
        snprintf(complaint, size, "%s", ctx.error.detail);
    return store;
}

struct lipd_dataset_store *lipd_dataset_store_open(const char *directory,
                                                   size_t quota,
                                                   char *complaint,
                                                   size_t complaint_size)
{
    struct lipd_dataset_store *store = new_store(complaint, complaint_size);
    if (store && lipd_shelf_open(&store->shelf, directory, "datasets", quota,
                                 complaint, complaint_size))
        return store;
    lip_free(store);
    return NULL;
}

struct lipd_dataset_store *lipd_dataset_store_read_only(const char *directory,
                                                        char *complaint,
                                                        size_t complaint_size)
{
    struct lipd_dataset_store *store = new_store(complaint, complaint_size);
    if (store && lipd_shelf_read_only(&store->shelf, directory, "datasets",
                                      complaint, complaint_size))
        return store;
    lip_free(store);
    return NULL;
}

void lipd_dataset_store_close(struct lipd_dataset_store *store)
{
    if (!store)
        return;
    lipd_shelf_close(&store->shelf);
    lip_free(store);
}

void lipd_dataset_store_share(struct lipd_dataset_store *store,
                              struct lipd_blobs *blobs)
{
    store->shelf.blobs = blobs;
    store->shelf.kind = "dataset";
}

/* --- room */

size_t lipd_dataset_store_used(struct lipd_dataset_store *store)
{
    return lipd_shelf_used(&store->shelf);
}

struct lipd_shelf *lipd_dataset_shelf(struct lipd_dataset_store *store)
{
    return &store->shelf;
}

/* --- writing */

static bool failed(struct api_problem *problem, int error)
{
    if (lipd_disk_full(error))
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                        "The data set is not stored: %s. Delete stored data "
                        "sets or give the daemon more room.",
                        strerror(error));
    else
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The data set is not stored: %s.", strerror(error));
    return false;
}

struct numbers {
    const struct lipd_dataset *about;
    const struct lip_data *data;
};

static bool write_numbers(int fd, const void *what)
{
    const struct numbers *numbers = what;
    return lipd_dataset_file_write(fd, numbers->about, numbers->data);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool over_quota(size_t quota, size_t bytes, struct api_problem *problem)
{
    if (bytes > quota)
        api_problem_set(problem, API_PROBLEM_BODY_TOO_LARGE,
                        "The data set takes %zu bytes on disk, more than the "
                        "%zu that --max-datasets allows for all together.",
                        bytes, quota);
    else
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                        "The data set takes %zu bytes on disk, and with those "
                        "stored it would be over the limit of %zu "
                        "(--max-datasets). Delete stored data sets.",
                        bytes, quota);
    return false;
}

static bool same_shape(const struct lipd_dataset *a,
                       const struct lipd_dataset *b)
{
    return a->rows == b->rows && a->features == b->features &&
           a->classes == b->classes && a->targets == b->targets;
}

bool lipd_dataset_describe(struct lipd_dataset *out,
                           const struct lip_data *data)
{
    *out = (struct lipd_dataset){.rows = data->rows,
                                 .features = data->features,
                                 .classes = data->classes,
                                 .targets = data->targets,
                                 .created = now()};
    lip_data_digest(out->id, data);
    return lipd_dataset_file_size(&out->bytes, out);
}

static bool put_here(struct lipd_dataset_store *store,
                     const struct lip_data *data, struct lipd_dataset *out,
                     struct api_problem *problem)
{
    struct lipd_shelf *shelf = &store->shelf;
    struct lipd_dataset about = *out;
    bool there = lipd_dataset_show(store, about.id, out, problem);
    if (there && same_shape(out, &about))
        return true;
    if (there || problem->code != API_PROBLEM_NOT_FOUND)
        lipd_dataset_delete(store, about.id); /* damaged: made anew */
    if (!lipd_shelf_make_room(shelf, about.bytes))
        return over_quota(shelf->quota, about.bytes, problem);
    const struct numbers numbers = {&about, data};
    const struct lipd_content content = {write_numbers, &numbers};
    if (!lipd_shelf_put(shelf, about.id, about.bytes, &content, &about.fresh))
        return failed(problem, errno);
    if (!about.fresh)
        return lipd_dataset_show(store, about.id, out, problem);
    *out = about;
    return true;
}

bool lipd_dataset_put_described(struct lipd_dataset_store *store,
                                const struct lip_data *data,
                                struct lipd_dataset *out,
                                struct api_problem *problem)
{
    return put_here(store, data, out, problem) &&
           lipd_shelf_share(&store->shelf, out->id, problem);
}

bool lipd_dataset_put(struct lipd_dataset_store *store,
                      const struct lip_data *data, struct lipd_dataset *out,
                      struct api_problem *problem)
{
    return lipd_dataset_describe(out, data)
               ? lipd_dataset_put_described(store, data, out, problem)
               : over_quota(store->shelf.quota, SIZE_MAX, problem);
}

/* --- reading */

static bool not_found(struct api_problem *problem, const char *id)
{
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "No data set is stored under the id %.80s.", id);
    return false;
}

static bool damaged(struct api_problem *problem, const char *id)
{
    api_problem_set(problem, API_PROBLEM_INTERNAL,
                    "The stored data set %s is damaged; delete it and store it "
                    "again.",
                    id);
    return false;
}

/* Opens the file of this id and reads its head. -1 where there is none; with
 * *sound false where it is not what the id says. */
static int open_file(struct lipd_dataset *out, bool *sound,
                     const struct lipd_dataset_store *store, const char *id)
{
    int fd = lipd_shelf_get(&store->shelf, id);
    *sound =
        fd >= 0 && lipd_dataset_file_about(out, fd) && !strcmp(out->id, id);
    return fd;
}

static int open_id(struct lipd_dataset *out, struct lipd_dataset_store *store,
                   const char *id, struct api_problem *problem)
{
    bool sound;
    if (!lipd_shelf_fetch(&store->shelf, id, problem) &&
        problem->code != API_PROBLEM_NOT_FOUND)
        return -1;
    int fd = open_file(out, &sound, store, id);
    if (sound)
        return fd;
    if (fd < 0)
        not_found(problem, id);
    else
        damaged(problem, id);
    if (fd >= 0)
        close(fd);
    return -1;
}

bool lipd_dataset_show(struct lipd_dataset_store *store, const char *id,
                       struct lipd_dataset *out, struct api_problem *problem)
{
    int fd = open_id(out, store, id, problem);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int lipd_dataset_open(struct lipd_dataset_store *store, const char *id,
                      struct api_problem *problem)
{
    struct lipd_dataset about;
    return open_id(&about, store, id, problem);
}

bool lipd_dataset_load_file(struct lip_data **out, int fd, const char *id,
                            struct api_problem *problem, struct lip_ctx *ctx)
{
    struct lipd_dataset about;
    bool loaded = false;
    *out = NULL;
    if (lseek(fd, 0, SEEK_SET) || !lipd_dataset_file_about(&about, fd) ||
        strcmp(about.id, id)) {
        damaged(problem, id);
        return false;
    }
    if (lip_data_new(out, about.rows, about.features, about.classes,
                     about.targets, ctx) != LIP_OK)
        api_problem_from_error(problem, &ctx->error);
    else if (!lipd_dataset_file_read(*out, fd, &about))
        damaged(problem, id);
    else
        loaded = true;
    if (!loaded) {
        lip_data_free(*out);
        *out = NULL;
    }
    return loaded;
}

bool lipd_dataset_load(struct lip_data **out, struct lipd_dataset_store *store,
                       const char *id, struct api_problem *problem,
                       struct lip_ctx *ctx)
{
    *out = NULL;
    int fd = lipd_dataset_open(store, id, problem);
    if (fd < 0)
        return false;
    bool loaded = lipd_dataset_load_file(out, fd, id, problem, ctx);
    close(fd);
    return loaded;
}

bool lipd_dataset_delete(struct lipd_dataset_store *store, const char *id)
{
    return lipd_shelf_delete(&store->shelf, id);
}

/* --- the list */

/* Puts an id into a sorted list of at most `room`, of which the last falls
 * out. Returns how many there are then. */
static size_t insert(char (*id)[LIP_DIGEST_TEXT], size_t count, size_t room,
                     const char *added)
{
    size_t at = count;
    while (at > 0 && strcmp(id[at - 1], added) > 0)
        at--;
    if (at == room)
        return count;
    size_t kept = count < room ? count : room - 1;
    memmove(id[at + 1], id[at], (kept - at) * sizeof *id);
    memcpy(id[at], added, sizeof *id);
    return kept + 1;
}

size_t lipd_dataset_list(struct lipd_dataset_store *store, const char *after,
                         struct lipd_dataset *out, size_t count, bool *more)
{
    const char *least = lipd_dataset_id_valid(after) ? after : "";
    char(*id)[LIP_DIGEST_TEXT] = lip_alloc(NULL, count + 1, sizeof *id);
    DIR *list = id ? lipd_entries(store->shelf.folder) : NULL;
    size_t found = 0, kept = 0;
    for (struct dirent *entry; list && (entry = readdir(list));) {
        char next[LIP_DIGEST_TEXT];
        snprintf(next, sizeof next, "sha256:%.64s", entry->d_name);
        if (lipd_shelf_is_name(entry->d_name) && strcmp(next, least) > 0)
            found = insert(id, found, count + 1, next);
    }
    *more = found > count;
    for (size_t i = 0; i < found && i < count; i++) {
        bool sound;
        int fd = open_file(&out[kept], &sound, store, id[i]);
        if (fd >= 0)
            close(fd);
        kept += sound;
    }
    if (list)
        closedir(list);
    lip_free(id);
    return kept;
}

size_t lipd_dataset_size(struct lipd_dataset_store *store, const char *id)
{
    return lipd_shelf_size(&store->shelf, id);
}

bool lipd_dataset_each(struct lipd_dataset_store *store,
                       bool (*visit)(void *arg, const char *id), void *arg)
{
    return lipd_shelf_each(&store->shelf, visit, arg);
}
