/* SPDX-License-Identifier: MIT
 *
 * Two machines that store and delete the same file at once: who holds it finds
 * it, and when nobody does it is gone. */
#include "server/store/postgres_hold.h"

#include "tests/support/postgres.h"
#include "tests/support/suite.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID                                                                     \
    "sha256:0123456789abcdef0123456789abcdef"                                  \
    "0123456789abcdef0123456789abcdef"
#define NAME (ID + 7)

enum { MACHINES = 2, THREADS = 4, ROUNDS = 60 };

static struct postgres server;
static struct lipd_pg *pg[MACHINES];
static struct lipd_blobs *blobs[MACHINES];
static struct lipd_holdings *holdings[MACHINES];
static struct api_problem problem;

static void setup(void)
{
    postgres_empty(&server);
    for (int i = 0; i < MACHINES; i++) {
        pg[i] = postgres_pool(&server);
        blobs[i] = lipd_pg_blobs(pg[i]);
        holdings[i] = lipd_pg_holdings(pg[i]);
    }
}

static void teardown(void)
{
    for (int i = 0; i < MACHINES; i++) {
        holdings[i]->ops->close(holdings[i]);
        blobs[i]->ops->close(blobs[i]);
        lipd_pg_close(pg[i]);
    }
}

static bool is_there(int machine)
{
    struct api_problem why;
    size_t size;
    FILE *file = tmpfile();
    bool there = blobs[machine]->ops->get(blobs[machine], "model", NAME,
                                          fileno(file), &size, &why);
    fclose(file);
    return there && size == 4;
}

static bool put(int machine)
{
    struct api_problem why;
    FILE *file = tmpfile();
    fputs("file", file);
    fflush(file);
    bool done = blobs[machine]->ops->put(blobs[machine], "model", NAME,
                                         fileno(file), 4, &why);
    fclose(file);
    return done;
}

static struct lipd_wish wish_of(const char *tenant)
{
    return (struct lipd_wish){.thing = LIPD_MODEL,
                              .id = ID,
                              .tenant = tenant,
                              .bytes = 4,
                              .shared = true};
}

START_TEST(a_file_that_is_gone_is_not_held)
{
    const struct lipd_wish wish = wish_of("a"), other = wish_of("b");
    struct lipd_held held;
    bool last;
    ck_assert(holdings[0]->ops->hold(holdings[0], &held, &wish, &problem));
    ck_assert_int_eq(held.fate, LIPD_GONE);
    ck_assert(put(0));
    ck_assert(holdings[0]->ops->hold(holdings[0], &held, &wish, &problem));
    ck_assert_int_eq(held.fate, LIPD_HELD);
    ck_assert(holdings[1]->ops->hold(holdings[1], &held, &other, &problem));
    ck_assert(holdings[0]->ops->let_go(holdings[0], LIPD_MODEL, ID, "a", &last,
                                       &problem));
    ck_assert(!last && is_there(1));
    ck_assert(
        holdings[0]->ops->sweep(holdings[0], LIPD_MODEL, ID, &last, &problem));
    ck_assert(!last && is_there(1));
    ck_assert(holdings[1]->ops->let_go(holdings[1], LIPD_MODEL, ID, "b", &last,
                                       &problem));
    ck_assert(last && !is_there(0));
    ck_assert(put(1));
    ck_assert(
        holdings[0]->ops->sweep(holdings[0], LIPD_MODEL, ID, &last, &problem));
    ck_assert(last && !is_there(1));
}
END_TEST

struct racer {
    int machine, faults;
    char tenant[16];
};

/* Puts and holds; finds it; lets go. As lipd_keep does. */
static void *race(void *arg)
{
    struct racer *r = arg;
    struct lipd_holdings *own = holdings[r->machine];
    struct lipd_wish wish = wish_of(r->tenant);
    struct lipd_held held = {.fate = LIPD_GONE};
    struct api_problem why;
    bool last;
    for (int i = 0; i < ROUNDS; i++) {
        do
            r->faults +=
                !put(r->machine) || !own->ops->hold(own, &held, &wish, &why);
        while (held.fate == LIPD_GONE && !r->faults);
        r->faults += held.fate != LIPD_HELD || !is_there(1 - r->machine);
        r->faults +=
            !own->ops->let_go(own, LIPD_MODEL, ID, r->tenant, &last, &why);
    }
    return NULL;
}

/* All at once, each with a name of its own. */
static void race_all(void *(*run)(void *))
{
    struct racer racer[THREADS] = {{0}};
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
        racer[i].machine = i % MACHINES;
        snprintf(racer[i].tenant, sizeof racer[i].tenant, "%03d", i);
        pthread_create(&thread[i], NULL, run, &racer[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        ck_assert_int_eq(racer[i].faults, 0);
    }
}

START_TEST(who_holds_a_file_finds_it)
{
    race_all(race);
    ck_assert(!is_there(0));
}
END_TEST

/* Holds one file of four bytes after the other, of which the tenant may have
 * two. */
static void *crowd(void *arg)
{
    struct racer *r = arg;
    struct lipd_holdings *own = holdings[r->machine];
    struct lipd_wish wish = wish_of("crowd");
    struct lipd_held held;
    struct api_problem why;
    char id[sizeof ID];
    wish.shared = false;
    wish.most = 8;
    wish.id = id;
    for (int i = 0; i < 4; i++) {
        snprintf(id, sizeof id, "sha256:%.60s%.3s%d", NAME, r->tenant, i);
        r->faults += !own->ops->hold(own, &held, &wish, &why);
    }
    return NULL;
}

/* Whatever a transaction is by default in this database. */
START_TEST(no_more_is_held_than_may_be)
{
    static const char *const isolation[] = {"read committed", "repeatable read",
                                            "serializable"};
    size_t bytes[LIPD_THINGS];
    char sql[100];
    snprintf(sql, sizeof sql,
             "ALTER ROLE CURRENT_USER SET default_transaction_isolation = '%s'",
             isolation[_i]);
    teardown();
    postgres_run(&server, sql);
    setup();
    for (int round = 0; round < 5; round++) {
        postgres_run(&server, "DELETE FROM lipschitzd.holding");
        race_all(crowd);
        ck_assert(
            holdings[0]->ops->bytes(holdings[0], "crowd", bytes, &problem));
        ck_assert_uint_eq(bytes[LIPD_MODEL], 8);
    }
    postgres_run(&server, "ALTER ROLE CURRENT_USER RESET "
                          "default_transaction_isolation");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("postgres_hold");
    TCase *tests = tcase_create("postgres_hold");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_file_that_is_gone_is_not_held);
    tcase_add_test(tests, who_holds_a_file_finds_it);
    tcase_add_loop_test(tests, no_more_is_held_than_may_be, 0, 3);
    suite_add_tcase(suite, tests);
    return postgres_suite(&server, suite);
}
