/* SPDX-License-Identifier: MIT
 *
 * Who may wait: a line of requests is played through, with a clock of its own.
 */
#include "server/pace.h"

#include "tests/support/suite.h"

#include <math.h>

static struct lipd_pace pace;

/* A worker that takes `work` seconds for each; what comes, and what waits. */
struct play {
    double now, work, next_done, longest_wait;
    size_t waiting, taken, refused;
};

static void run_until(struct play *play, double time)
{
    while (play->next_done <= time) {
        if (play->waiting) {
            play->waiting--;
            lipd_pace_done(&pace, play->work);
        }
        play->next_done += play->work;
    }
    play->now = time;
}

static void come(struct play *play)
{
    lipd_pace_arrive(&pace, play->waiting, play->now);
    if (!lipd_pace_takes(&pace, play->waiting)) {
        play->refused++;
        return;
    }
    play->waiting++;
    play->taken++;
    play->longest_wait =
        fmax(play->longest_wait, (double)play->waiting * play->work);
}

/* So many times what one worker can do, for so long. */
static void flood(struct play *play, double times, double seconds)
{
    double every = play->work / times, end = play->now + seconds;
    while (play->now < end) {
        run_until(play, play->now + every);
        come(play);
    }
}

static void learn(double work)
{
    for (int i = 0; i < 400; i++)
        lipd_pace_done(&pace, work);
}

START_TEST(the_mean_follows_the_latest)
{
    lipd_pace_init(&pace, 10, 2);
    ck_assert_double_eq(lipd_pace_wait(&pace, 10), 0);
    lipd_pace_done(&pace, 3);
    ck_assert_double_eq_tol(lipd_pace_wait(&pace, 4), 6, 1e-9);
    learn(0.5);
    ck_assert_double_eq_tol(lipd_pace_wait(&pace, 4), 1, 0.05);
}
END_TEST

START_TEST(a_burst_is_taken_as_far_as_it_will_be_through)
{
    struct play play = {.now = 100, .work = 0.1, .next_done = 100};
    lipd_pace_init(&pace, 10, 1);
    learn(play.work);
    for (int i = 0; i < 300; i++)
        come(&play);
    ck_assert_uint_ge(play.taken, 95);
    ck_assert_uint_le(play.taken, 106);
}
END_TEST

START_TEST(as_many_as_there_are_workers_may_always_wait)
{
    lipd_pace_init(&pace, 1, 3);
    learn(60);
    ck_assert(lipd_pace_takes(&pace, 2));
    ck_assert(!lipd_pace_takes(&pace, 3));
}
END_TEST

/* Ten times too much: once that is clear, who is taken waits for one other. */
START_TEST(a_flood_makes_the_line_short)
{
    static const double work[] = {0.0005, 0.01, 0.3};
    for (int i = 0; i < 3; i++) {
        struct play play = {.now = 50, .work = work[i], .next_done = 50};
        lipd_pace_init(&pace, 10, 1);
        learn(work[i]);
        flood(&play, 10, 60); /* the line of the beginning has gone */
        play.longest_wait = 0;
        play.taken = 0;
        flood(&play, 10, 30);
        ck_assert_double_le(play.longest_wait, fmax(0.0055, work[i] * 1.01));
        /* The worker has work all the time. */
        ck_assert_double_ge((double)play.taken, 0.95 * 30 / work[i]);
        run_until(&play, play.now + 25);
        flood(&play, 0.8, 25);
        ck_assert(!pace.overloaded);
    }
}
END_TEST

/* Clients that wait for their answers before they ask again: nobody is turned
 * away, however long the line is. */
START_TEST(a_long_line_that_does_not_grow_is_none)
{
    enum { CLIENTS = 64 };
    struct play play = {.now = 10, .work = 0.02, .next_done = 10};
    lipd_pace_init(&pace, 10, 1);
    learn(play.work);
    for (int i = 0; i < CLIENTS; i++)
        come(&play);
    for (int i = 0; i < 3000; i++) {
        run_until(&play, play.now + play.work);
        while (play.waiting < CLIENTS) {
            size_t before = play.refused;
            come(&play);
            ck_assert_uint_eq(play.refused, before);
        }
    }
}
END_TEST

/* A few clients that ask now and then, behind a request that takes long. */
START_TEST(a_worker_that_is_held_up_is_no_flood)
{
    enum { CLIENTS = 12 };
    lipd_pace_init(&pace, 10, 2);
    learn(0.06);
    for (size_t i = 0; i < CLIENTS; i++) {
        lipd_pace_arrive(&pace, i, 10 + 0.2 * (double)i);
        ck_assert(lipd_pace_takes(&pace, i));
    }
}
END_TEST

START_TEST(calm_comes_back)
{
    struct play play = {.now = 10, .work = 0.01, .next_done = 10};
    lipd_pace_init(&pace, 10, 1);
    learn(play.work);
    flood(&play, 10, 30);
    ck_assert(pace.overloaded);
    flood(&play, 0.9, 1);
    ck_assert(!pace.overloaded);
    flood(&play, 10, 30);
    ck_assert(pace.overloaded);
    run_until(&play, play.now + 5); /* nothing comes */
    come(&play);
    ck_assert(!pace.overloaded);
}
END_TEST

START_TEST(without_a_bound_all_may_wait)
{
    lipd_pace_init(&pace, 0, 1);
    learn(60);
    ck_assert(lipd_pace_takes(&pace, 100000));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/pace");
    TCase *tcase = tcase_create("pace");
    tcase_add_test(tcase, the_mean_follows_the_latest);
    tcase_add_test(tcase, a_burst_is_taken_as_far_as_it_will_be_through);
    tcase_add_test(tcase, as_many_as_there_are_workers_may_always_wait);
    tcase_add_test(tcase, a_flood_makes_the_line_short);
    tcase_add_test(tcase, a_long_line_that_does_not_grow_is_none);
    tcase_add_test(tcase, a_worker_that_is_held_up_is_no_flood);
    tcase_add_test(tcase, calm_comes_back);
    tcase_add_test(tcase, without_a_bound_all_may_wait);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
