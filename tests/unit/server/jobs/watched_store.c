/* SPDX-License-Identifier: MIT
 *
 * A watched store does what the store does, and tells of it: with a store whose
 * calls end as the test says. */
#include "server/jobs/watched_store.h"

#include "server/metrics.h"
#include "tests/support/suite.h"

#include <string.h>

static enum api_problem_code code; /* of the failure */
static bool works;
static enum lipd_claim claims;
static int closed;

static bool end(struct api_problem *problem)
{
    if (!works)
        api_problem_set(problem, code, "as the test says");
    return works;
}

static bool fake_add(struct lipd_job_store *store, char id[LIPD_JOB_ID],
                     bool *again, const struct lipd_job_wish *wish, size_t most,
                     struct api_problem *problem)
{
    (void)store;
    (void)wish;
    (void)most;
    *again = false;
    strncpy(id, "one", LIPD_JOB_ID);
    return end(problem);
}

static bool fake_get(struct lipd_job_store *store, struct lipd_job *job,
                     const char *id, struct api_problem *problem)
{
    (void)store;
    (void)job;
    (void)id;
    return end(problem);
}

static enum lipd_claim fake_claim(struct lipd_job_store *store,
                                  struct lipd_job *job, const char *owner,
                                  double lease, struct api_problem *problem)
{
    (void)store;
    (void)job;
    (void)owner;
    (void)lease;
    if (claims == LIPD_CLAIM_FAILED)
        api_problem_set(problem, code, "as the test says");
    return claims;
}

static size_t fake_queued(struct lipd_job_store *store)
{
    (void)store;
    return 7;
}

static void fake_close(struct lipd_job_store *store)
{
    (void)store;
    closed++;
}

static const struct lipd_job_store_ops fake = {.add = fake_add,
                                               .get = fake_get,
                                               .claim = fake_claim,
                                               .queued = fake_queued,
                                               .close = fake_close};
static struct lipd_job_store store;
static struct api_problem problem;

static void setup(void)
{
    store = (struct lipd_job_store){.ops = &fake};
    ck_assert(lipd_store_watch(&store));
    works = true;
}

static void teardown(void)
{
    store.ops->close(&store);
}

static bool add(void)
{
    char id[LIPD_JOB_ID];
    bool again;
    struct lipd_job_wish wish = {.kind = "bound"};
    bool done = store.ops->add(&store, id, &again, &wish, 1, &problem);
    ck_assert_str_eq(id, "one");
    return done;
}

static bool failing(double within)
{
    return lipd_store_trouble(&store, within, &problem);
}

START_TEST(calls_go_through)
{
    ck_assert(add());
    ck_assert_uint_eq(store.ops->queued(&store), 7);
    works = false;
    code = API_PROBLEM_NOT_FOUND;
    ck_assert(!store.ops->get(&store, NULL, "x", &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
}
END_TEST

START_TEST(failures_of_the_store_are_trouble_until_a_change_succeeds)
{
    ck_assert(!failing(100));
    works = false;
    code = API_PROBLEM_STORAGE_FULL;
    ck_assert(!add());
    problem.code = API_PROBLEM_NOT_FOUND;
    ck_assert(failing(100));
    ck_assert_int_eq(problem.code, API_PROBLEM_STORAGE_FULL);
    ck_assert(!failing(-1));
    ck_assert_int_eq(lipd_metric_get(LIPD_STORE_FAILURES, LIPD_CALL_ADD), 1);
    works = true;
    ck_assert(store.ops->get(&store, NULL, "x", &problem));
    ck_assert_msg(failing(100), "reading says nothing of writing");
    ck_assert(add());
    ck_assert(!failing(100));
}
END_TEST

/* What the client asked for is no trouble of the store; nor is a full list. */
START_TEST(refusals_are_no_trouble)
{
    static const enum api_problem_code codes[] = {
        API_PROBLEM_OVERLOADED, API_PROBLEM_IDEMPOTENCY_CONFLICT,
        API_PROBLEM_NOT_FOUND};
    works = false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        code = codes[i];
        ck_assert(!add());
        ck_assert(!failing(100));
    }
}
END_TEST

/* A look that finds nothing wrote nothing; a database that does not answer is
 * trouble. */
START_TEST(a_look_that_finds_nothing_says_nothing)
{
    code = API_PROBLEM_OVERLOADED;
    claims = LIPD_CLAIM_FAILED;
    store.ops->claim(&store, NULL, "me", 1, &problem);
    ck_assert(failing(100));
    claims = LIPD_NOTHING;
    store.ops->claim(&store, NULL, "me", 1, &problem);
    ck_assert(failing(100));
    claims = LIPD_CLAIMED;
    store.ops->claim(&store, NULL, "me", 1, &problem);
    ck_assert(!failing(100));
}
END_TEST

START_TEST(closing_closes_the_store)
{
    struct lipd_job_store other = {.ops = &fake};
    ck_assert(lipd_store_watch(&other));
    int before = closed;
    other.ops->close(&other);
    ck_assert_int_eq(closed, before + 1);
    ck_assert_ptr_eq(other.ops, &fake);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/jobs/watched_store");
    TCase *tcase = tcase_create("watch");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, calls_go_through);
    tcase_add_test(tcase,
                   failures_of_the_store_are_trouble_until_a_change_succeeds);
    tcase_add_test(tcase, refusals_are_no_trouble);
    tcase_add_test(tcase, a_look_that_finds_nothing_says_nothing);
    tcase_add_test(tcase, closing_closes_the_store);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
