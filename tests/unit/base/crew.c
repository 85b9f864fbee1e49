/* SPDX-License-Identifier: MIT
 *
 * Crews: every part is done once, by more than one thread where there are
 * more, and work may follow work at any distance. */
#include "base/crew.h"

#include "tests/support/suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { PARTS = 1000 };

struct tally {
    atomic_int done[PARTS];
    unsigned plain[PARTS]; /* written by parts, read after the run */
    struct lip_crew *crew;
};

static void count(void *arg, unsigned part)
{
    struct tally *tally = arg;
    atomic_fetch_add(&tally->done[part], 1);
    tally->plain[part] += part;
}

static void check_tally(const struct tally *tally, unsigned parts, int times)
{
    for (unsigned i = 0; i < PARTS; i++) {
        int expected = i < parts ? times : 0;
        ck_assert_int_eq(atomic_load(&tally->done[i]), expected);
        ck_assert_uint_eq(tally->plain[i], i * (unsigned)expected);
    }
}

static const unsigned size[] = {0, 1, 2, 3, 7};

START_TEST(once)
{
    static const unsigned parts[] = {0, 1, 2, 5, PARTS};
    struct lip_crew *crew;
    lip_crew_new(&crew, size[_i], NULL);
    ck_assert_uint_eq(lip_crew_size(crew), size[_i] < 2 ? 1 : size[_i]);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct tally tally = {0};
        lip_crew_run(crew, parts[i], count, &tally);
        lip_crew_run(crew, parts[i], count, &tally);
        check_tally(&tally, parts[i], 2);
    }
    lip_crew_free(crew);
}
END_TEST

/* Short pieces of work of changing size, one right after the other: a thread
 * that comes late must take no part of the wrong piece. */
START_TEST(many)
{
    struct lip_crew *crew;
    struct tally tally = {0};
    lip_crew_new(&crew, size[_i], NULL);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned parts = 1 + i % 9;
        lip_crew_run(crew, parts, count, &tally);
    }
    for (unsigned i = 0; i < 9; i++)
        ck_assert_int_eq(atomic_load(&tally.done[i]),
                         (int)(20000 - 20000 / 9 * i - (i < 2 ? i : 2)));
    lip_crew_free(crew);
}
END_TEST

static void meet(void *arg, unsigned part)
{
    (void)part;
    pthread_barrier_wait(arg);
}

static void pause_for(long nanoseconds)
{
    struct timespec time = {0, nanoseconds};
    nanosleep(&time, NULL);
}

/* Parts that wait for each other end only side by side; after a pause the
 * threads are asleep and must be woken. */
START_TEST(together)
{
    struct lip_crew *crew;
    pthread_barrier_t barrier;
    lip_crew_new(&crew, 3, NULL);
    ck_assert_uint_eq(lip_crew_size(crew), 3);
    pthread_barrier_init(&barrier, NULL, 3);
    for (int i = 0; i < 20; i++) {
        lip_crew_run(crew, 3, meet, &barrier);
        pause_for(i % 4 * 1000000L);
    }
    pthread_barrier_destroy(&barrier);
    lip_crew_free(crew);
}
END_TEST

struct slow {
    pthread_t caller;
    atomic_int done;
};

static void dawdle(void *arg, unsigned part)
{
    struct slow *slow = arg;
    (void)part;
    pause_for(pthread_equal(pthread_self(), slow->caller) ? 2000000L
                                                          : 9000000L);
    atomic_fetch_add(&slow->done, 1);
}

/* The caller waits for parts that others are at. */
START_TEST(patient)
{
    struct lip_crew *crew;
    struct slow slow = {.caller = pthread_self()};
    lip_crew_new(&crew, 3, NULL);
    for (int i = 1; i <= 10; i++) {
        lip_crew_run(crew, 3, dawdle, &slow);
        ck_assert_int_eq(atomic_load(&slow.done), 3 * i);
    }
    lip_crew_free(crew);
}
END_TEST

static void nest(void *arg, unsigned part)
{
    struct tally *tally = arg;
    struct tally own = {.crew = tally->crew};
    lip_crew_run(own.crew, 4, count, &own);
    check_tally(&own, 4, 1);
    atomic_fetch_add(&tally->done[part], 1);
}

/* A run from inside a part does its parts alone. */
START_TEST(within)
{
    struct tally tally = {0};
    lip_crew_new(&tally.crew, 3, NULL);
    lip_crew_run(tally.crew, 50, nest, &tally);
    for (unsigned i = 0; i < 50; i++)
        ck_assert_int_eq(atomic_load(&tally.done[i]), 1);
    lip_crew_free(tally.crew);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/crew");
    TCase *tcase = tcase_create("crew");
    int sizes = sizeof size / sizeof *size;
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, once, 0, sizes);
    tcase_add_loop_test(tcase, many, 0, sizes);
    tcase_add_test(tcase, together);
    tcase_add_test(tcase, patient);
    tcase_add_test(tcase, within);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
