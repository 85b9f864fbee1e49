/* SPDX-License-Identifier: MIT
 *
 * The process of a job around the function of its kind: it listens to signals
 * from its first moment (they are blocked until then), ends when the daemon
 * does, keeps to its limits, and alone works in its folder. */
#include "server/jobs/child.h"

#include "server/file.h"
#include "server/jobs/limits.h"
#include "server/log.h"
#include "server/sandbox_job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* Of a file that is written: what goes beyond the memory it was made in. */
enum {
    CRASHED = 1,
    NICE = 5,
    ERROR_BYTES = 4096,
    LOCK_SECONDS = 30,
    FILE_SPARE = 1 << 30
};
static const size_t file_limit = (size_t)1 << 40;

static volatile sig_atomic_t told_to_cancel, told_to_pause;

/* --- signals */

static void hear(int number)
{
    if (number == SIGTERM)
        told_to_cancel = 1;
    else
        told_to_pause = 1;
}

static bool nobody_reads(void)
{
    struct pollfd end = {.fd = LIPD_CHILD_PIPE};
    return poll(&end, 1, 0) > 0 && (end.revents & (POLLERR | POLLNVAL));
}

/* A pause wins: it comes of the daemon's own stopping, and a service manager
 * that stops us sends SIGTERM to every process. */
enum lipd_child_wish lipd_child_wish(void)
{
    if (told_to_pause || nobody_reads())
        return LIPD_PAUSE;
    return told_to_cancel ? LIPD_CANCEL : LIPD_GO_ON;
}

static void listen_to_signals(void)
{
    struct sigaction action = {.sa_handler = hear, .sa_flags = SA_RESTART};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a full disk is an error, not an end */
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

bool lipd_child_tell(const char *json, size_t size)
{
    char line[LIPD_CHILD_LINE];
    ssize_t written;
    /* What does not fit a line is not told; nothing depends on it. */
    if (size >= sizeof line || memchr(json, '\n', size))
        return true;
    memcpy(line, json, size);
    line[size] = '\n';
    do
        written = write(LIPD_CHILD_PIPE, line, size + 1);
    while (written < 0 && errno == EINTR);
    return written >= 0 || errno == EAGAIN; /* or the daemon is behind */
}

/* --- files */

static bool failed(struct api_problem *problem, const char *name, int error)
{
    bool full = lipd_disk_full(error);
    api_problem_set(problem,
                    full ? API_PROBLEM_STORAGE_FULL : API_PROBLEM_INTERNAL,
                    "The job's file %.60s cannot be kept: %s.%s", name,
                    strerror(error), full ? " Give the daemon more room." : "");
    return false;
}

static bool put_file(int folder, const char *name, const void *bytes,
                     size_t size)
{
    const struct lipd_part part[] = {{bytes, size}, {NULL, 0}};
    const struct lipd_content content = {lipd_write_parts, part};
    return lipd_put_file(folder, name, ".new", &content, true);
}

bool lipd_child_write(const struct lipd_child *child, const char *name,
                      const void *bytes, size_t size,
                      struct api_problem *problem)
{
    return put_file(child->folder, name, bytes, size) ||
           failed(problem, name, errno);
}

bool lipd_child_read(const struct lipd_child *child, const char *name,
                     unsigned char **bytes, size_t *size,
                     struct api_problem *problem)
{
    *bytes = NULL;
    *size = 0;
    int fd = openat(child->folder, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || failed(problem, name, errno);
    enum lip_status s = lipd_read_file(bytes, size, fd, file_limit, child->ctx);
    close(fd);
    if (s == LIP_NO_MEMORY)
        api_problem_from_error(problem, &child->ctx->error);
    else if (s != LIP_OK)
        failed(problem, name, EIO);
    return s == LIP_OK;
}

/* --- how it ended */

/* Room for the sentence that tells of a full disk. */
static void keep_reserve(int folder)
{
    char blank[ERROR_BYTES];
    memset(blank, ' ', sizeof blank);
    put_file(folder, "reserve", blank, sizeof blank);
}

/* Blanks behind JSON do no harm. */
static bool use_reserve(int folder, const char *text, size_t size)
{
    const struct lipd_part part[] = {{text, size}, {NULL, 0}};
    const struct lipd_content content = {lipd_write_parts, part};
    int fd = openat(folder, "reserve", O_WRONLY | O_CLOEXEC);
    return fd >= 0 && size <= ERROR_BYTES && lipd_fill(fd, &content, true) &&
           !renameat(folder, "reserve", folder, "error.json");
}

static bool write_error(int folder, const struct api_problem *problem)
{
    struct api_text text;
    size_t size;
    api_text_init(&text, ERROR_BYTES, NULL);
    api_problem_write(&text, problem, NULL);
    char *json = api_text_take(&text, &size);
    bool written = json && (put_file(folder, "error.json", json, size) ||
                            use_reserve(folder, json, size));
    lip_free(json);
    return written;
}

/* The status is kept beside the files, for a daemon that comes after the one
 * which is not there any more to hear it. */
static int end_with(int folder, int status, const struct api_problem *problem)
{
    char text[16];
    if (status == LIPD_CHILD_FAILED && !write_error(folder, problem))
        return CRASHED;
    if (status == LIPD_CHILD_DONE || status == LIPD_CHILD_FAILED ||
        status == LIPD_CHILD_CANCELLED) {
        snprintf(text, sizeof text, "%d\n", status);
        put_file(folder, "status", text, strlen(text));
    }
    return status;
}

/* --- limits */

/* Where memory runs out a job is to go before the daemon. */
static void be_first_to_go(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "500", 3) != 3)
        lipd_log(LIPD_DEBUG, "oom-score", "%s", strerror(errno));
    close(fd);
}

