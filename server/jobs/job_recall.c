/* SPDX-License-Identifier: MIT
 *
 * The name of an answer was found when the job was accepted: whoever runs it
 * need not read the model again. It is the name of an answer of the program
 * that accepted the job: another, of an older version perhaps while a new one
 * is rolled out, makes other answers. */
#include "server/jobs/job_recall.h"

#include "server/build.h"
#include "server/jobs/child.h"
#include "server/jobs/folder.h"
#include "server/recall.h"
#include "server/service.h"
#include "server/store/results.h"

#include <stdio.h>
#include <string.h>

void lipd_job_recall_read(struct lipd_job_recall *recall,
                          const struct lipd_job *job)
{
    *recall = (struct lipd_job_recall){false, false, "", ""};
    /* Requests of other kinds are long, and have none. */
    if (strcmp(job->kind, "bound") != 0 || !job->request)
        return;
    json_t *request = json_loads(job->request, 0, NULL);
    const json_t *told = json_object_get(request, LIPD_RECALL);
    const char *key = json_string_value(json_object_get(told, "key"));
    const char *build = json_string_value(json_object_get(told, "build"));
    if (key && strlen(key) < sizeof recall->key && build &&
        !strcmp(build, lipd_build())) {
        snprintf(recall->key, sizeof recall->key, "%s", key);
        snprintf(recall->tenant, sizeof recall->tenant, "%s", job->tenant);
        recall->look = json_is_true(json_object_get(told, "look"));
        recall->keep = json_is_true(json_object_get(told, "keep"));
    }
    json_decref(request);
}

bool lipd_job_recall_find(const struct lipd_job_recall *recall,
                          const struct lipd_service *service,
                          struct lipd_outcome *outcome)
{
    struct lipd_result result;
    if (!recall->look || !service->results ||
        !lipd_recall_find(&result, service->results, recall->tenant,
                          recall->key))
        return false;
    lipd_outcome_clear(outcome);
    outcome->over = true;
    outcome->state = LIPD_JOB_SUCCEEDED;
    outcome->result = result.document;
    return true;
}

void lipd_job_recall_keep(const struct lipd_job_recall *recall,
                          const struct lipd_service *service, int folders,
                          const char *id, const struct lipd_outcome *outcome)
{
    size_t size;
    if (!recall->keep || !service->results || !outcome->result ||
        outcome->state != LIPD_JOB_SUCCEEDED)
        return;
    char *final = lipd_folder_read(folders, id, LIPD_CHILD_FINAL, 9, &size);
    if (final)
        lipd_recall_put(service->results, recall->tenant, recall->key,
                        outcome->result, strlen(outcome->result));
    lip_free(final);
}
