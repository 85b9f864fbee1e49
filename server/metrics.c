/* SPDX-License-Identifier: MIT
 *
 * Relaxed atomics: a scrape may see one counter a moment before another, which
 * Prometheus allows. */
#include "server/metrics.h"

#include "api/problem.h"
#include "api/version.h"
#include "bounds/method.h"
#include "formats/format.h"
#include "server/jobs/child.h"
#include "server/jobs/job_store.h"
#include "server/routes.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "lipschitzd_"

enum kind { COUNTER, GAUGE, HISTOGRAM, TIME, SPAN };
enum labels {
    NONE,
    ROUTE,
    CODE,
    REASON,
    METHOD,
    FORMAT,
    PATH,
    KIND,
    STATE,
    EXIT,
    CALL,
    OUTCOME
};
enum { SERIES = 256, BUCKETS = 11, CLASSES = 5, ENDS = LIPD_JOB_CANCELLED + 1 };

static const struct {
    const char *name;
    enum kind kind;
    enum labels labels;
    const char *help;
} families[LIPD_METRIC_COUNT] = {
#define X(constant, name, kind, labels, help) {name, kind, labels, help},
    LIPD_METRICS(X)
#undef X
};

static const char *const reasons[LIPD_REJECT_COUNT] = {
#define X(constant, name) name,
    LIPD_REJECTS(X)
#undef X
};

static const char *const exits[LIPD_EXIT_COUNT] = {
#define X(constant, name) name,
    LIPD_EXITS(X)
#undef X
};

static const char *const calls[LIPD_CALL_COUNT] = {
#define X(constant, name) name,
    LIPD_CALLS(X)
#undef X
};

static const char *const lookups[LIPD_LOOKUP_COUNT] = {
#define X(constant, name) name,
    LIPD_LOOKUPS(X)
#undef X
};

/* Upper edges in seconds: 100 us to 100 s, then infinity. */
static const double edges[BUCKETS] = {1e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1,
                                      0.5,  1,    5,    20,   100};

struct histogram {
    _Atomic uint64_t bucket[BUCKETS + 1];
    _Atomic uint64_t nanoseconds;
};

/* Static and zero: pages that no series touches cost no memory. */
static _Atomic int64_t values[LIPD_METRIC_COUNT][SERIES];
static struct histogram histograms[LIPD_METRIC_COUNT][SERIES];

size_t lipd_metric_route(size_t route, int status)
{
    int class = status / 100;
    class = class < 1 ? 1 : class > CLASSES ? CLASSES : class;
    return route * CLASSES + (size_t) class - 1;
}

size_t lipd_metric_kind(const char *kind)
{
    for (size_t i = 0; lipd_job_kinds[i].name; i++)
        if (!strcmp(lipd_job_kinds[i].name, kind))
            return i;
    return 0;
}

size_t lipd_metric_job(const char *kind, int state)
{
    return lipd_metric_kind(kind) * ENDS + (size_t)state;
}

void lipd_metric_add(enum lipd_metric metric, size_t series, int64_t value)
{
    if (series < SERIES)
        atomic_fetch_add_explicit(&values[metric][series], value,
                                  memory_order_relaxed);
}

void lipd_metric_format(const struct lip_format *format)
{
    for (size_t i = 0; lip_formats[i]; i++)
        if (lip_formats[i] == format)
            lipd_metric_add(LIPD_MODELS_READ, i, 1);
}

void lipd_metric_set(enum lipd_metric metric, size_t series, int64_t value)
{
    if (series < SERIES)
        atomic_store_explicit(&values[metric][series], value,
                              memory_order_relaxed);
}

int64_t lipd_metric_get(enum lipd_metric metric, size_t series)
{
    return series < SERIES ? atomic_load_explicit(&values[metric][series],
                                                  memory_order_relaxed)
                           : 0;
}