/* Behind the limits that end a job with a sentence stand the system's, which
 * just end it. */
static void set_limits(const struct lipd_child *child)
{
    const struct lipd_sandbox_limits limits = {
        .memory = child->may.memory,
        .file = child->may.memory < SIZE_MAX - FILE_SPARE
                    ? child->may.memory + FILE_SPARE
                    : SIZE_MAX,
        .threads = child->threads,
        .seconds = (child->may.seconds + 60) * (child->threads + 1)};
    if (!lipd_sandbox_job_limit(&limits))
        lipd_log(LIPD_WARNING, "job-limits", "%s", strerror(errno));
}

static void be_modest(void)
{
    be_first_to_go();
    errno = 0;
    if (nice(NICE) == -1 && errno)
        lipd_log(LIPD_DEBUG, "nice", "%s", strerror(errno));
}

/* What the daemon grants, or the job's tenant where that is less. */
static void take_limits(struct lipd_child *child, struct lipd_quota quota)
{
    child->quota = quota;
    child->may = lipd_job_may(child->config, quota);
    child->ctx->budget->limit = child->may.memory;
    child->ctx->deadline = lip_now() + child->may.seconds;
    set_limits(child);
}

/* --- the run */

static const struct lipd_job_kind *find_kind(const char *name)
{
    for (const struct lipd_job_kind *k = lipd_job_kinds; k->name; k++)
        if (name && !strcmp(k->name, name))
            return k;
    return NULL;
}

static int run_request(struct lipd_child *child, const json_t *document,
                       struct api_problem *problem)
{
    const char *name = json_string_value(json_object_get(document, "kind"));
    const struct lipd_job_kind *kind = find_kind(name);
    child->request = json_object_get(document, "request");
    take_limits(child, lipd_quota_of(json_object_get(document, "quota")));
    if (kind && child->request)
        return kind->run(child, problem);
    api_problem_set(problem, API_PROBLEM_INTERNAL,
                    "This version of the service knows no job of the kind "
                    "%.40s.",
                    name ? name : "(none)");
    return LIPD_CHILD_FAILED;
}

static int run(struct lipd_child *child, struct api_problem *problem)
{
    unsigned char *bytes;
    size_t size;
    if (!lipd_child_read(child, "request.json", &bytes, &size, problem))
        return LIPD_CHILD_FAILED;
    json_t *document =
        bytes ? json_loadb((char *)bytes, size, JSON_REJECT_DUPLICATES, NULL)
              : NULL;
    lip_free(bytes);
    if (!document) {
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The job's file request.json is damaged.");
        return LIPD_CHILD_FAILED;
    }
    int status = run_request(child, document, problem);
    json_decref(document);
    return status;
}

/* Another process may still be there that was killed but has not ended. */
static bool lock_folder(int folder)
{
    struct timespec step = {.tv_nsec = 10 * 1000 * 1000};
    double end = lip_now() + LOCK_SECONDS;
    while (flock(folder, LOCK_EX | LOCK_NB)) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || lip_now() > end)
            return false;
        nanosleep(&step, NULL);
    }
    return true;
}

static int give_up(const char *event, const char *path)
{
    lipd_log(LIPD_ERROR, event, "%s: %s", path, strerror(errno));
    return CRASHED;
}

int lipd_child_main(const struct lipd_config *config, const char *path)
{
    struct lip_budget budget;
    struct api_problem problem = {.code = API_PROBLEM_INTERNAL};
    listen_to_signals();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (nobody_reads()) /* the daemon had ended before it was watched */
        return CRASHED;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return give_up("job-folder", path);
    if (!lock_folder(folder)) {
        close(folder);
        return give_up("job-lock", path);
    }
    be_modest();
    lip_budget_init(&budget, 0);
    struct lip_ctx ctx = {.budget = &budget,
                          .threads = (unsigned)lipd_job_threads(config)};
    struct lipd_child child = {.config = config,
                               .folder = folder,
                               .confines = !strcmp(config->job_sandbox, "on"),
                               .threads = ctx.threads,
                               .ctx = &ctx};
    take_limits(&child, (struct lipd_quota){.memory = 0});
    keep_reserve(folder);
    int status = end_with(folder, run(&child, &problem), &problem);
    close(folder);
    return status;
}
