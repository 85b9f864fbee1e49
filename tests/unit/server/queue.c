/* SPDX-License-Identifier: MIT
 *
 * The queue: order, both bounds, the end. */
#include "server/queue.h"

#include "server/request.h"
#include "tests/support/suite.h"

#include <stdint.h>

static struct lipd_queue queue;
static struct lipd_request request[8];

static void setup(void)
{
    ck_assert_int_eq(lipd_queue_init(&queue, 3, 1000, NULL), LIP_OK);
}

static void teardown(void)
{
    lipd_queue_clear(&queue);
}

START_TEST(first_in_first_out_around_the_ring)
{
    for (int round = 0; round < 5; round++) {
        ck_assert(lipd_queue_push(&queue, &request[0]));
        ck_assert(lipd_queue_push(&queue, &request[1]));
        ck_assert_uint_eq(lipd_queue_depth(&queue), 2);
        ck_assert_ptr_eq(lipd_queue_pop(&queue), &request[0]);
        ck_assert_ptr_eq(lipd_queue_pop(&queue), &request[1]);
    }
}
END_TEST

START_TEST(the_age_is_that_of_the_request_that_is_next)
{
    ck_assert_double_eq(lipd_queue_age(&queue), 0);
    request[0].queued = lip_now() - 50;
    request[1].queued = lip_now() - 5;
    lipd_queue_push(&queue, &request[0]);
    lipd_queue_push(&queue, &request[1]);
    ck_assert_double_eq_tol(lipd_queue_age(&queue), 50, 4);
    lipd_queue_pop(&queue);
    ck_assert_double_eq_tol(lipd_queue_age(&queue), 5, 4);
    lipd_queue_pop(&queue);
    ck_assert_double_eq(lipd_queue_age(&queue), 0);
}
END_TEST

START_TEST(a_full_queue_takes_no_more)
{
    for (int i = 0; i < 3; i++) {
        ck_assert(!lipd_queue_full(&queue, lip_now()));
        ck_assert(lipd_queue_push(&queue, &request[i]));
    }
    ck_assert(lipd_queue_full(&queue, lip_now()));
    ck_assert(!lipd_queue_push(&queue, &request[3]));
    lipd_queue_pop(&queue);
    ck_assert(lipd_queue_push(&queue, &request[3]));
}
END_TEST

START_TEST(memory_is_booked_up_to_the_limit_and_no_overflow)
{
    ck_assert(lipd_queue_reserve(&queue, 600));
    ck_assert(!lipd_queue_reserve(&queue, 401));
    ck_assert(!lipd_queue_reserve(&queue, SIZE_MAX));
    ck_assert(!lipd_queue_reserve(&queue, SIZE_MAX - 599));
    ck_assert(lipd_queue_reserve(&queue, 400));
    ck_assert(!lipd_queue_reserve(&queue, 1));
    lipd_queue_release(&queue, 1000);
    ck_assert(lipd_queue_reserve(&queue, 1000));
}
END_TEST

START_TEST(closing_lets_out_what_is_in)
{
    lipd_queue_push(&queue, &request[0]);
    lipd_queue_close(&queue);
    ck_assert(!lipd_queue_push(&queue, &request[1]));
    ck_assert_ptr_eq(lipd_queue_pop(&queue), &request[0]);
    ck_assert_ptr_null(lipd_queue_pop(&queue));
    ck_assert_ptr_null(lipd_queue_pop(&queue));
}
END_TEST

static void *take_all(void *arg)
{
    size_t *count = arg;
    while (lipd_queue_pop(&queue))
        ++*count;
    return NULL;
}

/* Each request is handed out once, and nobody sleeps through the end. */
START_TEST(threads_share_the_work)
{
    pthread_t thread[4];
    size_t taken[4] = {0}, pushed = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, take_all, &taken[i]);
    while (pushed < 20000)
        pushed += lipd_queue_push(&queue, &request[0]);
    lipd_queue_close(&queue);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    ck_assert_uint_eq(taken[0] + taken[1] + taken[2] + taken[3], 20000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/queue");
    TCase *tcase = tcase_create("queue");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, first_in_first_out_around_the_ring);
    tcase_add_test(tcase, the_age_is_that_of_the_request_that_is_next);
    tcase_add_test(tcase, a_full_queue_takes_no_more);
    tcase_add_test(tcase, memory_is_booked_up_to_the_limit_and_no_overflow);
    tcase_add_test(tcase, closing_lets_out_what_is_in);
    tcase_add_test(tcase, threads_share_the_work);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
