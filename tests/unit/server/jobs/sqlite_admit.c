/* SPDX-License-Identifier: MIT
 *
 * Whether a job may be added, as the transaction that adds it sees it. */
#include "server/jobs/sqlite.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <string.h>

static char folder[FOLDER_NAME];
static struct lipd_job_store *base;
static struct lipd_sqlite *store;
static struct api_problem problem;

static void setup(void)
{
    char complaint[300], id[LIPD_JOB_ID];
    const struct lipd_job_wish wish = {.kind = "train",
                                       .request = "{}",
                                       .tenant = "a",
                                       .key = "k",
                                       .digest = "d"};
    bool again;
    folder_make(folder);
    base = lipd_job_store_sqlite(folder, complaint, sizeof complaint);
    ck_assert_msg(base != NULL, "%s", complaint);
    ck_assert(base->ops->add(base, id, &again, &wish, 9, &problem));
    store = (struct lipd_sqlite *)base;
    ck_assert(lipd_sqlite_begin(store, &problem));
}

static void teardown(void)
{
    lipd_sqlite_end(store, false, &problem);
    base->ops->close(base);
    folder_remove(folder);
}

static enum lipd_claim find(const char *tenant, const char *key,
                            const char *digest)
{
    char id[LIPD_JOB_ID];
    const struct lipd_job_wish wish = {
        .tenant = tenant, .key = key, .digest = digest};
    return lipd_sqlite_find_key(store, id, &wish, &problem);
}

START_TEST(a_key_is_its_tenants_and_its_requests)
{
    ck_assert_int_eq(find("a", "k", "d"), LIPD_CLAIMED);
    ck_assert_int_eq(find("a", "other", "d"), LIPD_NOTHING);
    ck_assert_int_eq(find("b", "k", "d"), LIPD_NOTHING);
    ck_assert_int_eq(find("a", "k", "e"), LIPD_CLAIM_FAILED);
    ck_assert_int_eq(problem.code, API_PROBLEM_IDEMPOTENCY_CONFLICT);
}
END_TEST

static bool has_room(const char *tenant, size_t own, size_t most)
{
    const struct lipd_job_wish wish = {.tenant = tenant, .quota.jobs = own};
    return lipd_sqlite_has_room(store, &wish, most, &problem);
}

START_TEST(room_is_the_lists_and_the_tenants)
{
    ck_assert(has_room("a", 0, 2));
    ck_assert(has_room("a", 2, 2));
    ck_assert(has_room("b", 1, 2));
    ck_assert(!has_room("a", 1, 2));
    ck_assert_int_eq(problem.code, API_PROBLEM_RATE_LIMITED);
    ck_assert(!has_room("b", 1, 1));
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/jobs/sqlite_admit");
    TCase *admit = tcase_create("admit");
    tcase_add_checked_fixture(admit, setup, teardown);
    tcase_add_test(admit, a_key_is_its_tenants_and_its_requests);
    tcase_add_test(admit, room_is_the_lists_and_the_tenants);
    suite_add_tcase(suite, admit);
    return run_suite(suite);
}
