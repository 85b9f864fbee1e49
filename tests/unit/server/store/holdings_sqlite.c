/* SPDX-License-Identifier: MIT
 *
 * Who holds what, on a file of its own. */
#include "server/store/holdings.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char directory[40], complaint[400];
static struct lipd_holdings *holdings;
static struct api_problem problem;

static void setup(void)
{
    snprintf(directory, sizeof directory, "/tmp/lip-holdings-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    holdings = lipd_holdings_sqlite(directory, complaint, sizeof complaint);
    ck_assert_msg(holdings != NULL, "%s", complaint);
}

static void teardown(void)
{
    char command[100];
    holdings->ops->close(holdings);
    snprintf(command, sizeof command, "rm -r %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static bool hold(const char *id, const char *tenant, size_t bytes)
{
    bool fresh;
    ck_assert(holdings->ops->hold(holdings, LIPD_MODEL, id, tenant, bytes,
                                  &fresh, &problem));
    return fresh;
}

static bool holds(const char *id, const char *tenant)
{
    struct lipd_holding out;
    return holdings->ops->holds(holdings, &out, LIPD_MODEL, id, tenant);
}

static size_t bytes_of(const char *tenant)
{
    size_t bytes;
    ck_assert(holdings->ops->bytes(holdings, tenant, &bytes, &problem));
    return bytes;
}

START_TEST(each_tenant_holds_for_himself)
{
    bool last;
    ck_assert(hold("x", "a", 10));
    ck_assert(!hold("x", "a", 10));
    ck_assert(holds("x", "a"));
    ck_assert(holds("x", NULL));
    ck_assert(!holds("x", "b"));
    ck_assert(!holds("y", NULL));
    ck_assert(hold("x", "b", 10));
    ck_assert(hold("y", "b", 5));
    ck_assert_uint_eq(bytes_of("a"), 10);
    ck_assert_uint_eq(bytes_of("b"), 15);
    ck_assert_uint_eq(bytes_of("c"), 0);
    ck_assert_uint_eq(bytes_of(NULL), 15);
    ck_assert(!holdings->ops->let_go(holdings, LIPD_DATASET, "x", "a", &last,
                                     &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(
        holdings->ops->let_go(holdings, LIPD_MODEL, "x", "a", &last, &problem));
    ck_assert(!last);
    ck_assert(!holds("x", "a"));
    ck_assert(
        holdings->ops->let_go(holdings, LIPD_MODEL, "x", "b", &last, &problem));
    ck_assert(last);
}
END_TEST

START_TEST(pages_go_by_id)
{
    struct lipd_holding page[3];
    size_t count;
    char id[8];
    for (int i = 9; i >= 0; i--) {
        snprintf(id, sizeof id, "%d", i);
        hold(id, i % 2 ? "odd" : "even", 1);
        hold(id, "all", 1);
    }
    ck_assert(holdings->ops->list(holdings, LIPD_MODEL, "odd", "1", page,
                                  &count, 3, &problem));
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(page[0].id, "3");
    ck_assert_str_eq(page[2].id, "7");
    ck_assert_str_eq(page[2].tenant, "odd");
    ck_assert(holdings->ops->list(holdings, LIPD_MODEL, NULL, "7", page, &count,
                                  3, &problem));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(page[0].id, "8");
}
END_TEST

START_TEST(what_is_noted_stays)
{
    hold("x", "a", 10);
    holdings->ops->close(holdings);
    holdings = lipd_holdings_sqlite(directory, complaint, sizeof complaint);
    ck_assert_ptr_nonnull(holdings);
    ck_assert(holds("x", "a"));
}
END_TEST

START_TEST(a_file_that_is_none_is_refused)
{
    char path[100];
    holdings->ops->close(holdings);
    snprintf(path, sizeof path, "%s/holdings.sqlite", directory);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 1000; i++)
        fputs("nonsense ", file);
    fclose(file);
    ck_assert_ptr_null(
        lipd_holdings_sqlite(directory, complaint, sizeof complaint));
    ck_assert_ptr_nonnull(strstr(complaint, path));
    ck_assert_int_eq(remove(path), 0);
    holdings = lipd_holdings_sqlite(directory, complaint, sizeof complaint);
    ck_assert_ptr_nonnull(holdings);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/store/holdings_sqlite");
    TCase *holding = tcase_create("holdings");
    tcase_add_checked_fixture(holding, setup, teardown);
    tcase_add_test(holding, each_tenant_holds_for_himself);
    tcase_add_test(holding, pages_go_by_id);
    tcase_add_test(holding, what_is_noted_stays);
    tcase_add_test(holding, a_file_that_is_none_is_refused);
    suite_add_tcase(suite, holding);
    return run_suite(suite);
}
