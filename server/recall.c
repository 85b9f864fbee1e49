/* SPDX-License-Identifier: MIT
 *
 * RFC 9110 (ETag, If-None-Match), 9111 (Age, Cache-Control), 9211
 * (Cache-Status). */
#include "server/recall.h"

#include "api/bound_key.h"
#include "server/build.h"
#include "server/conditional.h"
#include "server/keep.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/store/results.h"
#include "server/uses.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* --- what the client says */

/* Is `name` the directive at `at`, up to its "=", comma or end? */
static bool is(const char *at, const char *name)
{
    size_t length = strlen(name);
    return !strncasecmp(at, name, length) &&
           (!at[length] || strchr("=,; \t", at[length]));
}

static void heed(struct lipd_recall *recall, const char *field)
{
    for (const char *at = field ? field : ""; *at; at += strcspn(at, ",")) {
        at += strspn(at, ", \t");
        if (is(at, "no-cache"))
            recall->look = false;
        else if (is(at, "no-store"))
            recall->keep = false;
        else if (!strncasecmp(at, "max-age=", 8) && at[8] >= '0' &&
                 at[8] <= '9')
            recall->max_age = strtod(at + 8, NULL);
    }
}

/* Does the client have it? "*" is any that there is, which says nothing of an
 * answer that is to be made. */
static bool is_known(const char *list, const char *etag)
{
    return !lipd_etag_any(list) && lipd_etag_among(list, etag);
}

/* --- names */

/* A model that is only named has the names of its layers from a file that the
 * tenant may have stored anew since: when it came to hold it tells. */
static bool edition_of(char out[64], const struct lipd_request *request,
                       const struct api_bound_request *read)
{
    struct lipd_holding holding = {.created = 0};
    out[0] = '\0';
    if (read->network)
        return true;
    const struct lipd_service *service = request->service;
    struct api_problem ignored; /* who loads the model will say it */
    if (!lipd_may_see(request, LIPD_MODEL, read->model_id, &holding, &ignored))
        return false;
    lipd_uses_note(service->uses, service->holdings, read->model_id,
                   request->sees_all ? NULL : request->tenant);
    snprintf(out, 64, "%.17g", holding.created);
    return true;
}

void lipd_recall_name(struct lipd_recall *recall,
                      const struct lipd_request *request,
                      const struct api_bound_request *read,
                      const struct api_bound_limits *limits)
{
    char edition[64];
    *recall = (struct lipd_recall){.max_age = INFINITY};
    if (!request->service->results || !edition_of(edition, request, read))
        return;
    if (api_bound_key(recall->key, read, lipd_build(), edition, request->ctx) !=
        LIP_OK) {
        lip_error_clear(request->ctx);
        return;
    }
    if (read->choice != API_METHODS_NAMED)
        api_bound_key_within(recall->limited, recall->key, limits,
                             read->options.time_limit);
    recall->look = recall->keep = true;
    heed(recall, request->cache_control);
}

/* An age that is too much for an answer at once is for a job, too. */
void lipd_recall_write(const struct lipd_recall *recall, struct api_text *text)
{
    if (!recall->look && !recall->keep)
        return;
    api_object_open(text, LIPD_RECALL);
    api_put_string(text, "key", recall->key);
    api_put_string(text, "build", lipd_build());
    api_put_bool(text, "look", recall->look && isinf(recall->max_age));
    api_put_bool(text, "keep", recall->keep);
    api_object_close(text);
}

/* --- looking */

static double age_of(const struct lipd_result *result)
{
    return fmax((double)time(NULL) - result->created, 0);
}

/* Under the one key or else the other. */
static enum lipd_found find(const struct lipd_recall *recall,
                            const struct lipd_request *request,
                            struct lipd_result *out)
{
    struct lipd_results *results = request->service->results;
    enum lipd_found found =
        results->ops->get(results, request->tenant, recall->key, out);
    if (found == LIPD_ABSENT && recall->limited[0])
        found =
            results->ops->get(results, request->tenant, recall->limited, out);
    if (found == LIPD_FOUND && age_of(out) >= recall->max_age) {
        lipd_result_clear(out);
        found = LIPD_ABSENT;
    }
    return found;
}

static void count(enum lipd_found found)
{
    lipd_metric_add(LIPD_RESULTS,
                    found == LIPD_FOUND    ? LIPD_LOOKUP_HIT
                    : found == LIPD_ABSENT ? LIPD_LOOKUP_MISS
                                           : LIPD_LOOKUP_FAILED,
                    1);
}

bool lipd_recall_find(struct lipd_result *out, struct lipd_results *results,
                      const char *tenant, const char *key)
{
    enum lipd_found found = results->ops->get(results, tenant, key, out);
    count(found);
    return found == LIPD_FOUND;
}

/* --- replying */

/* Replies with the document, which it takes, or says that the client has it. */
static void reply(struct lipd_request *request, const char *etag,
                  char *document, size_t size)
{
    bool known = is_known(request->if_none_match, etag);
    if (known) {
        lip_free(document);
        lipd_reply_static(request, 304, NULL, "", 0);
    } else {
        lipd_reply_take(request, 200, "application/json", document, size);
    }
    snprintf(request->reply.etag, sizeof request->reply.etag, "%s", etag);
    request->reply.caching = "private, no-cache";
}

bool lipd_recall_reply(const struct lipd_recall *recall,
                       struct lipd_request *request)
{
    struct lipd_result result;
    if (!recall->look) {
        if (recall->keep)
            lipd_metric_add(LIPD_RESULTS, LIPD_LOOKUP_PASSED, 1);
        return false;
    }
    enum lipd_found found = find(recall, request, &result);
    count(found);
    if (found != LIPD_FOUND)
        return false;
    double age = age_of(&result);
    reply(request, result.etag, result.document, result.size);
    snprintf(request->reply.age, sizeof request->reply.age, "%.0f",
             fmin(age, 2147483647));
    snprintf(request->reply.cache_status, sizeof request->reply.cache_status,
             "lipschitzd; hit");
    return true;
}

/* --- keeping */

static bool put(struct lipd_results *results, const char *tenant,
                const char *key, const char *document, size_t size)
{
    struct api_problem problem;
    size_t dropped;
    if (!results->ops->put(results, tenant, key, document, size, &dropped,
                           &problem)) {
        lipd_log(LIPD_WARNING, "results", "%s", problem.detail);
        return false;
    }
    lipd_metric_add(LIPD_RESULTS_DROPPED, 0, (int64_t)dropped);
    return lipd_result_fits(results, size);
}

void lipd_recall_put(struct lipd_results *results, const char *tenant,
                     const char *key, const char *document, size_t size)
{
    put(results, tenant, key, document, size);
}

void lipd_recall_keep(const struct lipd_recall *recall,
                      struct lipd_request *request,
                      enum api_bound_standing standing, struct api_text *text)
{
    char etag[LIPD_RESULT_ETAG];
    size_t size;
    bool kept = false;
    const char *key = standing == API_BOUND_FINAL     ? recall->key
                      : standing == API_BOUND_LIMITED ? recall->limited
                                                      : "";
    char *document = api_text_take(text, &size);
    if (!document) {
        lipd_reply_take(request, 200, "application/json", NULL, 0);
        return;
    }
    lipd_result_etag(etag, document, size);
    if (recall->keep && *key)
        kept = put(request->service->results, request->tenant, key, document,
                   size);
    reply(request, etag, document, size);
    if (request->service->results)
        snprintf(request->reply.cache_status,
                 sizeof request->reply.cache_status, "lipschitzd; fwd=%s%s",
                 recall->look ? "miss" : "request", kept ? "; stored" : "");
}
