/* SPDX-License-Identifier: MIT
 *
 * Workers: every request is handled once and finished once, with a context
 * that has its budget, a deadline and an ear for cancelling. */
#include "server/workers.h"

#include "server/request.h"
#include "server/routes.h"
#include "tests/support/suite.h"

#include <math.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

enum { COUNT = 200 };

static struct lipd_config config;
static struct lipd_service service;
static struct lipd_request request[COUNT];
static _Atomic int handled, finished, stopped;

static void finish(struct lipd_request *done)
{
    (void)done;
    atomic_fetch_add(&finished, 1);
}

static void quick(struct lipd_request *r)
{
    ck_assert_ptr_eq(r->ctx->budget, &r->budget);
    double left = r->ctx->deadline - lip_now();
    ck_assert(left > 50 && left <= 60);
    atomic_fetch_add(&handled, 1);
    lipd_reply_static(r, 200, NULL, "", 0);
}

/* Works until it is told to stop. */
static void slow(struct lipd_request *r)
{
    atomic_fetch_add(&handled, 1);
    while (lip_tick(r->ctx, "waiting", 0, 1, NAN) == LIP_OK)
        usleep(1000);
    atomic_store(&stopped, r->ctx->error.status);
    lipd_reply_fail(r, API_PROBLEM_INTERNAL, "Broken off.");
}

static const struct lipd_route quick_route = {.handle = quick},
                               slow_route = {.handle = slow};

static void setup(void)
{
    char complaint[256];
    lipd_config_read(&config, 0, NULL, NULL, complaint, sizeof complaint);
    lipd_config_set(&config, "workers", "3", complaint, sizeof complaint);
    ck_assert_int_eq(lipd_service_init(&service, &config, NULL), LIP_OK);
}

static void prepare(struct lipd_request *r, const struct lipd_route *route)
{
    r->service = &service;
    r->route = route;
    r->finish = finish;
    r->queued = lip_now();
    lip_budget_init(&r->budget, 1000);
}

START_TEST(all_requests_are_done_before_the_end)
{
    struct lipd_workers *workers = lipd_workers_start(&service);
    ck_assert_ptr_nonnull(workers);
    for (int i = 0; i < COUNT; i++) {
        prepare(&request[i], &quick_route);
        ck_assert(lipd_queue_push(&service.queue, &request[i]));
    }
    lipd_workers_stop(workers);
    ck_assert_int_eq(handled, COUNT);
    ck_assert_int_eq(finished, COUNT);
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(request[i].reply.status, 200);
}
END_TEST

static void wait_for(_Atomic int *value, int least)
{
    for (int i = 0; i < 1000 && atomic_load(value) < least; i++)
        usleep(5000);
    ck_assert_int_ge(atomic_load(value), least);
}

START_TEST(the_abandoned_one_stops_the_others_go_on)
{
    struct lipd_workers *workers = lipd_workers_start(&service);
    for (int i = 0; i < 2; i++) {
        prepare(&request[i], &slow_route);
        lipd_queue_push(&service.queue, &request[i]);
    }
    wait_for(&handled, 2);
    atomic_store(&request[0].abandoned, true);
    wait_for(&finished, 1);
    usleep(100000);
    ck_assert_int_eq(finished, 1);
    ck_assert_int_eq(stopped, LIP_CANCELLED);
    atomic_store(&service.cancelled, true);
    wait_for(&finished, 2);
    lipd_workers_stop(workers);
    ck_assert_int_eq(request[1].reply.status, 503);
    ck_assert_ptr_nonnull(strstr(request[1].reply.data, "draining"));
    lipd_request_clear(&request[0]);
    lipd_request_clear(&request[1]);
}
END_TEST

START_TEST(what_was_abandoned_in_the_queue_is_not_begun)
{
    prepare(&request[0], &quick_route);
    atomic_store(&request[0].abandoned, true);
    lipd_queue_push(&service.queue, &request[0]);
    lipd_workers_stop(lipd_workers_start(&service));
    ck_assert_int_eq(handled, 0);
    ck_assert_int_eq(finished, 1);
    lipd_request_clear(&request[0]);
}
END_TEST

static _Atomic(struct lipd_request *) parked;
static _Atomic int parks;

static void park(struct lipd_request *r)
{
    (void)r;
    atomic_fetch_add(&parks, 1);
}

static void hand_over(struct lipd_request *r)
{
    lipd_request_park(r, NULL);
    ck_assert_ptr_null(r->ctx);
    atomic_store(&parked, r);
}

static const struct lipd_route parking_route = {.handle = hand_over};

/* The worker neither finishes it nor looks at it again: here it is wiped out
 * as soon as it is handed over. */
START_TEST(a_parked_request_is_left_alone)
{
    struct lipd_workers *workers = lipd_workers_start(&service);
    for (int i = 0; i < COUNT; i++) {
        prepare(&request[0], &parking_route);
        request[0].park = park;
        ck_assert(lipd_queue_push(&service.queue, &request[0]));
        while (!atomic_load(&parked))
            sched_yield();
        atomic_store(&parked, NULL);
        memset(&request[0], 0, sizeof request[0]);
    }
    lipd_workers_stop(workers);
    ck_assert_int_eq(parks, COUNT);
    ck_assert_int_eq(finished, 0);
}
END_TEST

/* What only touches the disk is answered though every worker computes. */
START_TEST(the_desk_is_open_while_all_compute)
{
    service.jobs = (struct lipd_job_store *)&service; /* not looked at */
    struct lipd_workers *workers = lipd_workers_start(&service);
    for (int i = 0; i < 6; i++) {
        prepare(&request[i], &slow_route);
        lipd_queue_push(&service.queue, &request[i]);
    }
    wait_for(&handled, 3);
    ck_assert_ptr_eq(lipd_service_queue(&service, false), &service.queue);
    prepare(&request[6], &quick_route);
    lipd_queue_push(lipd_service_queue(&service, true), &request[6]);
    wait_for(&finished, 1);
    ck_assert_int_eq(request[6].reply.status, 200);
    atomic_store(&service.cancelled, true);
    lipd_workers_stop(workers);
    ck_assert_int_eq(finished, 7);
    for (int i = 0; i < 6; i++)
        lipd_request_clear(&request[i]);
}
END_TEST

static void teardown(void)
{
    lipd_service_clear(&service);
}

int main(void)
{
    Suite *suite = suite_create("server/workers");
    TCase *tcase = tcase_create("workers");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, all_requests_are_done_before_the_end);
    tcase_add_test(tcase, the_abandoned_one_stops_the_others_go_on);
    tcase_add_test(tcase, what_was_abandoned_in_the_queue_is_not_begun);
    tcase_add_test(tcase, a_parked_request_is_left_alone);
    tcase_add_test(tcase, the_desk_is_open_while_all_compute);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
