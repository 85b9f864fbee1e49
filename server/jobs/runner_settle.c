/* SPDX-License-Identifier: MIT
 *
 * From the end of a job's process to the moment when the store knows of it,
 * however long that takes. */
#include "server/jobs/runner_slot.h"

#include "server/jobs/folder.h"
#include "server/jobs/hub.h"
#include "server/jobs/journal.h"
#include "server/jobs/limits.h"
#include "server/log.h"
#include "server/metrics.h"

#include <math.h>
#include <sys/wait.h>

enum { VAIN_MAX = 5 };

/* Seconds. */
static const double retry_first = 0.5, retry_most = 30;

struct lipd_job_store *lipd_slot_store(const struct lipd_runner *runner)
{
    return runner->service->jobs;
}

void lipd_slot_publish(const struct lipd_runner *runner,
                       const struct lipd_slot *slot)
{
    if (runner->service->hub)
        lipd_hub_publish(runner->service->hub, slot->id);
}

void lipd_slot_settle_later(struct lipd_slot *slot)
{
    slot->state = LIPD_SLOT_SETTLES;
    slot->retry_at = 0;
    slot->retry_after = retry_first;
}

bool lipd_slot_read(struct lipd_runner *runner, struct lipd_slot *slot,
                    int code)
{
    slot->code = code;
    if (!lipd_outcome_read(&slot->outcome, runner->folders, slot->id, code,
                           runner->service))
        return false;
    lipd_job_recall_keep(&slot->recall, runner->service, runner->folders,
                         slot->id, &slot->outcome);
    return true;
}

/* --- judging */

/* Again from the checkpoint, unless that led nowhere too often. */
static void crashed(struct lipd_slot *slot, int status)
{
    lipd_journal_crash(slot->id, status);
    slot->attempts.vain++;
    if (slot->cancel) {
        lipd_outcome_clear(&slot->outcome);
        slot->outcome.over = true;
        slot->outcome.state = LIPD_JOB_CANCELLED;
    } else if (slot->attempts.vain < VAIN_MAX &&
               !lipd_outcome_forbidden(status)) {
        lipd_outcome_requeue(&slot->outcome, false);
    } else {
        lipd_outcome_hopeless(&slot->outcome, status, VAIN_MAX,
                              slot->may.memory);
    }
}

void lipd_slot_judge(struct lipd_runner *runner, struct lipd_slot *slot,
                     int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    bool stopping = runner->told_to_pause;
    bool asked = code != LIPD_CHILD_CANCELLED || slot->cancel;
    bool ended = code == LIPD_CHILD_DONE || code == LIPD_CHILD_FAILED ||
                 code == LIPD_CHILD_CANCELLED;
    if (ended && asked && lipd_slot_read(runner, slot, code))
        return;
    if (slot->late)
        lipd_outcome_late(&slot->outcome, slot->may.seconds);
    else if (!asked || code == LIPD_CHILD_PAUSED || stopping)
        /* A cancel that nobody asked for comes of a service manager that
         * stops us: the job goes on when we do. */
        lipd_outcome_requeue(&slot->outcome, true);
    else
        crashed(slot, status);
    /* Who pauses by itself is not to do so all the time. */
    if (!slot->outcome.over && slot->outcome.forgive)
        runner->look_at = lip_now() + 1;
}

void lipd_slot_forget(struct lipd_runner *runner, struct lipd_slot *slot)
{
    if (runner->share.blobs)
        lipd_folder_remove(runner->folders, slot->id);
    lipd_outcome_clear(&slot->outcome);
    slot->state = LIPD_SLOT_FREE;
}

/* --- settling */

/* The last of what the job said, which no heartbeat could tell. */
static void tell_news(struct lipd_runner *runner, struct lipd_slot *slot)
{
    struct api_problem ignored;
    bool cancel;
    struct lipd_job_store *store = lipd_slot_store(runner);
    if (*slot->news && store->ops->heartbeat(
                           store, slot->id, runner->owner.name,
                           runner->owner.lease, slot->news, &cancel, &ignored))
        slot->news[0] = '\0';
}

