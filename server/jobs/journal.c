/* SPDX-License-Identifier: MIT
 *
 * One place for the names of members and series. */
#include "server/jobs/journal.h"

#include "bounds/method.h"
#include "server/jobs/child.h"
#include "server/jobs/outcome.h"
#include "server/log.h"
#include "server/metrics.h"

#include <string.h>
#include <sys/wait.h>

void lipd_journal_add(const struct lipd_job *job,
                      const struct lipd_request *request)
{
    struct api_text line;
    if (!lipd_log_on(LIPD_INFO))
        return;
    lipd_log_open(&line, LIPD_INFO, "job-add");
    api_put_string(&line, "id", request->id);
    lipd_trace_log(&line, &request->trace);
    api_put_string(&line, "job", job->id);
    api_put_string(&line, "kind", job->kind);
    lipd_log_close(&line);
}

void lipd_journal_state(const char *event, const char *id, const char *kind,
                        const char *trace, enum lipd_job_state state)
{
    struct api_text line;
    if (!lipd_log_on(LIPD_INFO))
        return;
    lipd_log_open(&line, LIPD_INFO, event);
    api_put_string(&line, "job", id);
    api_put_string(&line, "kind", kind);
    if (*trace)
        api_put_string(&line, "trace", trace);
    api_put_string(&line, "state", lipd_job_state_name(state));
    lipd_log_close(&line);
}

static enum lipd_exit exit_of(int status, bool killed)
{
    switch (WIFEXITED(status) ? WEXITSTATUS(status) : -1) {
    case LIPD_CHILD_DONE:
        return LIPD_EXIT_DONE;
    case LIPD_CHILD_FAILED:
        return LIPD_EXIT_FAILED;
    case LIPD_CHILD_CANCELLED:
        return LIPD_EXIT_CANCELLED;
    case LIPD_CHILD_PAUSED:
        return LIPD_EXIT_PAUSED;
    default:
        return killed                           ? LIPD_EXIT_KILLED
               : lipd_outcome_forbidden(status) ? LIPD_EXIT_FORBIDDEN
                                                : LIPD_EXIT_CRASHED;
    }
}

void lipd_journal_exit(const char *kind, int status, bool killed,
                       double seconds)
{
    lipd_metric_add(LIPD_JOB_EXITS, exit_of(status, killed), 1);
    lipd_metric_add(LIPD_JOB_SECONDS, lipd_metric_kind(kind),
                    (int64_t)(1e9 * seconds));
}

bool lipd_journal_bound(const char *line, size_t size)
{
    static const char start[] = "{\"" LIPD_CHILD_BOUND "\":";
    if (size < sizeof start - 1 || memcmp(line, start, sizeof start - 1))
        return false;
    json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *told = json_object_get(json, LIPD_CHILD_BOUND);
    const char *method = json_string_value(json_object_get(told, "method"));
    struct lip_bound bound = {
        .method = method ? lip_method_find(method) : NULL,
        .seconds = json_number_value(json_object_get(told, "seconds")),
    };
    if (bound.method)
        lipd_metric_bound(&bound);
    json_decref(json);
    return true;
}

void lipd_journal_over(const char *kind, enum lipd_job_state state)
{
    lipd_metric_add(LIPD_JOBS_ENDED, lipd_metric_job(kind, state), 1);
}

void lipd_journal_crash(const char *id, int status)
{
    char how[128];
    lipd_outcome_describe(how, sizeof how, status);
    lipd_log(LIPD_WARNING, "job-crash", "%s: its process %s", id, how);
    lipd_metric_add(LIPD_JOB_CRASHES, 0, 1);
}
