/* SPDX-License-Identifier: MIT
 *
 * One thread owns all there is to own: slots, processes, pipes. It sleeps in
 * poll() until a child speaks, somebody wakes it or something is due.
 *
 * A slot is free, runs a process, or is settling: the process has ended, and
 * the store must hear of it, however often that takes. */
#include "server/jobs/runner.h"

#include "server/jobs/folder.h"
#include "server/jobs/hub.h"
#include "server/jobs/journal.h"
#include "server/jobs/limits.h"
#include "server/jobs/runner_slot.h"
#include "server/log.h"
#include "server/metrics.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds. */
static const double progress_every = 0.5, look_every = 30, alive_every = 10,
                    cancel_grace = 30, late_least = 2, late_most = 60,
                    reap_every = 0.01, trouble_pause = 5;

/* --- starting */

static void take_line(void *arg, const char *line, size_t size)
{
    struct lipd_slot *slot = arg;
    if (size >= sizeof slot->news || lipd_journal_bound(line, size) ||
        !lipd_attempts_weigh(&slot->attempts, line, size))
        return;
    memcpy(slot->news, line, size);
    slot->news[size] = '\0';
}

static void send_signal(struct lipd_slot *slot, int number)
{
    slot->killed |= number == SIGKILL;
    if (slot->process.pid > 0)
        kill(slot->process.pid, number);
}

static void ask_to_cancel(struct lipd_slot *slot)
{
    if (slot->cancel)
        return;
    slot->cancel = true;
    slot->kill_at = lip_now() + cancel_grace;
    send_signal(slot, SIGTERM);
}

static void start_process(struct lipd_runner *runner, struct lipd_slot *slot,
                          bool cancel)
{
    const struct lipd_config *config = runner->service->config;
    char path[LIPD_TEXT_MAX + 64];
    double now = lip_now();
    snprintf(path, sizeof path, "%s/jobs/%s", config->data_dir, slot->id);
    lipd_folder_reset(runner->folders, slot->id);
    slot->begun = slot->beaten = now;
    slot->late_at = now + slot->may.seconds +
                    fmax(fmin(config->job_time, late_most), late_least);
    if (!lipd_process_start(&slot->process, path, runner->environment)) {
        lipd_log(LIPD_ERROR, "job-start", "%s: %s", slot->id, strerror(errno));
        lipd_outcome_requeue(&slot->outcome, true);
        runner->look_at = now + 1;
        lipd_slot_settle_later(slot);
        return;
    }
    slot->state = LIPD_SLOT_RUNS;
    lipd_metric_add(LIPD_JOBS_RUNNING, 0, 1);
    if (cancel)
        ask_to_cancel(slot);
}

/* For a store that does not answer the job waits; of all else that is missing
 * it fails. */
static void cannot_begin(struct lipd_runner *runner, struct lipd_slot *slot,
                         const struct api_problem *problem)
{
    lipd_job_trouble(slot->id, problem);
    if (problem->code == API_PROBLEM_OVERLOADED) {
        lipd_outcome_requeue(&slot->outcome, true);
        runner->look_at = lip_now() + trouble_pause;
    } else {
        lipd_outcome_fail(&slot->outcome, problem);
    }
    lipd_slot_settle_later(slot);
}

/* Takes up a job that was just claimed. */
static void take_up(struct lipd_runner *runner, struct lipd_slot *slot,
                    const struct lipd_job *job)
{
    struct api_problem problem;
    memset(slot, 0, sizeof *slot);
    slot->process.pipe = -1;
    slot->kill_at = INFINITY;
    slot->may = lipd_job_may(runner->service->config, job->quota);
    slot->attempts = job->tries;
    slot->shared.owner = runner->owner.name;
    memcpy(slot->id, job->id, sizeof slot->id);
    memcpy(slot->kind, job->kind, sizeof slot->kind);
    memcpy(slot->trace, job->trace, sizeof slot->trace);
    lipd_slot_publish(runner, slot);
    lipd_journal_state("job-start", slot->id, slot->kind, slot->trace,
                       LIPD_JOB_RUNNING);
    lipd_job_recall_read(&slot->recall, job);
    if (!job->cancel &&
        lipd_job_recall_find(&slot->recall, runner->service, &slot->outcome)) {
        lipd_slot_settle_later(slot);
        return;
    }
    lipd_folders_reserve(runner->folders);
    if (!lipd_folder_make(runner->folders, runner->service->jobs, job,
                          &problem) ||
        !lipd_share_fetch(&runner->share, job, &problem)) {
        cannot_begin(runner, slot, &problem);
        return;
    }
    int left = lipd_outcome_left(runner->folders, slot->id);
    if (left >= 0 && (left != LIPD_CHILD_CANCELLED || job->cancel) &&
        lipd_slot_read(runner, slot, left))
        lipd_slot_settle_later(slot);
    else
        start_process(runner, slot, job->cancel);
}

