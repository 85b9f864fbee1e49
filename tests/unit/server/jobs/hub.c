/* SPDX-License-Identifier: MIT
 *
 * The hub: each listener is called once, for its own job, and none is
 * forgotten, whatever comes first. */
#include "server/jobs/hub.h"

#include "base/context.h"
#include "tests/support/suite.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static struct lipd_hub *hub;

struct ear {
    _Atomic int news, late;
};
static struct ear ear[4];

static void hear(void *arg, bool news)
{
    struct ear *e = arg;
    atomic_fetch_add(news ? &e->news : &e->late, 1);
}

static void setup(void)
{
    hub = lipd_hub_start();
    ck_assert_ptr_nonnull(hub);
}

static void teardown(void)
{
    lipd_hub_free(hub);
}

static bool listen_for(int k, const char *job, unsigned long since,
                       double seconds)
{
    return lipd_hub_listen(hub, job, since, lip_now() + seconds, hear, &ear[k]);
}

/* Waits for so many calls, then a little, for one too many. */
static void expect(int k, int news, int late)
{
    for (int i = 0; i < 2000 && ear[k].news + ear[k].late < news + late; i++)
        usleep(1000);
    usleep(20000);
    ck_assert_int_eq(ear[k].news, news);
    ck_assert_int_eq(ear[k].late, late);
}

START_TEST(news_reach_who_listens_for_that_job_once)
{
    unsigned long now = lipd_hub_time(hub);
    ck_assert(listen_for(0, "a", now, 60));
    ck_assert(listen_for(1, "b", now, 60));
    ck_assert(listen_for(2, "a", now, 60));
    lipd_hub_publish(hub, "a");
    lipd_hub_publish(hub, "a");
    expect(0, 1, 0);
    expect(2, 1, 0);
    expect(1, 0, 0);
}
END_TEST

START_TEST(the_time_runs_out)
{
    double start = lip_now();
    ck_assert(listen_for(0, "a", 0, 60));
    ck_assert(listen_for(1, "a", 0, 0.2)); /* wakes the thread earlier */
    expect(1, 0, 1);
    ck_assert_double_ge(lip_now() - start, 0.2);
    expect(0, 0, 0);
    ck_assert(listen_for(2, "a", 0, -1));
    expect(2, 0, 1);
}
END_TEST

/* Between looking into the store and listening nothing is lost. */
START_TEST(news_that_were_missed_are_told_at_once)
{
    unsigned long before = lipd_hub_time(hub);
    lipd_hub_publish(hub, "a");
    ck_assert_uint_gt(lipd_hub_time(hub), before);
    ck_assert(listen_for(0, "a", before, 60));
    ck_assert(listen_for(1, "b", before, 60)); /* not its news */
    ck_assert(listen_for(2, "a", lipd_hub_time(hub), 60));
    expect(0, 1, 0);
    expect(1, 0, 0);
    expect(2, 0, 0);
}
END_TEST

/* What is too long ago to be remembered counts as missed. */
START_TEST(old_news_are_assumed)
{
    unsigned long before = lipd_hub_time(hub);
    lipd_hub_publish(hub, "a");
    for (int i = 0; i < 1000; i++)
        lipd_hub_publish(hub, "b");
    ck_assert(listen_for(0, "a", before, 60));
    expect(0, 1, 0);
}
END_TEST

START_TEST(one_is_hurried_the_others_are_not)
{
    ck_assert(listen_for(0, "a", 0, 60));
    ck_assert(listen_for(1, "a", 0, 60));
    lipd_hub_hurry(hub, &ear[0]);
    lipd_hub_hurry(hub, &ear[0]);
    expect(0, 0, 1);
    expect(1, 0, 0);
}
END_TEST

START_TEST(the_end_is_told_to_all_and_to_who_comes_later)
{
    ck_assert(listen_for(0, "a", 0, 60));
    lipd_hub_stop(hub);
    expect(0, 0, 1);
    ck_assert(listen_for(1, "a", 0, 60));
    expect(1, 0, 1);
    lipd_hub_publish(hub, "a");
    expect(1, 0, 1);
}
END_TEST

START_TEST(freeing_tells_who_is_left)
{
    struct lipd_hub *other = lipd_hub_start();
    for (int i = 0; i < 100; i++)
        lipd_hub_listen(other, "a", 0, lip_now() + 60, hear, &ear[3]);
    lipd_hub_free(other);
    ck_assert_int_eq(ear[3].late, 100);
}
END_TEST

/* A counter stands for the store: a listener that listens again each time ends
 * at the last number, though publishers and other listeners race with it. */
enum { READERS = 8, WRITERS = 4, EACH = 2000 };
static _Atomic int store, done;

struct reader {
    char job[8];
    int seen;
};

static void read_again(void *arg, bool news)
{
    struct reader *reader = arg;
    (void)news;
    unsigned long since = lipd_hub_time(hub);
    reader->seen = atomic_load(&store);
    if (reader->seen == WRITERS * EACH)
        atomic_fetch_add(&done, 1);
    else
        ck_assert(lipd_hub_listen(hub, reader->job, since, lip_now() + 60,
                                  read_again, reader));
}

static void *write_much(void *arg)
{
    (void)arg;
    for (int i = 0; i < EACH; i++) {
        atomic_fetch_add(&store, 1);
        for (int k = 0; k < 2; k++)
            lipd_hub_publish(hub, k ? "even" : "odd");
    }
    return NULL;
}

START_TEST(nobody_misses_the_last_news)
{
    static struct reader reader[READERS];
    pthread_t thread[WRITERS];
    for (int i = 0; i < READERS; i++) {
        snprintf(reader[i].job, sizeof reader[i].job, i % 2 ? "odd" : "even");
        ck_assert(lipd_hub_listen(hub, reader[i].job, 0, lip_now() + 60,
                                  read_again, &reader[i]));
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_create(&thread[i], NULL, write_much, NULL);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < 5000 && atomic_load(&done) < READERS; i++)
        usleep(1000);
    ck_assert_int_eq(done, READERS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/jobs/hub");
    TCase *tcase = tcase_create("hub");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, news_reach_who_listens_for_that_job_once);
    tcase_add_test(tcase, the_time_runs_out);
    tcase_add_test(tcase, news_that_were_missed_are_told_at_once);
    tcase_add_test(tcase, old_news_are_assumed);
    tcase_add_test(tcase, one_is_hurried_the_others_are_not);
    tcase_add_test(tcase, the_end_is_told_to_all_and_to_who_comes_later);
    tcase_add_test(tcase, freeing_tells_who_is_left);
    tcase_add_test(tcase, nobody_misses_the_last_news);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
