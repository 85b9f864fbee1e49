/* SPDX-License-Identifier: MIT
 *
 * Folders are flat; everything is done by the descriptor of their parent. */
#include "server/jobs/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_BYTES = 96, RESERVE_BYTES = 1 << 20 };

int lipd_folders_open(const char *directory, char *complaint,
                      size_t complaint_size)
{
    int folders = -1;
    int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0 && (!mkdirat(parent, "jobs", 0700) || errno == EEXIST))
        folders = openat(parent, "jobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folders < 0)
        snprintf(complaint, complaint_size,
                 "Cannot use the folder jobs in %.200s: %s.", directory,
                 strerror(errno));
    else
        fsync(parent);
    if (parent >= 0)
        close(parent);
    return folders;
}

void lipd_folders_reserve(int folders)
{
    int fd = openat(folders, "reserve", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                    0600);
    if (fd < 0)
        return;
    bool kept = !posix_fallocate(fd, 0, RESERVE_BYTES);
    close(fd);
    if (!kept)
        lipd_folders_unreserve(folders);
}

void lipd_folders_unreserve(int folders)
{
    unlinkat(folders, "reserve", 0);
}

static int open_folder(int folders, const char *id)
{
    return openat(folders, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* --- writing */

static bool write_all(int fd, const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        size -= (size_t)n;
    }
    return true;
}

/* Writes the parts one after the other, under another name first. */
static bool put(int folder, const char *name, const char *const *part,
                size_t parts, bool sync)
{
    char temporary[NAME_BYTES];
    snprintf(temporary, sizeof temporary, "%.80s.daemon", name);
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0600);
    if (fd < 0)
        return false;
    bool written = true;
    for (size_t i = 0; i < parts && written; i++)
        written = write_all(fd, part[i], strlen(part[i]));
    written = written && (!sync || !fsync(fd));
    int error = errno;
    if (close(fd) && written) {
        error = errno;
        written = false;
    }
    if (written && !renameat(folder, temporary, folder, name) &&
        (!sync || !fsync(folder)))
        return true;
    error = written ? errno : error;
    unlinkat(folder, temporary, 0);
    errno = error;
    return false;
}

bool lipd_folder_write(int folders, const char *id, const char *name,
                       const char *text)
{
    int folder = open_folder(folders, id);
    if (folder < 0)
        return false;
    bool written = put(folder, name, &text, 1, false);
    close(folder);
    return written;
}

static bool make(int folders, const struct lipd_job *job)
{
    const char *const part[] = {"{\"kind\": \"", job->kind,
                                "\", \"request\": ", job->request, "}"};
    if (mkdirat(folders, job->id, 0700) && errno != EEXIST)
        return false;
    int folder = open_folder(folders, job->id);
    if (folder < 0)
        return false;
    bool made = !faccessat(folder, "request.json", F_OK, 0) ||
                put(folder, "request.json", part, 5, true);
    int error = errno;
    close(folder);
    errno = error;
    return made && !fsync(folders);
}

bool lipd_folder_make(int folders, const struct lipd_job *job,
                      struct api_problem *problem)
{
    if (make(folders, job))
        return true;
    int error = errno;
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    api_problem_set(problem,
                    full ? API_PROBLEM_STORAGE_FULL : API_PROBLEM_INTERNAL,
                    "The job's folder cannot be made: %s.%s", strerror(error),
                    full ? " Give the daemon more room." : "");
    return false;
}

/* --- removing */

static void empty(int folder)
{
    struct dirent *entry;
    int fd = dup(folder);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list)
        return;
    while ((entry = readdir(list)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            unlinkat(folder, entry->d_name, 0);
    closedir(list);
}

void lipd_folder_remove(int folders, const char *id)
{
    int folder = open_folder(folders, id);
    if (folder < 0)
        return;
    empty(folder);
    close(folder);
    unlinkat(folders, id, AT_REMOVEDIR);
}

static bool is_id(const char *name)
{
    return strspn(name, "0123456789abcdef") == LIPD_JOB_ID - 1 &&
           !name[LIPD_JOB_ID - 1];
}

/* True only where the store says so: when in doubt, the folder stays. */
static bool is_done_with(struct lipd_job_store *store, const char *id)
{
    struct lipd_job job;
    struct api_problem problem;
    if (!store->ops->get(store, &job, id, &problem))
        return problem.code == API_PROBLEM_NOT_FOUND;
    bool over = lipd_job_over(job.state);
    lipd_job_clear(&job);
    return over;
}

void lipd_folders_sweep(int folders, struct lipd_job_store *store)
{
    struct dirent *entry;
    int fd = openat(folders, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list)
        return;
    while ((entry = readdir(list)))
        if (is_id(entry->d_name) && is_done_with(store, entry->d_name))
            lipd_folder_remove(folders, entry->d_name);
    closedir(list);
}

void lipd_folder_reset(int folders, const char *id)
{
    /* The status first: without it the others count for nothing. */
    static const char *const name[] = {"status", "result.json", "error.json",
                                       "model.id", "model"};
    int folder = open_folder(folders, id);
    if (folder < 0)
        return;
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        unlinkat(folder, name[i], 0);
    close(folder);
}

/* --- reading */

static char *read_open(int fd, size_t most, size_t *size)
{
    struct stat status;
    if (fstat(fd, &status) || !S_ISREG(status.st_mode) || status.st_size < 0 ||
        (uintmax_t)status.st_size > most)
        return NULL;
    size_t done = 0, total = (size_t)status.st_size;
    char *text = lip_alloc(NULL, total + 1, 1);
    while (text && done < total) {
        ssize_t n = read(fd, text + done, total - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            lip_free(text);
            return NULL;
        }
        done += (size_t)n;
    }
    if (text)
        text[total] = '\0';
    *size = total;
    return text;
}

char *lipd_folder_read(int folders, const char *id, const char *name,
                       size_t most, size_t *size)
{
    int folder = open_folder(folders, id);
    if (folder < 0)
        return NULL;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    close(folder);
    if (fd < 0)
        return NULL;
    char *text = read_open(fd, most, size);
    close(fd);
    return text;
}
