/* SPDX-License-Identifier: MIT
 *
 * The metrics text is what Prometheus reads: form, sums, labels. */
#include "server/metrics.h"

#include "api/problem.h"
#include "server/routes.h"
#include "tests/support/suite.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *write_all(void)
{
    struct lipd_out out;
    size_t size;
    lipd_out_init(&out, 1 << 20, NULL);
    lipd_metrics_write(&out);
    char *text = lipd_out_take(&out, &size);
    ck_assert_ptr_nonnull(text);
    return text;
}

static void expect(const char *line)
{
    char *text = write_all();
    ck_assert_msg(strstr(text, line) != NULL, "no %s in\n%.2000s", line, text);
    lip_free(text);
}

START_TEST(counters_carry_their_labels)
{
    lipd_metric_add(LIPD_REQUESTS, lipd_metric_route(0, 200), 2);
    lipd_metric_add(LIPD_REQUESTS, lipd_metric_route(lipd_route_count, 404), 1);
    lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_QUEUE, 3);
    lipd_metric_add(LIPD_PROBLEMS, API_PROBLEM_DRAINING, 4);
    expect("\nlipschitzd_requests_total{method=\"GET\",route=\"/\","
           "status=\"2xx\"} 2\n");
    expect("\nlipschitzd_requests_total{method=\"\",route=\"other\","
           "status=\"4xx\"} 1\n");
    expect("\nlipschitzd_rejects_total{reason=\"queue_full\"} 3\n");
    expect("\nlipschitzd_problems_total{code=\"draining\"} 4\n");
    expect("\nlipschitzd_build_info{version=\"");
}
END_TEST

/* rate() of a series that begins with its first count is 0: what is worth an
 * alarm is there from the start. */
START_TEST(alarms_see_the_first_count)
{
    expect("\nlipschitzd_job_exits_total{how=\"crashed\"} 0\n");
    expect("\nlipschitzd_store_failures_total{call=\"claim\"} 0\n");
    expect("\nlipschitzd_requests_total{method=\"POST\",route=\"/bound\","
           "status=\"5xx\"} 0\n");
    char *text = write_all();
    ck_assert_ptr_null(strstr(text, "route=\"/bound\",status=\"4xx\""));
    ck_assert_ptr_null(strstr(text, "lipschitzd_problems_total{"));
    lip_free(text);
}
END_TEST

START_TEST(buckets_add_up)
{
    lipd_metric_observe(LIPD_WORK_SECONDS, 0, 5e-5);
    lipd_metric_observe(LIPD_WORK_SECONDS, 0, 0.05);
    lipd_metric_observe(LIPD_WORK_SECONDS, 0, 1000);
    expect("\nlipschitzd_work_seconds_bucket{le=\"0.0001\"} 1\n");
    expect("\nlipschitzd_work_seconds_bucket{le=\"0.01\"} 1\n");
    expect("\nlipschitzd_work_seconds_bucket{le=\"0.1\"} 2\n");
    expect("\nlipschitzd_work_seconds_bucket{le=\"100\"} 2\n");
    expect("\nlipschitzd_work_seconds_bucket{le=\"+Inf\"} 3\n");
    expect("\nlipschitzd_work_seconds_count 3\n");
    expect("\nlipschitzd_work_seconds_sum 1000.05005");
    lipd_metric_observe(LIPD_BOUND_SECONDS, 0, 0.05);
    expect("\nlipschitzd_bound_seconds_count{method=\"naive\"} 1\n");
    expect("\nlipschitzd_bound_seconds_bucket{method=\"naive\",le=\"0.1\"} "
           "1\n");
}
END_TEST

START_TEST(what_is_no_time_is_not_observed)
{
    lipd_metric_observe(LIPD_WORK_SECONDS, 0, -1);
    lipd_metric_observe(LIPD_WORK_SECONDS, 0, strtod("nan", NULL));
    lipd_metric_observe(LIPD_WORK_SECONDS, 0, strtod("inf", NULL));
    lipd_metric_add(LIPD_REQUESTS, 1 << 20, 1);
    expect("\nlipschitzd_work_seconds_count 0\n");
}
END_TEST

/* Every series fits its row, or counts would be dropped in silence. */
START_TEST(every_route_has_room)
{
    size_t last = lipd_metric_route(lipd_route_count, 599);
    lipd_metric_add(LIPD_REQUESTS, last, 5);
    ck_assert_int_eq(lipd_metric_get(LIPD_REQUESTS, last), 5);
}
END_TEST

/* Touches a series of every label value, so that all of them are written. */
static void touch_everything(void)
{
    for (int metric = 0; metric < LIPD_METRIC_COUNT; metric++)
        for (size_t series = 0; series < 256; series++) {
            lipd_metric_add((enum lipd_metric)metric, series, 1);
            lipd_metric_observe((enum lipd_metric)metric, series, 0.02);
        }
}

/* A family as its HELP and TYPE lines gave it. */
struct family {
    char name[80], type[16];
};

/* Takes a name of letters, digits and '_' that begins with our prefix. */
static const char *take_name(char *out, size_t size, const char *at)
{
    size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
    ck_assert_msg(n > 11 && n < size && !strncmp(at, "lipschitzd_", 11), "%s",
                  at);
    snprintf(out, size, "%.*s", (int)n, at);
    return at + n;
}

