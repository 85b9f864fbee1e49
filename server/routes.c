/* SPDX-License-Identifier: MIT
 *
 * The route table and its search. A dozen rows: a linear search is faster than
 * anything clever. */
#include "server/routes.h"

#include <string.h>

enum { ANY_WORK = LIPD_SCOPE_BOUND | LIPD_SCOPE_TRAIN };

const struct lipd_route lipd_routes[] = {
    {"GET", "/", lipd_route_front, LIPD_LIGHT, LIPD_NO_BODY, LIPD_SCOPE_NONE,
     false, "This page."},
    {"POST", "/bound", lipd_route_bound, LIPD_HEAVY, LIPD_MODEL_BODY,
     LIPD_SCOPE_BOUND, false,
     "Proven upper bounds of the Lipschitz constant of a model."},
    {"POST", "/certify", lipd_route_certify, LIPD_HEAVY, LIPD_MODEL_BODY,
     LIPD_SCOPE_BOUND, false,
     "Classes of inputs, and how far each may move before that changes."},
    {"GET", "/methods", lipd_route_methods, LIPD_LIGHT, LIPD_NO_BODY,
     LIPD_SCOPE_NONE, false,
     "The bound methods: what each supports, costs and rests on."},
    {"GET", "/constraints", lipd_route_constraints, LIPD_LIGHT, LIPD_NO_BODY,
     LIPD_SCOPE_NONE, false,
     "What a training request may choose from: constraints, layers, ..."},
    {"POST", "/models", lipd_route_model_store, LIPD_HEAVY, LIPD_KEPT_BODY,
     ANY_WORK, false, "Store a model; its id may stand for it in /bound."},
    {"GET", "/models", lipd_route_model_list, LIPD_DISK, LIPD_NO_BODY, ANY_WORK,
     false, "The stored models, page by page."},
    {"GET", "/models/{id}", lipd_route_model_show, LIPD_HEAVY, LIPD_NO_BODY,
     ANY_WORK, false, "What is stored under an id."},
    {"DELETE", "/models/{id}", lipd_route_model_delete, LIPD_HEAVY,
     LIPD_NO_BODY, ANY_WORK, false, "Remove a stored model."},
    {"POST", "/datasets", lipd_route_dataset_store, LIPD_HEAVY, LIPD_DATA_BODY,
     LIPD_SCOPE_TRAIN, false,
     "Store a data set; its id may stand for it in /train."},
    {"GET", "/datasets", lipd_route_dataset_list, LIPD_DISK, LIPD_NO_BODY,
     LIPD_SCOPE_TRAIN, false, "The stored data sets, page by page."},
    {"GET", "/datasets/{id}", lipd_route_dataset_show, LIPD_DISK, LIPD_NO_BODY,
     LIPD_SCOPE_TRAIN, false, "What is stored under an id."},
    {"DELETE", "/datasets/{id}", lipd_route_dataset_delete, LIPD_DISK,
     LIPD_NO_BODY, LIPD_SCOPE_TRAIN, false, "Remove a stored data set."},
    {"POST", "/train", lipd_route_train, LIPD_HEAVY, LIPD_JSON_BODY,
     LIPD_SCOPE_TRAIN, false, "Train a network that keeps a limit: a job."},
    {"GET", "/jobs", lipd_route_job_list, LIPD_DISK, LIPD_NO_BODY, ANY_WORK,
     false, "The jobs, newest first, page by page."},
    {"GET", "/jobs/{id}", lipd_route_job_show, LIPD_DISK, LIPD_NO_BODY,
     ANY_WORK, false, "How a job stands; ?wait=30 waits until that changes."},
    {"DELETE", "/jobs/{id}", lipd_route_job_cancel, LIPD_DISK, LIPD_NO_BODY,
     ANY_WORK, false, "Cancel a job."},
    {"GET", "/jobs/{id}/events", lipd_route_job_events, LIPD_DISK, LIPD_NO_BODY,
     ANY_WORK, false, "What happens to a job, as server-sent events."},
    {"GET", "/healthz", lipd_route_alive, LIPD_LIGHT, LIPD_NO_BODY,
     LIPD_SCOPE_NONE, true, "Is the process alive?"},
    {"GET", "/readyz", lipd_route_ready, LIPD_LIGHT, LIPD_NO_BODY,
     LIPD_SCOPE_NONE, true, "Is work accepted? 503 while draining or full."},
    {"GET", "/v2/health/live", lipd_route_alive, LIPD_LIGHT, LIPD_NO_BODY,
     LIPD_SCOPE_NONE, true, "The same as /healthz."},
    {"GET", "/v2/health/ready", lipd_route_ready, LIPD_LIGHT, LIPD_NO_BODY,
     LIPD_SCOPE_NONE, true, "The same as /readyz."},
    {"GET", "/metrics", lipd_route_metrics, LIPD_LIGHT, LIPD_NO_BODY,
     LIPD_SCOPE_ADMIN, true, "Counters and histograms, Prometheus text."},
    {"GET", "/version", lipd_route_version, LIPD_LIGHT, LIPD_NO_BODY,
     LIPD_SCOPE_NONE, false, "The version of the daemon and its libraries."},
    {"GET", "/openapi.yaml", lipd_route_openapi, LIPD_LIGHT, LIPD_NO_BODY,
     LIPD_SCOPE_NONE, false, "This interface as an OpenAPI document."},
};

