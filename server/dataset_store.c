/* SPDX-License-Identifier: MIT
 *
 * The folder of data sets. A file is written under a name of its own, synced,
 * renamed, and the folder synced: it is there whole or not at all. */
#include "server/dataset_store.h"

#include "server/dataset_file.h"
#include "server/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define UNFINISHED ".new-"

enum { DIGITS = 64, NAME_MAX_BYTES = 96 };

struct lipd_dataset_store {
    int directory;
    pthread_mutex_t lock; /* of what follows, and of what names there are */
    size_t quota, used, spooled;
    unsigned long number; /* of the next unfinished file */
};

/* --- names */

bool lipd_dataset_id_valid(const char *id)
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

/* The folder's entries; NULL with errno. */
static DIR *entries(const struct lipd_dataset_store *store)
{
    int fd = openat(store->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list && fd >= 0)
        close(fd);
    return list;
}

/* Counts the files that are there and removes unfinished ones. */
static bool take_stock(struct lipd_dataset_store *store)
{
    struct dirent *entry;
    struct stat status;
    DIR *list = entries(store);
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

static bool make_folders(const char *directory, char *complaint, size_t size)
{
    if (mkdir(directory, 0700) && errno != EEXIST)
        return complain(complaint, size, "Cannot make", directory);
    int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return complain(complaint, size, "Cannot open", directory);
    bool made = (!mkdirat(parent, "datasets", 0700) || errno == EEXIST) &&
                !fsync(parent);
    int error = errno;
    close(parent);
    errno = error;
    return made || complain(complaint, size,
                            "Cannot make the folder datasets in", directory);
}

static bool open_folder(struct lipd_dataset_store *store, const char *directory,
                        bool writable, char *complaint, size_t size)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/datasets", directory) >=
        (int)sizeof path)
        errno = ENAMETOOLONG;
    else
        store->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0 ||
        (writable &&
         (faccessat(store->directory, ".", W_OK | X_OK, AT_EACCESS) ||
          !take_stock(store))))
        return complain(complaint, size, "Cannot use the folder datasets in",
                        directory);
    return true;
}

static struct lipd_dataset_store *open_store(const char *directory,
                                             size_t quota, bool writable,
                                             char *complaint, size_t size)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct lipd_dataset_store *store = lip_calloc(&ctx, 1, sizeof *store);
    if (!store) {
        snprintf(complaint, size, "%s", ctx.error.detail);
        return NULL;
    }
    store->quota = quota;
    store->directory = -1;
    pthread_mutex_init(&store->lock, NULL);
    if ((!writable || make_folders(directory, complaint, size)) &&
        open_folder(store, directory, writable, complaint, size))
        return store;
    lipd_dataset_store_close(store);
    return NULL;
}

struct lipd_dataset_store *lipd_dataset_store_open(const char *directory,
                                                   size_t quota,
                                                   char *complaint,
                                                   size_t complaint_size)
{
    return open_store(directory, quota, true, complaint, complaint_size);
}

struct lipd_dataset_store *lipd_dataset_store_read_only(const char *directory,
                                                        char *complaint,
                                                        size_t complaint_size)
{
    return open_store(directory, 0, false, complaint, complaint_size);
}

void lipd_dataset_store_close(struct lipd_dataset_store *store)
{
    if (!store)
        return;
    if (store->directory >= 0)
        close(store->directory);
    pthread_mutex_destroy(&store->lock);
    lip_free(store);
}

/* --- room */

/* Adds to one of the counters, which stays within the quota. */
static bool book(struct lipd_dataset_store *store, size_t *counter,
                 size_t bytes)
{
    pthread_mutex_lock(&store->lock);
    bool fits = bytes <= store->quota && *counter <= store->quota - bytes;
    if (fits)
        *counter += bytes;
    pthread_mutex_unlock(&store->lock);
    return fits;
}

static void unbook(struct lipd_dataset_store *store, size_t *counter,
                   size_t bytes)
{
    pthread_mutex_lock(&store->lock);
    *counter -= bytes < *counter ? bytes : *counter;
    pthread_mutex_unlock(&store->lock);
}

size_t lipd_dataset_store_used(struct lipd_dataset_store *store)
{
    pthread_mutex_lock(&store->lock);
    size_t used = store->used;
    pthread_mutex_unlock(&store->lock);
    return used;
}