static struct lipd_slot *find_free(struct lipd_runner *runner)
{
    for (size_t i = 0; i < runner->count; i++)
        if (runner->slot[i].state == LIPD_SLOT_FREE)
            return &runner->slot[i];
    return NULL;
}

static bool is_ours_already(const struct lipd_runner *runner, const char *id)
{
    for (size_t i = 0; i < runner->count; i++)
        if (runner->slot[i].state != LIPD_SLOT_FREE &&
            !strcmp(runner->slot[i].id, id))
            return true;
    return false;
}

static void look_for_jobs(struct lipd_runner *runner)
{
    struct lipd_slot *slot;
    struct lipd_job job;
    struct api_problem problem;
    enum lipd_claim found = LIPD_CLAIMED;
    if (lip_now() < runner->look_at)
        return;
    runner->look_at = lip_now() + fmin(look_every, runner->owner.lease / 3);
    while (found == LIPD_CLAIMED && (slot = find_free(runner))) {
        found = lipd_slot_store(runner)->ops->claim(
            lipd_slot_store(runner), &job, runner->owner.name,
            runner->owner.lease, &problem);
        /* A lease of ours that ran out while the machine slept. */
        if (found == LIPD_CLAIMED && !is_ours_already(runner, job.id))
            take_up(runner, slot, &job);
        if (found == LIPD_CLAIMED)
            lipd_job_clear(&job);
    }
    if (found == LIPD_CLAIM_FAILED) {
        lipd_log(LIPD_WARNING, "job-store", "%s", problem.detail);
        runner->look_at = lip_now() + trouble_pause;
    }
    lipd_metric_set(
        LIPD_JOBS_QUEUED, 0,
        (int64_t)lipd_slot_store(runner)->ops->queued(lipd_slot_store(runner)));
}

/* A job that went on elsewhere, while this daemon was gone, leaves its folder
 * here until it has ended there. */
static void sweep(struct lipd_runner *runner)
{
    struct api_problem ignored;
    struct lipd_job_store *store = lipd_slot_store(runner);
    if (!runner->share.blobs || lip_now() < runner->sweep_at ||
        !store->ops->there(store, &ignored))
        return;
    runner->sweep_at = lip_now() + runner->owner.lease;
    lipd_folders_sweep(runner->folders, store);
}

/* --- running */

/* Tells the store that the job is alive, and of its progress. */
static void beat(struct lipd_runner *runner, struct lipd_slot *slot)
{
    struct api_problem problem;
    bool cancel = false;
    slot->beaten = lip_now();
    if (lipd_slot_store(runner)->ops->heartbeat(
            lipd_slot_store(runner), slot->id, runner->owner.name,
            runner->owner.lease, *slot->news ? slot->news : NULL, &cancel,
            &problem)) {
        if (*slot->news)
            lipd_slot_publish(runner, slot);
        slot->news[0] = '\0';
        lipd_share_checkpoint(&runner->share, &slot->shared, slot->id);
        if (cancel)
            ask_to_cancel(slot);
        return;
    }
    lipd_job_trouble(slot->id, &problem);
    slot->beaten += trouble_pause;
    if (problem.code == API_PROBLEM_NOT_FOUND) {
        slot->lost = true; /* another's by now: this process must end */
        send_signal(slot, SIGKILL);
    }
}

