/* SPDX-License-Identifier: MIT
 *
 * Folders are flat; everything is done by the descriptor of their parent. */
#include "server/jobs/folder.h"

#include "server/file.h"
#include "server/jobs/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESERVE_BYTES = 1 << 20 };

int lipd_folders_open(const char *directory, char *complaint,
                      size_t complaint_size)
{
    return lipd_open_folder(directory, "jobs", complaint, complaint_size);
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

/* Under another name first than the job's process would take. */
static bool put(int folder, const char *name, const struct lipd_part *part,
                bool sync)
{
    const struct lipd_content content = {lipd_write_parts, part};
    return lipd_put_file(folder, name, ".daemon", &content, sync);
}

bool lipd_folder_write(int folders, const char *id, const char *name,
                       const char *text)
{
    int folder = open_folder(folders, id);
    if (folder < 0)
        return false;
    const struct lipd_part part[] = {{text, strlen(text)}, {NULL, 0}};
    bool written = put(folder, name, part, false);
    close(folder);
    return written;
}

/* Says what errno says. */
static bool fail(struct api_problem *problem)
{
    int error = errno;
    bool full = lipd_disk_full(error);
    api_problem_set(problem,
                    full                   ? API_PROBLEM_STORAGE_FULL
                    : lipd_short_of(error) ? API_PROBLEM_OVERLOADED
                                           : API_PROBLEM_INTERNAL,
                    "The job's folder cannot be made: %s.%s", strerror(error),
                    full ? " Give the daemon more room." : "");
    return false;
}

static bool make(int folders, const struct lipd_job *job)
{
    static const char head[] = "{\"kind\": \"",
                      middle[] = "\", \"request\": ", then[] = ", \"quota\": ";
    char text[LIPD_QUOTA_TEXT];
    const char *quota = lipd_quota_write(text, &job->quota);
    quota = quota ? quota : "{}";
    const struct lipd_part part[] = {{head, sizeof head - 1},
                                     {job->kind, strlen(job->kind)},
                                     {middle, sizeof middle - 1},
                                     {job->request, strlen(job->request)},
                                     {then, sizeof then - 1},
                                     {quota, strlen(quota)},
                                     {"}", 1},
                                     {NULL, 0}};
    if (mkdirat(folders, job->id, 0700) && errno != EEXIST)
        return false;
    int folder = open_folder(folders, job->id);
    if (folder < 0)
        return false;
    bool made = !faccessat(folder, "request.json", F_OK, 0) ||
                put(folder, "request.json", part, true);
    lipd_close(folder);
    return made && !fsync(folders);
}

/* The input file, where the job has one: first under another name. */
static bool put_input(int folder, struct lipd_job_store *store, const char *id,
                      struct api_problem *problem)
{
    bool there = false;
    int fd = openat(folder, "input.daemon",
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(problem);
    bool done = store->ops->input(store, id, fd, &there, problem);
    if (done && there && fsync(fd))
        done = fail(problem);
    lipd_close(fd);
    if (!done || !there)
        lipd_unlink(folder, "input.daemon");
    else if (renameat(folder, "input.daemon", folder, "input"))
        done = fail(problem);
    return done;
}

static bool make_input(int folders, struct lipd_job_store *store,
                       const char *id, struct api_problem *problem)
{
    int folder = open_folder(folders, id);
    if (folder < 0)
        return fail(problem);
    bool done = !faccessat(folder, "input", F_OK, 0) ||
                put_input(folder, store, id, problem);
    lipd_close(folder);
    return done;
}

bool lipd_folder_make(int folders, struct lipd_job_store *store,
                      const struct lipd_job *job, struct api_problem *problem)
{
    if (!make(folders, job))
        return fail(problem);
    return !store || make_input(folders, store, job->id, problem);
}
/* --- removing */

static void empty(int folder)
{
    struct dirent *entry;
    DIR *list = lipd_entries(folder);
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
    DIR *list = lipd_entries(folders);
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
    static const char *const name[] = {"status",     "result.json",
                                       "error.json", "model.id",
                                       "model",      LIPD_CHILD_FINAL};
    int folder = open_folder(folders, id);
    if (folder < 0)
        return;
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        unlinkat(folder, name[i], 0);
    close(folder);
}

/* --- reading */

char *lipd_folder_read(int folders, const char *id, const char *name,
                       size_t most, size_t *size)
{
    int folder = open_folder(folders, id);
    if (folder < 0)
        return NULL;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    lipd_close(folder);
    if (fd < 0)
        return NULL;
    unsigned char *text;
    enum lip_status status = lipd_read_file(&text, size, fd, most, NULL);
    close(fd);
    if (status != LIP_OK)
        errno = status == LIP_NO_MEMORY ? ENOMEM : EINVAL;
    return (char *)text;
}