/* {name="value",...}; values without anything that needs an escape. */
static const char *take_labels(const char *at, const char *line)
{
    if (*at != '{')
        return at;
    do {
        at++;
        size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
        ck_assert_msg(n && !strncmp(at + n, "=\"", 2), "%s", line);
        at += n + 2;
        at += strcspn(at, "\"\\\n");
        ck_assert_msg(*at == '"', "%s", line);
        at++;
    } while (*at == ',');
    ck_assert_msg(*at == '}', "%s", line);
    return at + 1;
}

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), k = strlen(end);
    return n > k && !strcmp(name + n - k, end);
}

/* Prometheus' conventions: counters end in _total, times in _seconds and sizes
 * in _bytes before that, nothing else is a total. */
static void check_family(const struct family *family)
{
    bool total = ends_in(family->name, "_total");
    ck_assert_msg(total == !strcmp(family->type, "counter"), "%s",
                  family->name);
    if (!strcmp(family->type, "histogram"))
        ck_assert_msg(ends_in(family->name, "_seconds"), "%s", family->name);
    else
        ck_assert_msg(!strcmp(family->type, "counter") ||
                          !strcmp(family->type, "gauge"),
                      "%s", family->type);
}

/* A series is one of the family whose lines stand before it. */
static void check_series(const struct family *family, const char *line)
{
    char name[80], *rest;
    const char *at = take_labels(take_name(name, sizeof name, line), line);
    size_t n = strlen(family->name);
    ck_assert_msg(!strncmp(name, family->name, n), "%s in %s", line,
                  family->name);
    if (strcmp(family->type, "histogram"))
        ck_assert_msg(!name[n], "%s in %s", line, family->name);
    else
        ck_assert_msg(!strcmp(name + n, "_bucket") ||
                          !strcmp(name + n, "_sum") ||
                          !strcmp(name + n, "_count"),
                      "%s", line);
    ck_assert_msg(*at == ' ' && strtod(at + 1, &rest) >= 0 && !*rest, "%s",
                  line);
}

static void take_help(struct family *family, const char *line)
{
    const char *at = take_name(family->name, sizeof family->name, line + 7);
    ck_assert_msg(*at == ' ' && strlen(at) > 10, "%s", line);
    ck_assert_msg(!strpbrk(at, "\\\""), "%s", line);
}

static void take_type(struct family *family, const char *line)
{
    char name[80];
    const char *at = take_name(name, sizeof name, line + 7);
    ck_assert_str_eq(name, family->name);
    snprintf(family->type, sizeof family->type, "%s", at + 1);
    check_family(family);
}

/* HELP, then TYPE, then the series of one family, no series twice. */
START_TEST(every_series_has_its_help_and_type)
{
    struct family family = {"", ""};
    size_t families = 0;
    touch_everything();
    char *text = write_all(), *line = text;
    while (*line) {
        char *end = strchr(line, '\n'), key[300];
        ck_assert_ptr_nonnull(end);
        *end = '\0';
        if (!strncmp(line, "# HELP ", 7)) {
            take_help(&family, line);
            families++;
        } else if (!strncmp(line, "# TYPE ", 7)) {
            take_type(&family, line);
        } else {
            check_series(&family, line);
            snprintf(key, sizeof key, "\n%.*s",
                     (int)(strrchr(line, ' ') - line + 1), line);
            ck_assert_msg(!strstr(end + 1, key), "twice: %s", line);
        }
        line = end + 1;
    }
    ck_assert_uint_eq(families, LIPD_METRIC_COUNT + 1);
    lip_free(text);
}
END_TEST

/* Every label of every table comes out, and no two rows share one. */
START_TEST(all_labels_are_told_apart)
{
    lipd_metric_add(LIPD_JOBS_ENDED, lipd_metric_job("train", 3), 2);
    lipd_metric_add(LIPD_JOB_EXITS, LIPD_EXIT_KILLED, 1);
    lipd_metric_add(LIPD_JOB_SECONDS, lipd_metric_kind("train"), 1500000000);
    lipd_metric_set(LIPD_QUEUE_OLDEST, 0, 250000000);
    lipd_metric_observe(LIPD_STORE_SECONDS, LIPD_CALL_FINISH, 0.002);
    lipd_metric_observe(LIPD_REQUEST_SECONDS, 1, 0.002);
    expect("\nlipschitzd_jobs_ended_total{kind=\"train\",state=\"failed\"} "
           "2\n");
    expect("\nlipschitzd_job_exits_total{how=\"killed\"} 1\n");
    expect("\nlipschitzd_job_seconds_total{kind=\"train\"} 1.500000000\n");
    expect("\nlipschitzd_queue_oldest_seconds 0.250000000\n");
    expect("\nlipschitzd_store_seconds_count{call=\"finish\"} 1\n");
    expect("\nlipschitzd_request_seconds_bucket{method=\"POST\","
           "route=\"/bound\",le=\"0.005\"} 1\n");
}
END_TEST

static void *count(void *arg)
{
    for (int i = 0; i < 100000; i++)
        lipd_metric_add(LIPD_RECEIVED, 0, 1);
    return arg;
}

START_TEST(threads_lose_no_count)
{
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, count, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    ck_assert_int_eq(lipd_metric_get(LIPD_RECEIVED, 0), 400000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/metrics");
    TCase *tcase = tcase_create("text");
    tcase_add_test(tcase, counters_carry_their_labels);
    tcase_add_test(tcase, alarms_see_the_first_count);
    tcase_add_test(tcase, buckets_add_up);
    tcase_add_test(tcase, what_is_no_time_is_not_observed);
    tcase_add_test(tcase, every_route_has_room);
    tcase_add_test(tcase, every_series_has_its_help_and_type);
    tcase_add_test(tcase, all_labels_are_told_apart);
    tcase_add_test(tcase, threads_lose_no_count);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