static double beat_due(const struct lipd_runner *runner,
                       const struct lipd_slot *slot)
{
    return slot->beaten +
           (*slot->news ? progress_every : runner->owner.beat_every);
}

/* Too late, or deaf to a cancel. */
static void enforce(struct lipd_slot *slot, double now)
{
    if (now >= slot->late_at) {
        slot->late = true;
        slot->late_at = INFINITY;
        send_signal(slot, SIGKILL);
    }
    if (now >= slot->kill_at) {
        slot->kill_at = INFINITY;
        send_signal(slot, SIGKILL);
    }
}

static void serve_running(struct lipd_runner *runner, struct lipd_slot *slot)
{
    int status;
    lipd_process_listen(&slot->process, take_line, slot);
    enforce(slot, lip_now());
    if (slot->process.pipe < 0 && lipd_process_reap(&slot->process, &status)) {
        lipd_metric_add(LIPD_JOBS_RUNNING, 0, -1);
        lipd_journal_exit(slot->kind, status, slot->killed,
                          lip_now() - slot->begun);
        if (!slot->lost)
            beat(runner, slot); /* the last news, and whether to cancel */
        if (slot->lost) {
            lipd_slot_forget(runner, slot);
            return;
        }
        lipd_slot_judge(runner, slot, status);
        lipd_slot_settle_later(slot);
    } else if (lip_now() >= beat_due(runner, slot)) {
        beat(runner, slot);
    }
}

/* --- the loop */

static double due(const struct lipd_runner *runner,
                  const struct lipd_slot *slot)
{
    if (slot->state == LIPD_SLOT_SETTLES)
        return runner->told_to_pause ? fmin(slot->retry_at, runner->stop_at)
                                     : slot->retry_at;
    double at =
        fmin(slot->kill_at, fmin(slot->late_at, beat_due(runner, slot)));
    if (slot->process.pipe < 0)
        at = fmin(at, lip_now() + reap_every);
    return at;
}

static void wait_for_something(struct lipd_runner *runner, struct pollfd *list)
{
    double at = runner->told_to_pause ? INFINITY : runner->look_at;
    at = fmin(at, lip_now() + alive_every);
    size_t count = 1;
    list[0] = (struct pollfd){.fd = runner->ear.fd, .events = POLLIN};
    for (size_t i = 0; i < runner->count; i++) {
        const struct lipd_slot *slot = &runner->slot[i];
        if (slot->state == LIPD_SLOT_FREE)
            continue;
        at = fmin(at, due(runner, slot));
        if (slot->state == LIPD_SLOT_RUNS && slot->process.pipe >= 0)
            list[count++] =
                (struct pollfd){.fd = slot->process.pipe, .events = POLLIN};
    }
    double wait = fmin(fmax(1000 * (at - lip_now()), 0), 60000);
    poll(list, count, (int)ceil(wait));
}

/* Somebody called: there may be queued jobs, or cancelled ones. */
static void hear_wake(struct lipd_runner *runner)
{
    struct lipd_heard heard;
    if (!lipd_ear_take(&runner->ear, &heard))
        return;
    runner->look_at = 0;
    for (size_t i = 0; i < runner->count; i++) {
        struct lipd_slot *slot = &runner->slot[i];
        if (slot->state == LIPD_SLOT_SETTLES &&
            lipd_heard_concerns(&heard, slot->id))
            slot->retry_at = 0; /* the store may be there again */
        if (slot->state == LIPD_SLOT_RUNS &&
            lipd_heard_concerns(&heard, slot->id))
            beat(runner, slot);
    }
}

static void pause_all(struct lipd_runner *runner)
{
    runner->told_to_pause = true;
    for (size_t i = 0; i < runner->count; i++) {
        struct lipd_slot *slot = &runner->slot[i];
        if (slot->state != LIPD_SLOT_RUNS)
            continue;
        send_signal(slot, SIGUSR1);
        slot->kill_at = fmin(slot->kill_at, runner->stop_at);
    }
}

/* True where no process runs any more and nothing can be told the store, or
 * there was time enough to. */