const size_t lipd_route_count = sizeof lipd_routes / sizeof lipd_routes[0];

const struct lipd_route lipd_options = {
    "OPTIONS",       "*",  lipd_route_options,      LIPD_LIGHT, LIPD_NO_BODY,
    LIPD_SCOPE_NONE, true, "The methods of a path."};

/* Does the path fit the pattern? A "{id}" takes one segment of visible ASCII,
 * that is not empty and fits the argument: no id has other characters, and not
 * every database would take them for a text. */
static bool path_fits(const char *pattern, const char *path, char *argument,
                      size_t size)
{
    const char *open = strchr(pattern, '{');
    if (!open)
        return !strcmp(pattern, path);
    size_t fixed = (size_t)(open - pattern);
    if (strncmp(pattern, path, fixed))
        return false;
    const char *segment = path + fixed;
    size_t length = strcspn(segment, "/");
    for (size_t i = 0; i < length; i++)
        if (segment[i] <= ' ' || segment[i] > '~')
            return false;
    if (!length || length >= size ||
        strcmp(segment + length, strchr(open, '}') + 1))
        return false;
    memcpy(argument, segment, length);
    argument[length] = '\0';
    return true;
}

/* Adds a method that is not in the list yet; none is a part of another. */
static void add_word(char *list, size_t size, const char *word)
{
    size_t used = strlen(list), length = strlen(word);
    size_t gap = used ? 2 : 0;
    if (used + gap + length + 1 > size || strstr(list, word))
        return;
    memcpy(list + used, ", ", gap);
    memcpy(list + used + gap, word, length + 1);
}

const struct lipd_route *lipd_route_find(const char *method, const char *path,
                                         char *argument, size_t argument_size,
                                         char *allow, size_t allow_size)
{
    const char *wanted = strcmp(method, "HEAD") ? method : "GET";
    bool asks = !strcmp(method, lipd_options.method);
    bool every = asks && !strcmp(path, lipd_options.path);
    allow[0] = argument[0] = '\0';
    for (size_t i = 0; i < lipd_route_count; i++) {
        const struct lipd_route *route = &lipd_routes[i];
        if (!every && !path_fits(route->path, path, argument, argument_size))
            continue;
        if (!strcmp(route->method, wanted)) {
            allow[0] = '\0';
            return route;
        }
        add_word(allow, allow_size, route->method);
        if (!strcmp(route->method, "GET"))
            add_word(allow, allow_size, "HEAD");
    }
    if (allow[0])
        add_word(allow, allow_size, lipd_options.method);
    return asks && allow[0] ? &lipd_options : NULL;
}