bool lipd_dataset_spool_book(struct lipd_dataset_store *store, size_t bytes)
{
    return book(store, &store->spooled, bytes);
}

void lipd_dataset_spool_unbook(struct lipd_dataset_store *store, size_t bytes)
{
    unbook(store, &store->spooled, bytes);
}

/* --- writing */

static bool failed(struct api_problem *problem, int error)
{
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                        "The data set is not stored: %s. Delete stored data "
                        "sets or give the daemon more room.",
                        strerror(error));
    else
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The data set is not stored: %s.", strerror(error));
    return false;
}

/* Opens a new file under a name of its own. */
static int open_new(struct lipd_dataset_store *store, char name[NAME_MAX_BYTES])
{
    pthread_mutex_lock(&store->lock);
    snprintf(name, NAME_MAX_BYTES, UNFINISHED "%ld-%lu", (long)getpid(),
             store->number++);
    pthread_mutex_unlock(&store->lock);
    return openat(store->directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                  0600);
}

int lipd_dataset_spool(struct lipd_dataset_store *store, size_t announced,
                       struct api_problem *problem)
{
    char name[NAME_MAX_BYTES];
    int fd =
        openat(store->directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) { /* not every file system has files without a name */
        fd = open_new(store, name);
        if (fd >= 0)
            unlinkat(store->directory, name, 0);
    }
    /* A full disk is told before the client has sent everything. */
    if (fd >= 0 && announced && fallocate(fd, 0, 0, (off_t)announced) &&
        errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR) {
        int error = errno;
        close(fd);
        errno = error;
        fd = -1;
    }
    if (fd < 0)
        failed(problem, errno);
    return fd;
}

bool lipd_dataset_spool_add(int fd, const void *bytes, size_t size,
                            struct api_problem *problem)
{
    return lipd_write_all(fd, bytes, size) || failed(problem, errno);
}

/* Gives the finished file its name, unless the same data set has come another
 * way meanwhile; *fresh tells. */
static bool publish(struct lipd_dataset_store *store, const char *name,
                    const char *id, bool *fresh)
{
    pthread_mutex_lock(&store->lock);
    *fresh = faccessat(store->directory, name_of(id), F_OK, 0) != 0;
    bool done = *fresh ? !renameat(store->directory, name, store->directory,
                                   name_of(id))
                       : !unlinkat(store->directory, name, 0);
    pthread_mutex_unlock(&store->lock);
    return done && !fsync(store->directory);
}

/* errno tells. */
static bool write_file(struct lipd_dataset_store *store,
                       struct lipd_dataset *about, const struct lip_data *data)
{
    char name[NAME_MAX_BYTES];
    int fd = open_new(store, name);
    if (fd < 0)
        return false;
    bool written = lipd_dataset_file_write(fd, about, data) && !fsync(fd);
    int error = errno;
    if (close(fd) && written) {
        error = errno;
        written = false;
    }
    if (written && publish(store, name, about->id, &about->fresh))
        return true;
    error = written ? errno : error;
    unlinkat(store->directory, name, 0);
    errno = error;
    return false;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool over_quota(const struct lipd_dataset_store *store, size_t bytes,
                       struct api_problem *problem)
{
    if (bytes > store->quota)
        api_problem_set(problem, API_PROBLEM_BODY_TOO_LARGE,
                        "The data set takes %zu bytes on disk, more than the "
                        "%zu that --max-datasets allows for all together.",
                        bytes, store->quota);
    else
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                        "The data set takes %zu bytes on disk, and with those "
                        "stored it would be over the limit of %zu "
                        "(--max-datasets). Delete stored data sets.",
                        bytes, store->quota);
    return false;
}

static bool same_shape(const struct lipd_dataset *a,
                       const struct lipd_dataset *b)
{
    return a->rows == b->rows && a->features == b->features &&
           a->classes == b->classes && a->targets == b->targets;
}