static bool tell_store(struct lipd_runner *runner, struct lipd_slot *slot,
                       struct api_problem *problem)
{
    const struct lipd_outcome *outcome = &slot->outcome;
    struct lipd_job_end end = {outcome->state, outcome->result, outcome->error};
    struct lipd_job_store *store = lipd_slot_store(runner);
    tell_news(runner, slot);
    if (!outcome->over)
        lipd_share_now(&runner->share, &slot->shared, slot->id);
    if (outcome->over)
        return store->ops->finish(store, slot->id, runner->owner.name, &end,
                                  problem);
    return store->ops->release(store, slot->id, runner->owner.name,
                               outcome->forgive ? NULL : &slot->attempts,
                               problem);
}

static void settled(struct lipd_runner *runner, struct lipd_slot *slot)
{
    struct api_problem problem;
    struct lipd_job_store *store = lipd_slot_store(runner);
    if (slot->outcome.over) {
        lipd_journal_over(slot->kind, slot->outcome.state);
        lipd_folder_remove(runner->folders, slot->id);
        if (!store->ops->trim(store, runner->service->config->job_history,
                              &problem))
            lipd_job_trouble(slot->id, &problem);
    }
    lipd_folders_reserve(runner->folders);
    lipd_slot_publish(runner, slot);
    lipd_journal_state("job-end", slot->id, slot->kind, slot->trace,
                       slot->outcome.over ? slot->outcome.state
                                          : LIPD_JOB_QUEUED);
    lipd_outcome_clear(&slot->outcome);
    slot->state = LIPD_SLOT_FREE;
}

/* Who waits for room keeps the job meanwhile: false where it is another's by
 * now. */
static bool keep_lease(const struct lipd_runner *runner,
                       const struct lipd_slot *slot)
{
    struct api_problem problem;
    bool cancel;
    struct lipd_job_store *store = lipd_slot_store(runner);
    return store->ops->heartbeat(store, slot->id, runner->owner.name,
                                 runner->owner.lease, NULL, &cancel,
                                 &problem) ||
           problem.code != API_PROBLEM_NOT_FOUND;
}

/* Before the lease runs out. */
static void try_later(const struct lipd_runner *runner, struct lipd_slot *slot)
{
    slot->retry_at = lip_now() + slot->retry_after;
    slot->retry_after =
        fmin(2 * slot->retry_after, fmin(retry_most, runner->owner.beat_every));
}

void lipd_slot_settle(struct lipd_runner *runner, struct lipd_slot *slot)
{
    struct api_problem problem;
    if (lip_now() < slot->retry_at)
        return;
    if (slot->outcome.later) {
        if (!keep_lease(runner, slot)) {
            lipd_slot_forget(runner, slot);
            return;
        }
        lipd_slot_read(runner, slot, slot->code);
        if (slot->outcome.later) {
            try_later(runner, slot);
            return;
        }
    }
    bool again = !slot->outcome.over && !slot->outcome.forgive;
    bool freed = slot->outcome.over;
    bool told = tell_store(runner, slot, &problem);
    if (!told && problem.code == API_PROBLEM_STORAGE_FULL) {
        lipd_folders_unreserve(runner->folders);
        told = tell_store(runner, slot, &problem);
    }
    if (told) {
        settled(runner, slot);
        if (again || freed)
            runner->look_at = 0;
        return;
    }
    lipd_job_trouble(slot->id, &problem);
    if (problem.code == API_PROBLEM_NOT_FOUND) {
        lipd_slot_forget(runner, slot);
        return;
    }
    /* What a failed job left may be the room that is missing. */
    if (slot->outcome.over && slot->outcome.state == LIPD_JOB_FAILED)
        lipd_folder_remove(runner->folders, slot->id);
    if (problem.code == API_PROBLEM_STORAGE_FULL)
        keep_lease(runner, slot);
    try_later(runner, slot);
}
