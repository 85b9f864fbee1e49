/* SPDX-License-Identifier: MIT
 *
 * What every job store promises of quotas: they stay with the job, and a tenant
 * has no more jobs than it may, however many add at once. */
#include "tests/support/job_store_suite.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { HANDS = 8, EACH = 6, SHARE = 5, MANY = 100000 };

static const struct job_store_source *source;
static struct lipd_job_store *store;
static struct api_problem problem;

static void setup(void)
{
    source->setup();
    store = source->open();
}

static void teardown(void)
{
    store->ops->close(store);
    source->teardown();
}

static bool add(struct lipd_job_store *to, char id[LIPD_JOB_ID],
                const char *tenant, const char *key,
                const struct lipd_quota *quota, struct api_problem *why)
{
    bool again;
    const struct lipd_job_wish wish = {.kind = "train",
                                       .request = "{}",
                                       .tenant = tenant,
                                       .key = key,
                                       .digest = key,
                                       .quota = *quota};
    return to->ops->add(to, id, &again, &wish, MANY, why);
}

START_TEST(a_quota_stays_with_its_job)
{
    const struct lipd_quota quota = {.stored = (size_t)1 << 49,
                                     .jobs = 3,
                                     .body = 17,
                                     .memory = 1000000007,
                                     .seconds = 0.1,
                                     .flops = 1e25 / 3},
                            none = {.stored = 0};
    char id[LIPD_JOB_ID], other[LIPD_JOB_ID];
    struct lipd_job job;
    ck_assert(add(store, id, "a", NULL, &quota, &problem));
    ck_assert(add(store, other, "b", NULL, &none, &problem));
    ck_assert(store->ops->get(store, &job, id, &problem));
    ck_assert_mem_eq(&job.quota, &quota, sizeof quota);
    lipd_job_clear(&job);
    ck_assert(store->ops->get(store, &job, other, &problem));
    ck_assert_mem_eq(&job.quota, &none, sizeof none);
    lipd_job_clear(&job);
    /* Whoever takes it up has it. */
    ck_assert_int_eq(store->ops->claim(store, &job, "me", 60, &problem),
                     LIPD_CLAIMED);
    ck_assert_mem_eq(&job.quota, &quota, sizeof quota);
    lipd_job_clear(&job);
}
END_TEST

static void expect_refusal(const char *tenant, const struct lipd_quota *quota)
{
    char id[LIPD_JOB_ID];
    ck_assert(!add(store, id, tenant, NULL, quota, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_RATE_LIMITED);
    ck_assert_uint_gt(problem.retry_after, 0);
}

START_TEST(a_tenant_has_as_many_open_jobs_as_it_may)
{
    const struct lipd_quota two = {.jobs = 2}, three = {.jobs = 3},
                            any = {.jobs = 0};
    const struct lipd_job_end end = {LIPD_JOB_SUCCEEDED, "{}", NULL};
    char first[LIPD_JOB_ID], id[LIPD_JOB_ID], same[LIPD_JOB_ID];
    struct lipd_job job;
    ck_assert(add(store, first, "a", "key", &two, &problem));
    ck_assert(add(store, id, "a", NULL, &two, &problem));
    expect_refusal("a", &two);
    ck_assert_ptr_nonnull(strstr(problem.detail, "a's jobs 2 "));
    /* What was accepted before is not refused when it is sent again. */
    ck_assert(add(store, same, "a", "key", &two, &problem));
    ck_assert_str_eq(same, first);
    /* Another's are another's; another token of the tenant has its own. */
    ck_assert(add(store, id, "b", NULL, &two, &problem));
    ck_assert(add(store, id, "a", NULL, &three, &problem));
    expect_refusal("a", &three);
    ck_assert(add(store, id, "a", NULL, &any, &problem));
    expect_refusal("a", &three);
    ck_assert(store->ops->cancel(store, id, &problem));
    expect_refusal("a", &three);
    /* A job that runs counts, one that is over does not. */
    ck_assert_int_eq(store->ops->claim(store, &job, "me", 60, &problem),
                     LIPD_CLAIMED);
    ck_assert_str_eq(job.id, first);
    lipd_job_clear(&job);
    expect_refusal("a", &three);
    ck_assert(store->ops->finish(store, first, "me", &end, &problem));
    ck_assert(add(store, id, "a", NULL, &three, &problem));
    expect_refusal("a", &three);
}
END_TEST

struct hand {
    pthread_t thread;
    struct lipd_job_store *store;
    size_t added;
};

static void *add_some(void *arg)
{
    struct hand *hand = arg;
    const struct lipd_quota quota = {.jobs = SHARE};
    char id[LIPD_JOB_ID];
    struct api_problem why;
    for (int i = 0; i < EACH; i++)
        if (add(hand->store, id, "a", NULL, &quota, &why))
            hand->added++;
        else
            ck_assert_int_eq(why.code, API_PROBLEM_RATE_LIMITED);
    return NULL;
}

START_TEST(no_more_are_added_by_many_at_once)
{
    struct hand hand[HANDS] = {{.added = 0}};
    struct lipd_job_store *second = source->open();
    size_t added = 0;
    for (int i = 0; i < HANDS; i++) {
        hand[i].store = i % 2 ? second : store;
        pthread_create(&hand[i].thread, NULL, add_some, &hand[i]);
    }
    for (int i = 0; i < HANDS; i++) {
        pthread_join(hand[i].thread, NULL);
        added += hand[i].added;
    }
    ck_assert_uint_eq(added, SHARE);
    ck_assert_uint_eq(store->ops->queued(store), SHARE);
    second->ops->close(second);
}
END_TEST

TCase *job_store_quota_suite(const struct job_store_source *of)
{
    source = of;
    TCase *tests = tcase_create("quota");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_quota_stays_with_its_job);
    tcase_add_test(tests, a_tenant_has_as_many_open_jobs_as_it_may);
    tcase_add_test(tests, no_more_are_added_by_many_at_once);
    return tests;
}