void lipd_metric_observe(enum lipd_metric metric, size_t series, double seconds)
{
    if (series >= SERIES || !(seconds >= 0) || seconds > 1e9)
        return;
    struct histogram *h = &histograms[metric][series];
    size_t bucket = 0;
    while (bucket < BUCKETS && seconds > edges[bucket])
        bucket++;
    atomic_fetch_add_explicit(&h->bucket[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->nanoseconds, (uint64_t)(seconds * 1e9),
                              memory_order_relaxed);
}

void lipd_metric_bound(const struct lip_bound *bound)
{
    for (size_t i = 0; lip_methods[i]; i++)
        if (lip_methods[i] == bound->method)
            lipd_metric_observe(LIPD_BOUND_SECONDS, i, bound->seconds);
}

/* Rows of the tables that end with NULL. */
static size_t table_count(enum labels labels)
{
    size_t count = 0;
    if (labels == METHOD)
        while (lip_methods[count])
            count++;
    else if (labels == FORMAT)
        while (lip_formats[count])
            count++;
    else
        while (lipd_job_kinds[count].name)
            count++;
    return count;
}

static size_t series_count(enum labels labels)
{
    switch (labels) {
    case ROUTE:
        return (lipd_route_count + 1) * CLASSES;
    case PATH:
        return lipd_route_count + 1;
    case CODE:
        return API_PROBLEM_COUNT;
    case REASON:
        return LIPD_REJECT_COUNT;
    case EXIT:
        return LIPD_EXIT_COUNT;
    case CALL:
        return LIPD_CALL_COUNT;
    case OUTCOME:
        return LIPD_LOOKUP_COUNT;
    case STATE:
        return table_count(KIND) * ENDS;
    case NONE:
        return 1;
    default:
        return table_count(labels);
    }
}

/* Labels of one member: its name and value. */
static const char *simple_label(enum labels labels, size_t i, const char **name)
{
    switch (labels) {
    case CODE:
        *name = "code";
        return api_problem_name((enum api_problem_code)i);
    case REASON:
        *name = "reason";
        return reasons[i];
    case METHOD:
        *name = "method";
        return lip_methods[i]->id;
    case FORMAT:
        *name = "format";
        return lip_formats[i]->name;
    case KIND:
        *name = "kind";
        return lipd_job_kinds[i].name;
    case EXIT:
        *name = "how";
        return exits[i];
    case CALL:
        *name = "call";
        return calls[i];
    case OUTCOME:
        *name = "outcome";
        return lookups[i];
    default:
        return NULL;
    }
}

/* What stands between the braces; "" without labels. */
static void write_labels(char *out, size_t size, enum labels labels, size_t i)
{
    size_t route = labels == ROUTE ? i / CLASSES : i;
    bool known = route < lipd_route_count;
    const char *method = known ? lipd_routes[route].method : "";
    const char *path = known ? lipd_routes[route].path : "other", *name;
    const char *value = simple_label(labels, i, &name);
    out[0] = '\0';
    if (labels == ROUTE)
        snprintf(out, size, "method=\"%s\",route=\"%s\",status=\"%zuxx\"",
                 method, path, i % CLASSES + 1);
    else if (labels == PATH)
        snprintf(out, size, "method=\"%s\",route=\"%s\"", method, path);
    else if (labels == STATE)
        snprintf(out, size, "kind=\"%s\",state=\"%s\"",
                 lipd_job_kinds[i / ENDS].name,
                 lipd_job_state_name((enum lipd_job_state)(i % ENDS)));
    else if (value)
        snprintf(out, size, "%s=\"%s\"", name, value);
}

/* Whether a series stands there before it counts anything: where there is one,
 * and where its first count is worth an alarm, which a rate would not see. */
static bool stands(size_t family, size_t series)
{
    enum labels labels = families[family].labels;
    return labels == NONE || labels == EXIT || labels == CALL ||
           (labels == ROUTE && series % CLASSES == 4);
}

static void write_value(struct lipd_out *out, size_t family, size_t series)
{
    char labels[160];
    enum kind kind = families[family].kind;
    int64_t value = lipd_metric_get((enum lipd_metric)family, series);
    write_labels(labels, sizeof labels, families[family].labels, series);
    if (!value && !stands(family, series))
        return;
    lipd_out_print(out, PREFIX "%s%s%s%s ", families[family].name,
                   *labels ? "{" : "", labels, *labels ? "}" : "");
    if (kind == TIME || kind == SPAN)
        lipd_out_print(out, "%.9f\n", 1e-9 * (double)value);
    else
        lipd_out_print(out, "%" PRId64 "\n", value);
}

static void write_histogram(struct lipd_out *out, size_t family, size_t series)
{
    const char *name = families[family].name;
    struct histogram *h = &histograms[family][series];
    uint64_t bucket[BUCKETS + 1], total = 0, sum = 0;
    for (size_t i = 0; i <= BUCKETS; i++)
        total += bucket[i] = atomic_load(&h->bucket[i]);
    if (!total && families[family].labels != NONE)
        return;
    char labels[160];
    write_labels(labels, sizeof labels, families[family].labels, series);
    const char *comma = *labels ? "," : "";
    for (size_t i = 0; i < BUCKETS; i++)
        lipd_out_print(out, PREFIX "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n",
                       name, labels, comma, edges[i], sum += bucket[i]);
    lipd_out_print(out, PREFIX "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name,
                   labels, comma, total);
    const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    lipd_out_print(out, PREFIX "%s_sum%s%s%s %.9f\n", name, open, labels, close,
                   1e-9 * (double)atomic_load(&h->nanoseconds));
    lipd_out_print(out, PREFIX "%s_count%s%s%s %" PRIu64 "\n", name, open,
                   labels, close, total);
}

void lipd_metrics_write(struct lipd_out *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram",
                                        "counter", "gauge"};
    lipd_out_print(out, "# HELP " PREFIX "build_info The running version\n"
                        "# TYPE " PREFIX "build_info gauge\n" PREFIX
                        "build_info{version=\"" API_VERSION "\"} 1\n");
    for (size_t i = 0; i < LIPD_METRIC_COUNT; i++) {
        lipd_out_print(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n",
                       families[i].name, families[i].help, families[i].name,
                       kinds[families[i].kind]);
        size_t count = series_count(families[i].labels);
        for (size_t s = 0; s < count && s < SERIES; s++)
            if (families[i].kind == HISTOGRAM)
                write_histogram(out, i, s);
            else
                write_value(out, i, s);
    }
}
