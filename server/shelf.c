/* SPDX-License-Identifier: MIT
 *
 * A file is written under a name of its own, synced, renamed, and the folder
 * synced. */
#include "server/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNFINISHED ".new-"

enum { NAME_BYTES = 96 };

/* --- names */

bool lipd_shelf_is_name(const char *name)
{
    return strspn(name, "0123456789abcdef") == LIPD_SHELF_DIGITS &&
           !name[LIPD_SHELF_DIGITS];
}

const char *lipd_shelf_name(const char *id)
{
    return id + strlen("sha256:");
}

bool lipd_shelf_is_id(const char *id)
{
    return !strncmp(id, "sha256:", strlen("sha256:")) &&
           lipd_shelf_is_name(lipd_shelf_name(id));
}

/* --- opening */

static void init(struct lipd_shelf *shelf, const char *name, size_t quota)
{
    *shelf = (struct lipd_shelf){.folder = -1, .quota = quota};
    shelf->thing = strcmp(name, "datasets") ? "model" : "data set";
    pthread_mutex_init(&shelf->lock, NULL);
}

static bool refuse(struct lipd_shelf *shelf, const char *directory,
                   const char *name, char *complaint, size_t complaint_size)
{
    snprintf(complaint, complaint_size,
             "Cannot use the folder %s in %.200s: %s.", name, directory,
             strerror(errno));
    lipd_shelf_close(shelf);
    return false;
}

/* Counts the files that are there and removes unfinished ones. */
static bool take_stock(struct lipd_shelf *shelf)
{
    struct dirent *entry;
    struct stat status;
    DIR *list = lipd_entries(shelf->folder);
    if (!list)
        return false;
    while ((entry = readdir(list))) {
        if (!strncmp(entry->d_name, UNFINISHED, strlen(UNFINISHED)))
            unlinkat(shelf->folder, entry->d_name, 0);
        else if (strlen(entry->d_name) == LIPD_SHELF_DIGITS &&
                 !fstatat(shelf->folder, entry->d_name, &status,
                          AT_SYMLINK_NOFOLLOW))
            shelf->used += (size_t)status.st_size;
    }
    closedir(list);
    return true;
}

bool lipd_shelf_open(struct lipd_shelf *shelf, const char *directory,
                     const char *name, size_t quota, char *complaint,
                     size_t complaint_size)
{
    init(shelf, name, quota);
    shelf->folder =
        lipd_open_folder(directory, name, complaint, complaint_size);
    if (shelf->folder < 0) {
        lipd_shelf_close(shelf);
        return false;
    }
    return (!faccessat(shelf->folder, ".", W_OK | X_OK, AT_EACCESS) &&
            take_stock(shelf)) ||
           refuse(shelf, directory, name, complaint, complaint_size);
}

bool lipd_shelf_read_only(struct lipd_shelf *shelf, const char *directory,
                          const char *name, char *complaint,
                          size_t complaint_size)
{
    init(shelf, name, 0);
    int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) {
        shelf->folder =
            openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        lipd_close(parent);
    }
    return shelf->folder >= 0 ||
           refuse(shelf, directory, name, complaint, complaint_size);
}

void lipd_shelf_close(struct lipd_shelf *shelf)
{
    if (shelf->folder >= 0)
        close(shelf->folder);
    pthread_mutex_destroy(&shelf->lock);
}

/* --- room */

bool lipd_shelf_book(struct lipd_shelf *shelf, size_t *counter, size_t bytes)
{
    pthread_mutex_lock(&shelf->lock);
    bool fits = bytes <= shelf->quota && *counter <= shelf->quota - bytes;
    if (fits)
        *counter += bytes;
    pthread_mutex_unlock(&shelf->lock);
    return fits;
}

void lipd_shelf_unbook(struct lipd_shelf *shelf, size_t *counter, size_t bytes)
{
    pthread_mutex_lock(&shelf->lock);
    *counter -= bytes < *counter ? bytes : *counter;
    pthread_mutex_unlock(&shelf->lock);
}

size_t lipd_shelf_used(struct lipd_shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    size_t used = shelf->used;
    pthread_mutex_unlock(&shelf->lock);
    return used;
}

/* --- writing */

/* Opens a new file under a name of its own. */
static int open_new(struct lipd_shelf *shelf, char name[NAME_BYTES])
{
    pthread_mutex_lock(&shelf->lock);
    snprintf(name, NAME_BYTES, UNFINISHED "%ld-%lu", (long)getpid(),
             shelf->number++);
    pthread_mutex_unlock(&shelf->lock);
    return openat(shelf->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                  0600);
}