bool lipd_dataset_put(struct lipd_dataset_store *store,
                      const struct lip_data *data, struct lipd_dataset *out,
                      struct api_problem *problem)
{
    struct lipd_dataset about = {.rows = data->rows,
                                 .features = data->features,
                                 .classes = data->classes,
                                 .targets = data->targets,
                                 .created = now()};
    lip_data_digest(about.id, data);
    bool there = lipd_dataset_show(store, about.id, out, problem);
    if (there && same_shape(out, &about))
        return true;
    if (there || problem->code != API_PROBLEM_NOT_FOUND)
        lipd_dataset_delete(store, about.id); /* damaged: made anew */
    if (!lipd_dataset_file_size(&about.bytes, &about) ||
        !book(store, &store->used, about.bytes))
        return over_quota(store, about.bytes, problem);
    if (!write_file(store, &about, data)) {
        int error = errno;
        unbook(store, &store->used, about.bytes);
        return failed(problem, error);
    }
    if (!about.fresh) {
        unbook(store, &store->used, about.bytes);
        return lipd_dataset_show(store, about.id, out, problem);
    }
    *out = about;
    return true;
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

/* Opens the file of this name and reads its head. -1 where there is none; with
 * *sound false where it is not what the name says. */
static int open_file(struct lipd_dataset *out, bool *sound,
                     const struct lipd_dataset_store *store, const char *name)
{
    int fd = openat(store->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *sound = fd >= 0 && lipd_dataset_file_about(out, fd) &&
             !strcmp(name_of(out->id), name);
    return fd;
}

static int open_id(struct lipd_dataset *out, struct lipd_dataset_store *store,
                   const char *id, struct api_problem *problem)
{
    bool sound = false;
    int fd = lipd_dataset_id_valid(id)
                 ? open_file(out, &sound, store, name_of(id))
                 : -1;
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

bool lipd_dataset_load(struct lip_data **out, struct lipd_dataset_store *store,
                       const char *id, struct api_problem *problem,
                       struct lip_ctx *ctx)
{
    struct lipd_dataset about;
    *out = NULL;
    int fd = open_id(&about, store, id, problem);
    if (fd < 0)
        return false;
    bool loaded = false;
    if (lip_data_new(out, about.rows, about.features, about.classes,
                     about.targets, ctx) != LIP_OK)
        api_problem_from_error(problem, &ctx->error);
    else if (!lipd_dataset_file_read(*out, fd, &about))
        damaged(problem, id);
    else
        loaded = true;
    close(fd);
    if (!loaded) {
        lip_data_free(*out);
        *out = NULL;
    }
    return loaded;
}

bool lipd_dataset_delete(struct lipd_dataset_store *store, const char *id)
{
    struct stat status;
    if (!lipd_dataset_id_valid(id))
        return false;
    pthread_mutex_lock(&store->lock);
    bool removed =
        !fstatat(store->directory, name_of(id), &status, AT_SYMLINK_NOFOLLOW) &&
        !unlinkat(store->directory, name_of(id), 0);
    pthread_mutex_unlock(&store->lock);
    if (!removed)
        return false;
    unbook(store, &store->used, (size_t)status.st_size);
    fsync(store->directory);
    return true;
}

/* --- the list */

/* Puts a name into a sorted list of at most `room`, of which the last falls
 * out. Returns how many there are then. */
static size_t insert(char (*name)[DIGITS + 1], size_t count, size_t room,
                     const char *added)
{
    size_t at = count;
    while (at > 0 && strcmp(name[at - 1], added) > 0)
        at--;
    if (at == room)
        return count;
    size_t kept = count < room ? count : room - 1;
    memmove(name[at + 1], name[at], (kept - at) * sizeof *name);
    memcpy(name[at], added, sizeof *name);
    return kept + 1;
}

size_t lipd_dataset_list(struct lipd_dataset_store *store, const char *after,
                         struct lipd_dataset *out, size_t count, bool *more)
{
    const char *least = lipd_dataset_id_valid(after) ? name_of(after) : "";
    char(*name)[DIGITS + 1] = lip_alloc(NULL, count + 1, sizeof *name);
    DIR *list = name ? entries(store) : NULL;
    size_t found = 0, kept = 0;
    for (struct dirent *entry; list && (entry = readdir(list));)
        if (strspn(entry->d_name, "0123456789abcdef") == DIGITS &&
            !entry->d_name[DIGITS] && strcmp(entry->d_name, least) > 0)
            found = insert(name, found, count + 1, entry->d_name);
    *more = found > count;
    for (size_t i = 0; i < found && i < count; i++) {
        bool sound;
        int fd = open_file(&out[kept], &sound, store, name[i]);
        if (fd >= 0)
            close(fd);
        kept += sound;
    }
    if (list)
        closedir(list);
    lip_free(name);
    return kept;
}
