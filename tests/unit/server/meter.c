/* SPDX-License-Identifier: MIT
 *
 * What a request uses is booked, no more than it may use, and no more than
 * there is. */
#include "server/meter.h"

#include "server/service.h"
#include "tests/support/suite.h"

static struct lipd_config config;
static struct lipd_service service;
static struct lipd_request request;
static struct lip_ctx ctx;
static struct api_problem problem;

static void setup(void)
{
    char complaint[256];
    lipd_config_read(&config, 0, NULL, NULL, complaint, sizeof complaint);
    lipd_config_set(&config, "max_memory", "64M", complaint, sizeof complaint);
    ck_assert_int_eq(lipd_service_init(&service, &config, NULL), LIP_OK);
    request = (struct lipd_request){.service = &service};
    lip_budget_init(&request.budget, 32 << 20);
    request.reserved = lipd_estimate(0);
    ck_assert(lipd_queue_reserve(&service.queue, request.reserved));
    ctx = (struct lip_ctx){.budget = &request.budget};
    lipd_meter_start(&request);
}

static void teardown(void)
{
    lipd_queue_release(&service.queue, request.reserved);
    ck_assert_uint_eq(atomic_load(&service.queue.reserved), 0);
    lipd_service_clear(&service);
}

START_TEST(what_is_used_is_booked)
{
    void *block[10];
    ck_assert_uint_eq(atomic_load(&service.queue.reserved), 1 << 20);
    for (int i = 0; i < 10; i++) {
        block[i] = lip_alloc(&ctx, 2 << 20, 1);
        ck_assert_ptr_nonnull(block[i]);
        size_t used = atomic_load(&request.budget.used);
        size_t booked = atomic_load(&service.queue.reserved);
        ck_assert_uint_ge(booked, used);
        ck_assert_uint_le(booked, used + used / 4 + (1 << 20));
        ck_assert_uint_eq(booked, request.reserved);
    }
    for (int i = 0; i < 10; i++)
        lip_free(block[i]);
    ck_assert(!lipd_meter_failed(&request, &problem));
}
END_TEST

START_TEST(no_more_than_a_request_may_use)
{
    ck_assert_ptr_null(lip_alloc(&ctx, 33 << 20, 1));
    ck_assert_int_eq(ctx.error.status, LIP_TOO_LARGE);
    ck_assert(!lipd_meter_failed(&request, &problem));
    ck_assert_uint_eq(request.reserved, 1 << 20);
    lip_error_clear(&ctx);
    void *most = lip_alloc(&ctx, (32 << 20) - 4096, 1);
    ck_assert_ptr_nonnull(most);
    ck_assert_uint_le(request.reserved, 32 << 20);
    lip_free(most);
}
END_TEST

/* Others have the rest: exactly what is needed still fits, more is OVERLOADED.
 */
START_TEST(no_more_than_there_is)
{
    ck_assert(lipd_queue_reserve(&service.queue, 60 << 20));
    void *little = lip_alloc(&ctx, (4 << 20) - 4096, 1);
    ck_assert_ptr_nonnull(little);
    ck_assert_ptr_null(lip_alloc(&ctx, 1 << 20, 1));
    ck_assert(lipd_meter_failed(&request, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    lip_free(little);
    lipd_queue_release(&service.queue, 60 << 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/meter");
    TCase *tcase = tcase_create("meter");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_used_is_booked);
    tcase_add_test(tcase, no_more_than_a_request_may_use);
    tcase_add_test(tcase, no_more_than_there_is);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
