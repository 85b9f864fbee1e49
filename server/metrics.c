/* SPDX-License-Identifier: MIT
 *
 * Relaxed atomics: a scrape may see one counter a moment before another, which
 * Prometheus allows. */
#include "server/metrics.h"

#include "api/problem.h"
#include "api/version.h"
#include "bounds/method.h"
#include "server/jobs/job_store.h"
#include "server/routes.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "lipschitzd_"

enum kind { COUNTER, GAUGE, HISTOGRAM };
enum labels { NONE, ROUTE, CODE, REASON, METHOD, STATE };
enum { SERIES = 128, BUCKETS = 9, CLASSES = 5 };

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

/* Upper edges in seconds: 100 us to 100 s, then infinity. */
static const double edges[BUCKETS] = {1e-4, 1e-3, 1e-2, 0.1, 0.5,
                                      1,    5,    20,   100};

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

void lipd_metric_add(enum lipd_metric metric, size_t series, int64_t value)
{
    if (series < SERIES)
        atomic_fetch_add_explicit(&values[metric][series], value,
                                  memory_order_relaxed);
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

static size_t method_count(void)
{
    size_t count = 0;
    while (lip_methods[count] && count < SERIES)
        count++;
    return count;
}

static size_t series_count(enum labels labels)
{
    switch (labels) {
    case ROUTE:
        return (lipd_route_count + 1) * CLASSES;
    case CODE:
        return API_PROBLEM_COUNT;
    case REASON:
        return LIPD_REJECT_COUNT;
    case METHOD:
        return method_count();
    case STATE:
        return LIPD_JOB_CANCELLED + 1;
    default:
        return 1;
    }
}

/* What stands between the braces; "" without labels. */
static void write_labels(char *out, size_t size, enum labels labels, size_t i)
{
    size_t route = i / CLASSES;
    out[0] = '\0';
    if (labels == ROUTE && route < lipd_route_count)
        snprintf(out, size, "method=\"%s\",route=\"%s\",status=\"%zuxx\"",
                 lipd_routes[route].method, lipd_routes[route].path,
                 i % CLASSES + 1);
    else if (labels == ROUTE)
        snprintf(out, size, "method=\"\",route=\"other\",status=\"%zuxx\"",
                 i % CLASSES + 1);
    else if (labels == CODE)
        snprintf(out, size, "code=\"%s\"",
                 api_problem_name((enum api_problem_code)i));
    else if (labels == REASON)
        snprintf(out, size, "reason=\"%s\"", reasons[i]);
    else if (labels == METHOD)
        snprintf(out, size, "method=\"%s\"", lip_methods[i]->id);
    else if (labels == STATE)
        snprintf(out, size, "state=\"%s\"",
                 lipd_job_state_name((enum lipd_job_state)i));
}

static void write_value(struct lipd_out *out, size_t family, size_t series)
{
    char labels[160];
    int64_t value = lipd_metric_get((enum lipd_metric)family, series);
    write_labels(labels, sizeof labels, families[family].labels, series);
    if (!value && families[family].labels != NONE)
        return;
    lipd_out_print(out, PREFIX "%s%s%s%s %" PRId64 "\n", families[family].name,
                   *labels ? "{" : "", labels, *labels ? "}" : "", value);
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
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
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
