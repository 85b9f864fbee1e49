/* SPDX-License-Identifier: MIT
 *
 * Who keeps what, shared: a tenant sees its own, and the last one who lets go
 * is told. */
#include "server/store/postgres.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

static struct postgres server;
static struct lipd_pg *pg;
static struct lipd_holdings *holdings;
static struct api_problem problem;
static bool fresh, last;

static void setup(void)
{
    char complaint[512];
    postgres_run(&server, "DROP SCHEMA IF EXISTS lipschitzd CASCADE");
    pg = lipd_pg_open(server.url, complaint, sizeof complaint);
    ck_assert_msg(pg != NULL, "%s", complaint);
    holdings = lipd_pg_holdings(pg);
}

static void teardown(void)
{
    holdings->ops->close(holdings);
    lipd_pg_close(pg);
}

static bool hold(const char *id, const char *tenant, size_t bytes)
{
    ck_assert_msg(holdings->ops->hold(holdings, LIPD_MODEL, id, tenant, bytes,
                                      &fresh, &problem),
                  "%s", problem.detail);
    return fresh;
}

static bool holds(const char *id, const char *tenant)
{
    struct lipd_holding found;
    return holdings->ops->holds(holdings, &found, LIPD_MODEL, id, tenant) &&
           !strcmp(found.id, id);
}

static size_t bytes(const char *tenant)
{
    size_t sum;
    ck_assert(holdings->ops->bytes(holdings, tenant, &sum, &problem));
    return sum;
}

static bool let_go(const char *id, const char *tenant)
{
    return holdings->ops->let_go(holdings, LIPD_MODEL, id, tenant, &last,
                                 &problem);
}

START_TEST(each_sees_its_own)
{
    struct lipd_holding found[4];
    size_t count;
    ck_assert(hold("x", "a", 10));
    ck_assert(!hold("x", "a", 10));
    ck_assert(hold("x", "b", 10));
    ck_assert(hold("y", "b", 5));
    ck_assert(holds("x", "a") && holds("x", "b") && holds("y", NULL));
    ck_assert(!holds("y", "a"));
    ck_assert_uint_eq(bytes("a"), 10);
    ck_assert_uint_eq(bytes("b"), 15);
    ck_assert_uint_eq(bytes(NULL), 15);
    ck_assert(holdings->ops->list(holdings, LIPD_MODEL, NULL, "", found, &count,
                                  4, &problem));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(found[1].id, "y");
    ck_assert(holdings->ops->list(holdings, LIPD_MODEL, "b", "x", found, &count,
                                  4, &problem));
    ck_assert_uint_eq(count, 1);
    ck_assert(holdings->ops->list(holdings, LIPD_DATASET, "b", "", found,
                                  &count, 4, &problem));
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(the_last_one_is_told)
{
    hold("x", "a", 10);
    hold("x", "b", 10);
    ck_assert(!let_go("x", "c"));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(let_go("x", "a") && !last);
    ck_assert(!holds("x", "a") && holds("x", "b"));
    ck_assert(let_go("x", "b") && last);
    hold("x", "a", 10);
    hold("x", "b", 10);
    ck_assert(let_go("x", NULL) && last);
    ck_assert(!let_go("x", NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("postgres_holdings");
    TCase *tests = tcase_create("postgres_holdings");
    if (!postgres_there())
        return 0;
    postgres_start(&server);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, each_sees_its_own);
    tcase_add_test(tests, the_last_one_is_told);
    suite_add_tcase(suite, tests);
    int status = run_suite(suite);
    postgres_end(&server);
    return status;
}