static bool all_over(const struct lipd_runner *runner)
{
    bool settling = false;
    for (size_t i = 0; i < runner->count; i++) {
        if (runner->slot[i].state == LIPD_SLOT_RUNS)
            return false;
        settling |= runner->slot[i].state == LIPD_SLOT_SETTLES;
    }
    return !settling || lip_now() >= runner->stop_at;
}

static void serve(struct lipd_runner *runner)
{
    for (size_t i = 0; i < runner->count; i++) {
        struct lipd_slot *slot = &runner->slot[i];
        if (slot->state == LIPD_SLOT_RUNS)
            serve_running(runner, slot);
        if (slot->state == LIPD_SLOT_SETTLES)
            lipd_slot_settle(runner, slot);
    }
}

static void *run(void *arg)
{
    struct lipd_runner *runner = arg;
    struct pollfd *list = lip_alloc(NULL, runner->count + 1, sizeof *list);
    while (list) {
        lipd_owner_alive(runner->folders);
        if (atomic_load(&runner->stopping) && !runner->told_to_pause)
            pause_all(runner);
        if (!runner->told_to_pause) {
            look_for_jobs(runner);
            sweep(runner);
        }
        if (runner->told_to_pause && all_over(runner))
            break;
        wait_for_something(runner, list);
        hear_wake(runner);
        serve(runner);
    }
    lip_free(list);
    return NULL;
}

/* --- life */

void lipd_runner_free(struct lipd_runner *runner)
{
    if (!runner)
        return;
    for (size_t i = 0; i < runner->count; i++)
        lipd_outcome_clear(&runner->slot[i].outcome);
    lipd_environment_free(runner->environment);
    lipd_ear_clear(&runner->ear);
    if (runner->folders >= 0)
        close(runner->folders);
    lip_free(runner);
}

static bool prepare(struct lipd_runner *runner, char *complaint, size_t size)
{
    runner->folders =
        lipd_folders_open(runner->service->config->data_dir, complaint, size);
    if (runner->folders < 0)
        return false;
    lipd_share_init(&runner->share, runner->service, runner->folders);
    runner->environment = lipd_environment_make(runner->service->config);
    if (runner->ear.fd < 0 || !runner->environment) {
        snprintf(complaint, size, "There is no memory to run jobs.");
        return false;
    }
    if (!lipd_owner_open(&runner->owner, runner->service, runner->folders,
                         complaint, size))
        return false;
    lipd_folders_sweep(runner->folders, lipd_slot_store(runner));
    lipd_folders_reserve(runner->folders);
    return true;
}

struct lipd_runner *lipd_runner_start(struct lipd_service *service,
                                      char *complaint, size_t complaint_size)
{
    /* Without a place for any it still tells how many wait. */
    bool runs = strcmp(service->config->role, "serve") != 0;
    size_t count = runs ? lipd_job_processes(service->config) : 0;
    struct lipd_runner *runner =
        lip_calloc(NULL, 1, sizeof *runner + count * sizeof(struct lipd_slot));
    if (!runner) {
        snprintf(complaint, complaint_size, "There is no memory to run jobs.");
        return NULL;
    }
    runner->service = service;
    runner->count = count;
    runner->folders = -1;
    lipd_ear_init(&runner->ear);
    if (prepare(runner, complaint, complaint_size)) {
        if (!pthread_create(&runner->thread, NULL, run, runner))
            return runner;
        snprintf(complaint, complaint_size,
                 "The thread that runs jobs cannot be started.");
    }
    lipd_runner_free(runner);
    return NULL;
}

void lipd_runner_hear(struct lipd_runner *runner, const char *job)
{
    if (runner)
        lipd_ear_hear(&runner->ear, job);
}

void lipd_runner_wake(struct lipd_runner *runner)
{
    lipd_runner_hear(runner, "");
}

void lipd_runner_stop(struct lipd_runner *runner, double seconds)
{
    if (!runner)
        return;
    runner->stop_at = lip_now() + seconds;
    atomic_store(&runner->stopping, true);
    lipd_runner_wake(runner);
    pthread_join(runner->thread, NULL);
}
