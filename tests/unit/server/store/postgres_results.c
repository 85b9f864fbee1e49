/* SPDX-License-Identifier: MIT
 *
 * Results that daemons share, and a database that is gone. */
#include "base/context.h"
#include "server/store/postgres.h"
#include "tests/support/postgres.h"
#include "tests/support/results_suite.h"
#include "tests/support/suite.h"

#include <unistd.h>

static struct postgres server;
static struct lipd_pg *pg;
static pid_t owner;

static void open_pool(void)
{
    pg = postgres_pool(&server);
    owner = getpid();
}

static void setup(void)
{
    postgres_empty(&server);
    open_pool();
}

static void teardown(void)
{
    lipd_pg_close(pg);
}

/* A process that was forked has a pool of its own. */
static struct lipd_results *open_store(size_t most)
{
    if (getpid() != owner)
        open_pool();
    return lipd_pg_results(pg, most);
}

static void damage(void)
{
    postgres_run(&server, "UPDATE lipschitzd.result SET document = 'x'");
}

/* What one puts another gives, and drops. */
START_TEST(daemons_share)
{
    struct lipd_results *one = open_store(1 << 20),
                        *other = open_store(1 << 20);
    struct lipd_result result;
    struct api_problem problem;
    size_t dropped;
    ck_assert(one->ops->put(one, "a", "k", "1", 1, &dropped, &problem));
    ck_assert_int_eq(other->ops->get(other, "a", "k", &result), LIPD_FOUND);
    lipd_result_clear(&result);
    ck_assert(other->ops->put(other, "a", "k", "2", 1, &dropped, &problem));
    ck_assert_int_eq(one->ops->get(one, "a", "k", &result), LIPD_FOUND);
    ck_assert_str_eq(result.document, "2");
    lipd_result_clear(&result);
    one->ops->close(one);
    other->ops->close(other);
}
END_TEST

START_TEST(a_database_that_is_gone_is_not_waited_for)
{
    struct lipd_results *store = open_store(1 << 20);
    struct lipd_result result;
    struct api_problem problem;
    size_t dropped;
    ck_assert(store->ops->put(store, "a", "k", "1", 1, &dropped, &problem));
    postgres_kill(&server);
    double start = lip_now();
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(store->ops->get(store, "a", "k", &result),
                         LIPD_UNKNOWN);
        ck_assert(
            !store->ops->put(store, "a", "k", "1", 1, &dropped, &problem));
        ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    }
    ck_assert_double_lt(lip_now() - start, 2);
    postgres_again(&server);
    enum lipd_found found = LIPD_UNKNOWN;
    for (double end = lip_now() + 10; found == LIPD_UNKNOWN && lip_now() < end;)
        found = store->ops->get(store, "a", "k", &result);
    ck_assert_int_eq(found, LIPD_FOUND);
    lipd_result_clear(&result);
    store->ops->close(store);
}
END_TEST

int main(void)
{
    static const struct results_source source = {.setup = setup,
                                                 .teardown = teardown,
                                                 .open = open_store,
                                                 .damage = damage,
                                                 .slack = (1 << 20) / 8};
    Suite *suite = suite_create("postgres_results");
    TCase *tests = tcase_create("postgres_results");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, daemons_share);
    tcase_add_test(tests, a_database_that_is_gone_is_not_waited_for);
    suite_add_tcase(suite, results_suite(&source));
    suite_add_tcase(suite, tests);
    return postgres_suite(&server, suite);
}
