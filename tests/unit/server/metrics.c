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
    ck_assert_msg(strstr(text, line) != NULL, "no %s in\n%s", line, text);
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

/* Each line is a comment or name{labels} number, each family has one TYPE. */
START_TEST(every_line_is_well_formed)
{
    lipd_metric_add(LIPD_REQUESTS, 0, 1);
    char *text = write_all(), *line = text;
    while (*line) {
        char *end = strchr(line, '\n');
        ck_assert_ptr_nonnull(end);
        *end = '\0';
        if (*line == '#') {
            ck_assert(!strncmp(line, "# HELP lipschitzd_", 18) ||
                      !strncmp(line, "# TYPE lipschitzd_", 18));
        } else {
            char *value = strrchr(line, ' '), *rest;
            ck_assert(!strncmp(line, "lipschitzd_", 11) && value);
            strtod(value + 1, &rest);
            ck_assert_msg(*rest == '\0' && rest > value + 1, "%s", line);
            ck_assert(!strchr(line, '{') == !strchr(line, '}'));
        }
        line = end + 1;
    }
    lip_free(text);
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
    tcase_add_test(tcase, buckets_add_up);
    tcase_add_test(tcase, what_is_no_time_is_not_observed);
    tcase_add_test(tcase, every_route_has_room);
    tcase_add_test(tcase, every_line_is_well_formed);
    tcase_add_test(tcase, threads_lose_no_count);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