/* Gives the finished file its name, unless another has it; *fresh tells. One
 * without bytes is none. */
static bool publish(struct lipd_shelf *shelf, const char *name, const char *id,
                    bool *fresh)
{
    pthread_mutex_lock(&shelf->lock);
    *fresh = !lipd_shelf_size(shelf, id);
    bool done = *fresh ? !renameat(shelf->folder, name, shelf->folder,
                                   lipd_shelf_name(id))
                       : !unlinkat(shelf->folder, name, 0);
    pthread_mutex_unlock(&shelf->lock);
    return done && !fsync(shelf->folder);
}

static bool write_new(struct lipd_shelf *shelf, const char *id,
                      const struct lipd_content *content, bool *fresh)
{
    char name[NAME_BYTES];
    int fd = open_new(shelf, name);
    if (fd < 0)
        return false;
    if (lipd_fill(fd, content, true) && publish(shelf, name, id, fresh))
        return true;
    lipd_unlink(shelf->folder, name);
    return false;
}

bool lipd_shelf_put(struct lipd_shelf *shelf, const char *id, size_t bytes,
                    const struct lipd_content *content, bool *fresh)
{
    *fresh = false;
    bool written = write_new(shelf, id, content, fresh);
    if (!written || !*fresh) {
        int error = errno;
        lipd_shelf_unbook(shelf, &shelf->used, bytes);
        errno = error;
    }
    return written;
}

int lipd_shelf_scratch(struct lipd_shelf *shelf)
{
    char name[NAME_BYTES];
    int fd = openat(shelf->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    /* Not every file system has files without a name. */
    fd = open_new(shelf, name);
    if (fd >= 0)
        unlinkat(shelf->folder, name, 0);
    return fd;
}

/* The file is there whole before its name is; one without bytes is none. */
static bool give_name(struct lipd_shelf *shelf, const char *id, int fd,
                      bool *fresh)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    pthread_mutex_lock(&shelf->lock);
    *fresh = !lipd_shelf_size(shelf, id);
    if (*fresh)
        unlinkat(shelf->folder, lipd_shelf_name(id), 0);
    bool done = !*fresh || !linkat(AT_FDCWD, path, shelf->folder,
                                   lipd_shelf_name(id), AT_SYMLINK_FOLLOW);
    pthread_mutex_unlock(&shelf->lock);
    return done && !fsync(shelf->folder);
}

static bool copy_file(int fd, const void *what)
{
    const int from = *(const int *)what;
    char part[1 << 16];
    off_t at = 0;
    for (ssize_t n; (n = pread(from, part, sizeof part, at)) != 0;) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || !lipd_write_all(fd, part, (size_t)n))
            return false;
        at += n;
    }
    return true;
}

bool lipd_shelf_link(struct lipd_shelf *shelf, const char *id, int fd,
                     size_t bytes, bool *fresh)
{
    const struct lipd_content content = {copy_file, &fd};
    bool synced = !fsync(fd);
    if (synced && give_name(shelf, id, fd, fresh)) {
        if (!*fresh)
            lipd_shelf_unbook(shelf, &shelf->used, bytes);
        return true;
    }
    if (synced) /* no /proc, or a file system without unnamed files */
        return lipd_shelf_put(shelf, id, bytes, &content, fresh);
    int error = errno;
    lipd_shelf_unbook(shelf, &shelf->used, bytes);
    errno = error;
    return false;
}

/* --- reading and removing */

size_t lipd_shelf_size(const struct lipd_shelf *shelf, const char *id)
{
    struct stat status;
    if (!lipd_shelf_is_id(id) || fstatat(shelf->folder, lipd_shelf_name(id),
                                         &status, AT_SYMLINK_NOFOLLOW))
        return 0;
    return (size_t)status.st_size;
}

