/* SPDX-License-Identifier: MIT
 *
 * A checkpoint is read by its descriptor: the job's process replaces the file
 * as a whole, so that what is shared is one state of it. */
#include "server/jobs/share.h"

#include "base/context.h"
#include "server/dataset_store.h"
#include "server/file.h"
#include "server/log.h"
#include "server/model_store.h"
#include "server/service.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIND "job"
#define CHECKPOINT "checkpoint"
#define ALONE "lipschitzd"

static const double share_every = 3;

void lipd_share_init(struct lipd_share *share,
                     const struct lipd_service *service, int folders)
{
    *share = (struct lipd_share){.blobs = service->blobs,
                                 .folders = folders,
                                 .models = service->store,
                                 .datasets = service->datasets};
}

static int open_folder(const struct lipd_share *share, const char *id)
{
    return openat(share->folders, id,
                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* --- fetching */

static const char *id_of(const json_t *request, const char *member)
{
    const json_t *part = json_object_get(request, member);
    const char *id = json_string_value(json_object_get(part, "id"));
    return id ? id : "";
}

/* What is nowhere, the job's process will tell: it knows the place. */
static bool is_nowhere(const struct api_problem *problem)
{
    return problem->code == API_PROBLEM_NOT_FOUND;
}

static bool fetch_named(const struct lipd_share *share,
                        const struct lipd_job *job, struct api_problem *problem)
{
    struct lipd_dataset about;
    json_t *request = json_loads(job->request, 0, NULL);
    const char *dataset = id_of(request, "dataset");
    bool had = true;
    if (lipd_dataset_id_valid(dataset))
        had = lipd_dataset_show(share->datasets, dataset, &about, problem) ||
              is_nowhere(problem);
    const char *model = id_of(request, "model");
    if (had && lipd_store_id_valid(model))
        had = lipd_store_fetch(share->models, model, problem) ||
              is_nowhere(problem);
    json_decref(request);
    return had;
}

/* The job is not to fail for that: it may go on later, or elsewhere. */
static bool not_taken_over(struct api_problem *problem, const char *why)
{
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "A checkpoint cannot be taken over: %s", why);
    return false;
}

/* First under another name. */
static bool fetch_checkpoint(const struct lipd_share *share, int folder,
                             const char *id, struct api_problem *problem)
{
    size_t size;
    int fd = openat(folder, CHECKPOINT ".daemon",
                    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return not_taken_over(problem, strerror(errno));
    bool got =
        share->blobs->ops->get(share->blobs, KIND, id, fd, &size, problem);
    close(fd);
    if (got)
        return !renameat(folder, CHECKPOINT ".daemon", folder, CHECKPOINT) ||
               not_taken_over(problem, strerror(errno));
    unlinkat(folder, CHECKPOINT ".daemon", 0);
    if (is_nowhere(problem))
        return true;
    struct api_problem why = *problem;
    return not_taken_over(problem, why.detail);
}

bool lipd_share_fetch(const struct lipd_share *share,
                      const struct lipd_job *job, struct api_problem *problem)
{
    if (!share->blobs)
        return true;
    if (!fetch_named(share, job, problem))
        return false;
    if (job->attempts < 2 && job->sequence <= 2)
        return true; /* nobody has begun it yet */
    int folder = open_folder(share, job->id);
    if (folder < 0)
        return true;
    bool had = fetch_checkpoint(share, folder, job->id, problem);
    close(folder);
    return had;
}

/* --- sharing */

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

void lipd_share_now(const struct lipd_share *share, struct lipd_shared *shared,
                    const char *id)
{
    struct api_problem problem;
    struct stat status;
    if (!share->blobs)
        return;
    int folder = open_folder(share, id);
    int fd = folder < 0 ? -1
                        : openat(folder, CHECKPOINT,
                                 O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0)
        close(folder);
    if (fd < 0)
        return;
    if (!fstat(fd, &status) && !same_time(status.st_mtim, shared->written)) {
        if (share->blobs->ops->put_held(share->blobs, id, shared->owner, fd,
                                        (size_t)status.st_size, &problem))
            shared->written = status.st_mtim;
        else
            lipd_log(LIPD_WARNING, "job-share", "%s: %s", id, problem.detail);
    }
    shared->at = lip_now();
    close(fd);
}

void lipd_share_checkpoint(const struct lipd_share *share,
                           struct lipd_shared *shared, const char *id)
{
    if (share->blobs && lip_now() >= shared->at + share_every)
        lipd_share_now(share, shared, id);
}

/* --- the owner */

enum { NAME = sizeof((struct lipd_owner *)0)->name };

static void read_before(char before[NAME], int folders)
{
    int fd = openat(folders, "owner", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, before, NAME - 1);
    before[size > 0 ? size : 0] = '\0';
    if (fd >= 0)
        close(fd);
}

static bool make_name(char name[NAME], int folders)
{
    char id[LIPD_JOB_ID], host[24] = "";
    struct api_problem problem;
    gethostname(host, sizeof host - 1);
    if (!lipd_job_new_id(id, &problem))
        return false;
    snprintf(name, NAME, "%.20s.%.32s", host, id);
    const struct lipd_part part[] = {{name, strlen(name)}, {NULL, 0}};
    const struct lipd_content content = {lipd_write_parts, part};
    return lipd_put_file(folders, "owner", ".new", &content, true);
}

bool lipd_owner_open(struct lipd_owner *owner,
                     const struct lipd_service *service, int folders,
                     char *complaint, size_t size)
{
    struct lipd_job_store *store = service->jobs;
    double lease = service->blobs ? service->config->lease : 0;
    char before[NAME] = ALONE;
    struct api_problem problem;
    const double lease_alone = 120;
    owner->lease = lease > 0 ? lease : lease_alone;
    owner->beat_every = owner->lease / 6;
    snprintf(owner->name, sizeof owner->name, ALONE);
    if (lease > 0) {
        read_before(before, folders);
        if (!make_name(owner->name, folders)) {
            snprintf(complaint, size,
                     "The name of this daemon cannot be kept: %s.",
                     strerror(errno));
            return false;
        }
    }
    if (!*before || store->ops->recover(store, before, &problem))
        return true;
    snprintf(complaint, size, "%s", problem.detail);
    return false;
}

void lipd_owner_alive(int folders)
{
    int fd = openat(folders, "alive", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    futimens(fd, NULL);
    close(fd);
}

static void role_file(char *path, size_t size, const char *data_dir)
{
    snprintf(path, size, "%s/jobs/worker", data_dir);
}

void lipd_owner_note_role(const char *data_dir, bool worker)
{
    char path[1100];
    role_file(path, sizeof path, data_dir);
    int fd = worker ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd >= 0)
        close(fd);
    else
        unlink(path);
}

bool lipd_owner_is_worker(const char *data_dir)
{
    char path[1100];
    role_file(path, sizeof path, data_dir);
    return *data_dir && access(path, F_OK) == 0;
}

bool lipd_owner_is_alive(const char *data_dir, double seconds)
{
    char path[1100];
    struct stat status;
    struct timespec now;
    snprintf(path, sizeof path, "%s/jobs/alive", data_dir);
    if (stat(path, &status))
        return false;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)(now.tv_sec - status.st_mtim.tv_sec) < seconds;
}
