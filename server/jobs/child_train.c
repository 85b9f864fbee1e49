/* SPDX-License-Identifier: MIT
 *
 * Jobs of the kind "train": begin, or go on from the checkpoint; train until
 * it is over or has to stop; make the model that is served. */
#include "server/jobs/kinds.h"
#include "server/jobs/training.h"

#include <stdio.h>
#include <string.h>

/* The model that there is, and the sentence that tells where it is. The job
 * has failed either way. */
static int fail_with_model(struct lipd_training *t, enum lipd_train_end end,
                           const struct api_problem *why)
{
    char id[LIP_DIGEST_TEXT];
    if (!lipd_training_finish(t, end, id))
        return LIPD_CHILD_FAILED;
    *t->problem = *why;
    size_t used = strlen(why->detail);
    snprintf(t->problem->detail + used, sizeof t->problem->detail - used,
             " It is stored as %s.", id);
    return LIPD_CHILD_FAILED;
}

static int fail_diverged(struct lipd_training *t)
{
    struct api_problem why = {.detail = ""};
    api_problem_set_at(&why, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,
                       "/optimizer/learning_rate", "%s", t->ctx->error.detail);
    lip_error_clear(t->ctx);
    return fail_with_model(t, LIPD_TRAIN_DIVERGED, &why);
}

static int fail_out_of_time(struct lipd_training *t)
{
    struct api_problem why = {.detail = ""};
    struct lip_run_place place = lip_run_where(t->run);
    api_problem_set_at(
        &why, API_PROBLEM_TIME_LIMIT, LIP_AT_POINTER, "/time_limit",
        "The time limit passed in epoch %zu of %zu, after %.3g "
        "s. Ask for fewer epochs, or give more time. The model "
        "as it was then is kept.",
        place.epoch + 1, t->request.options.epochs, lipd_training_seconds(t));
    return fail_with_model(t, LIPD_TRAIN_TIME_LIMIT, &why);
}

static int succeed(struct lipd_training *t, enum lipd_train_end end)
{
    char id[LIP_DIGEST_TEXT];
    if (!lipd_training_finish(t, end, id))
        return LIPD_CHILD_FAILED;
    return end == LIPD_TRAIN_CANCELLED ? LIPD_CHILD_CANCELLED : LIPD_CHILD_DONE;
}

/* Kept before the model is made, so that a job that is killed meanwhile does
 * not train again. */
static int end_well(struct lipd_training *t)
{
    if (!lipd_training_save(t))
        return LIPD_CHILD_FAILED;
    return succeed(t, lip_run_where(t->run).stopped_early
                          ? LIPD_TRAIN_STOPPED_EARLY
                          : LIPD_TRAIN_COMPLETED);
}

static int work(struct lipd_training *t)
{
    enum lip_status status = lipd_training_go(t);
    if (t->failed)
        return LIPD_CHILD_FAILED;
    if (status == LIP_OK)
        return end_well(t);
    if (status == LIP_INVALID)
        return fail_diverged(t);
    if (status != LIP_CANCELLED) {
        api_problem_from_error(t->problem, &t->ctx->error);
        return LIPD_CHILD_FAILED;
    }
    lip_error_clear(t->ctx);
    if (t->wish == LIPD_PAUSE)
        return lipd_training_save(t) ? LIPD_CHILD_PAUSED : LIPD_CHILD_FAILED;
    if (t->wish == LIPD_CANCEL)
        return succeed(t, LIPD_TRAIN_CANCELLED);
    return fail_out_of_time(t);
}

int lipd_child_train(struct lipd_child *child, struct api_problem *problem)
{
    struct lipd_training training = {
        .child = child, .problem = problem, .ctx = child->ctx, .data_file = -1};
    int status =
        lipd_training_begin(&training) ? work(&training) : LIPD_CHILD_FAILED;
    lipd_training_clear(&training);
    return status;
}