int lipd_shelf_get(const struct lipd_shelf *shelf, const char *id)
{
    if (!lipd_shelf_is_id(id))
        return -1;
    return openat(shelf->folder, lipd_shelf_name(id),
                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

bool lipd_shelf_delete(struct lipd_shelf *shelf, const char *id)
{
    if (!lipd_shelf_is_id(id))
        return false;
    pthread_mutex_lock(&shelf->lock);
    size_t size = lipd_shelf_size(shelf, id);
    bool removed = !unlinkat(shelf->folder, lipd_shelf_name(id), 0);
    pthread_mutex_unlock(&shelf->lock);
    if (!removed)
        return false;
    lipd_shelf_unbook(shelf, &shelf->used, size);
    fsync(shelf->folder);
    return true;
}

/* --- files that others have */

bool lipd_shelf_share(struct lipd_shelf *shelf, const char *id,
                      struct api_problem *problem)
{
    struct stat status;
    if (!shelf->blobs)
        return true;
    int fd = lipd_shelf_get(shelf, id);
    if (fd < 0 || fstat(fd, &status)) {
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "A file that was stored cannot be read back: %s.",
                        strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool shared =
        shelf->blobs->ops->put(shelf->blobs, shelf->kind, lipd_shelf_name(id),
                               fd, (size_t)status.st_size, problem);
    close(fd);
    return shared;
}

/* The id of the file used longest ago; false where there is none. */
static bool find_oldest(struct lipd_shelf *shelf, char id[8 + NAME_BYTES])
{
    struct timespec least = {0};
    struct stat status;
    bool found = false;
    DIR *list = lipd_entries(shelf->folder);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (!lipd_shelf_is_name(entry->d_name) ||
            fstatat(shelf->folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW))
            continue;
        if (found && (status.st_mtim.tv_sec > least.tv_sec ||
                      (status.st_mtim.tv_sec == least.tv_sec &&
                       status.st_mtim.tv_nsec >= least.tv_nsec)))
            continue;
        found = true;
        least = status.st_mtim;
        snprintf(id, 8 + NAME_BYTES, "sha256:%.64s", entry->d_name);
    }
    if (list)
        closedir(list);
    return found;
}

bool lipd_shelf_make_room(struct lipd_shelf *shelf, size_t bytes)
{
    char id[8 + NAME_BYTES];
    while (!lipd_shelf_book(shelf, &shelf->used, bytes))
        if (!shelf->blobs || bytes > shelf->quota || !find_oldest(shelf, id) ||
            !lipd_shelf_delete(shelf, id))
            return false;
    return true;
}

/* Gives a name to a file that came from the others. */
static bool keep_copy(struct lipd_shelf *shelf, const char *name, int fd,
                      const char *id, struct api_problem *problem)
{
    struct stat status;
    bool fresh = false;
    if (fstat(fd, &status) || fsync(fd) ||
        !lipd_shelf_make_room(shelf, (size_t)status.st_size)) {
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                        "There is no room for a copy of %.80s here.", id);
        return false;
    }
    bool kept = publish(shelf, name, id, &fresh);
    if (!kept || !fresh)
        lipd_shelf_unbook(shelf, &shelf->used, (size_t)status.st_size);
    if (!kept)
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "A copy of %.80s cannot be kept: %s.", id,
                        strerror(errno));
    return kept;
}

bool lipd_shelf_fetch(struct lipd_shelf *shelf, const char *id,
                      struct api_problem *problem)
{
    char name[NAME_BYTES];
    size_t size;
    if (!shelf->blobs || !lipd_shelf_is_id(id))
        return true;
    if (lipd_shelf_size(shelf, id)) {
        /* Whoever asks is about to open it: others make room first. */
        utimensat(shelf->folder, lipd_shelf_name(id), NULL, 0);
        return true;
    }
    int fd = open_new(shelf, name);
    if (fd < 0) {
        bool full = lipd_disk_full(errno);
        api_problem_set(problem,
                        full                   ? API_PROBLEM_STORAGE_FULL
                        : lipd_short_of(errno) ? API_PROBLEM_OVERLOADED
                                               : API_PROBLEM_INTERNAL,
                        "There is no file for a copy: %s.", strerror(errno));
        return false;
    }
    bool got =
        shelf->blobs->ops->get(shelf->blobs, shelf->kind, lipd_shelf_name(id),
                               fd, &size, problem) &&
        keep_copy(shelf, name, fd, id, problem);
    close(fd);
    if (!got)
        unlinkat(shelf->folder, name, 0);
    return got;
}

bool lipd_shelf_each(const struct lipd_shelf *shelf,
                     bool (*visit)(void *arg, const char *id), void *arg)
{
    struct dirent *entry;
    char id[sizeof "sha256:" + LIPD_SHELF_DIGITS];
    DIR *list = lipd_entries(shelf->folder);
    bool go_on = list != NULL;
    while (go_on && (entry = readdir(list))) {
        snprintf(id, sizeof id, "sha256:%.64s", entry->d_name);
        if (lipd_shelf_is_name(entry->d_name))
            go_on = visit(arg, id);
    }
    if (list)
        closedir(list);
    return go_on;
}
