/* SPDX-License-Identifier: MIT
 *
 * The model used longest ago goes, but not one that is open or that a job
 * names; a tenant's room is made by its own. */
#include "server/evict.h"

#include "server/jobs/job_store.h"
#include "server/keep.h"
#include "server/model_store.h"
#include "server/uses.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

enum { BYTES = 1000 };

static char folder[FOLDER_NAME];
static struct lipd_config config;
static struct lipd_service service;
static struct api_problem problem;

static void setup(void)
{
    char why[300];
    folder_make(folder);
    config = (struct lipd_config){.evict = "models", .max_stored = 1 << 20};
    service = (struct lipd_service){.config = &config};
    service.store = lipd_store_open(folder, 3500, why, sizeof why);
    service.jobs = lipd_job_store_sqlite(folder, why, sizeof why);
    service.holdings = lipd_holdings_sqlite(folder, why, sizeof why);
    service.uses = lipd_uses_new();
    ck_assert(service.store && service.jobs && service.holdings);
}

static void teardown(void)
{
    lipd_uses_free(service.uses);
    service.holdings->ops->close(service.holdings);
    service.jobs->ops->close(service.jobs);
    lipd_store_close(service.store);
    folder_remove(folder);
}

/* The id of number i. */
static const char *id_of(int i)
{
    static char id[LIP_DIGEST_TEXT];
    snprintf(id, sizeof id, "sha256:%064d", i);
    return id;
}

static bool put(void *arg, struct api_problem *why)
{
    static const struct api_query none;
    struct lip_buffer *body =
        lip_buffer_take(lip_calloc(NULL, BYTES, 1), BYTES, NULL);
    bool done = lipd_store_put(service.store, id_of(*(int *)arg), NULL, &none,
                               body, why);
    lip_buffer_put(body);
    return done;
}

static bool keep(int i, const char *tenant, size_t quota)
{
    char id[LIP_DIGEST_TEXT];
    snprintf(id, sizeof id, "%s", id_of(i));
    const struct lipd_keeping keeping = {.thing = LIPD_MODEL,
                                         .id = id,
                                         .tenant = tenant,
                                         .bytes = BYTES + 50,
                                         .quota = quota,
                                         .put = put,
                                         .arg = &i};
    return lipd_keep(&service, &keeping, NULL, &problem);
}

static bool is_there(int i)
{
    return lipd_store_size(service.store, id_of(i)) > 0;
}

static bool holds(int i, const char *tenant)
{
    struct lipd_holding out;
    return service.holdings->ops->holds(service.holdings, &out, LIPD_MODEL,
                                        id_of(i), tenant);
}

START_TEST(the_oldest_makes_room)
{
    for (int i = 0; i < 3; i++)
        ck_assert(keep(i, "a", 0));
    lipd_uses_note(service.uses, service.holdings, id_of(0), "a");
    ck_assert_msg(keep(3, "b", 0), "%s", problem.detail);
    ck_assert(is_there(0) && !is_there(1) && is_there(2) && is_there(3));
    ck_assert(!holds(1, NULL));
}
END_TEST

START_TEST(not_unless_asked)
{
    strcpy(config.evict, "none");
    for (int i = 0; i < 3; i++)
        ck_assert(keep(i, "a", 0));
    ck_assert(!keep(3, "b", 0));
    ck_assert_int_eq(problem.code, API_PROBLEM_STORAGE_FULL);
    ck_assert(is_there(0) && is_there(1) && is_there(2) && !is_there(3));
}
END_TEST

/* Two are open or named; the third goes, then nothing can. */
START_TEST(what_is_needed_stays)
{
    char request[200], id[LIPD_JOB_ID];
    bool again;
    for (int i = 0; i < 3; i++)
        ck_assert(keep(i, "a", 0));
    snprintf(request, sizeof request, "{\"model\":{\"id\":\"%s\"}}", id_of(1));
    const struct lipd_job_wish wish = {
        .kind = "bound", .request = request, .tenant = "a"};
    ck_assert(
        service.jobs->ops->add(service.jobs, id, &again, &wish, 10, &problem));
    ck_assert(lipd_uses_open(service.uses, id_of(0)));
    ck_assert(keep(3, "a", 0));
    ck_assert(is_there(0) && is_there(1) && !is_there(2) && is_there(3));
    ck_assert(lipd_uses_open(service.uses, id_of(3)));
    ck_assert(!keep(4, "a", 0));
    ck_assert(!is_there(4));
    ck_assert(service.jobs->ops->cancel(service.jobs, id, &problem));
    ck_assert(keep(4, "a", 0));
    ck_assert(!is_there(1) && is_there(4));
}
END_TEST

/* The limit of a tenant is its own matter: its models go, those of others
 * stay, and so does the file that another holds too. */
START_TEST(a_tenant_makes_its_own_room)
{
    ck_assert(keep(0, "b", 0));
    ck_assert(keep(0, "a", 2500));
    ck_assert(keep(1, "a", 2500));
    ck_assert(keep(2, "a", 2500));
    ck_assert(is_there(0) && holds(0, "b") && !holds(0, "a"));
    ck_assert(holds(1, "a") && holds(2, "a"));
    /* What would never fit takes nothing away. */
    ck_assert(!keep(3, "a", 1000));
    ck_assert_int_eq(problem.code, API_PROBLEM_BODY_TOO_LARGE);
    ck_assert(holds(1, "a") && holds(2, "a"));
    strcpy(config.evict, "none");
    ck_assert(!keep(3, "a", 2500));
    ck_assert_int_eq(problem.code, API_PROBLEM_STORAGE_FULL);
    ck_assert_ptr_nonnull(strstr(problem.detail, "2500"));
    ck_assert_ptr_nonnull(strstr(problem.detail, "--evict models"));
}
END_TEST

/* Data sets that fill the limit are no reason to lose models. */
START_TEST(models_go_only_where_that_helps)
{
    struct lipd_held held;
    const struct lipd_wish data = {
        .thing = LIPD_DATASET, .id = id_of(9), .tenant = "a", .bytes = 2000};
    ck_assert(
        service.holdings->ops->hold(service.holdings, &held, &data, &problem));
    ck_assert(keep(0, "a", 3060));
    ck_assert(!keep(1, "a", 2500));
    ck_assert(holds(0, "a") && !is_there(1));
    ck_assert(keep(1, "a", 3060));
    ck_assert(!holds(0, "a"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/evict");
    TCase *tcase = tcase_create("evict");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_oldest_makes_room);
    tcase_add_test(tcase, not_unless_asked);
    tcase_add_test(tcase, what_is_needed_stays);
    tcase_add_test(tcase, a_tenant_makes_its_own_room);
    tcase_add_test(tcase, models_go_only_where_that_helps);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
