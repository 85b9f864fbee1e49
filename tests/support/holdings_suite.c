/* SPDX-License-Identifier: MIT
 *
 * A tenant sees its own, is told who is last, keeps to its limit however many
 * store at once, and its keys work once. */
#include "tests/support/holdings_suite.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { CROWD = 8 };

static const struct holdings_source *from;
static struct lipd_holdings *one, *two;
static struct api_problem problem;
static struct lipd_held held;

static void setup(void)
{
    from->setup();
    one = from->open();
    two = from->open();
}

static void teardown(void)
{
    one->ops->close(one);
    two->ops->close(two);
    from->teardown();
}

static enum lipd_fate decide(const struct lipd_wish *wish)
{
    ck_assert_msg(one->ops->hold(one, &held, wish, &problem), "%s",
                  problem.detail);
    return held.fate;
}

/* Is it held for the first time? */
static bool hold(const char *id, const char *tenant, size_t bytes)
{
    const struct lipd_wish wish = {
        .thing = LIPD_MODEL, .id = id, .tenant = tenant, .bytes = bytes};
    ck_assert_int_eq(decide(&wish), LIPD_HELD);
    return held.fresh;
}

static bool holds(const char *id, const char *tenant)
{
    struct lipd_holding out;
    return two->ops->holds(two, &out, LIPD_MODEL, id, tenant) &&
           !strcmp(out.id, id) && out.used >= out.created;
}

static bool let_go(const char *id, const char *tenant, bool *last)
{
    return one->ops->let_go(one, LIPD_MODEL, id, tenant, last, &problem);
}

static size_t models_of(const char *tenant)
{
    size_t bytes[LIPD_THINGS];
    ck_assert(two->ops->bytes(two, tenant, bytes, &problem));
    return bytes[LIPD_MODEL];
}

START_TEST(each_tenant_holds_for_himself)
{
    size_t bytes[LIPD_THINGS];
    const struct lipd_wish data = {
        .thing = LIPD_DATASET, .id = "x", .tenant = "a", .bytes = 7};
    ck_assert(hold("x", "a", 10));
    ck_assert(!hold("x", "a", 10));
    ck_assert(holds("x", "a") && holds("x", NULL) && !holds("x", "b"));
    ck_assert(!holds("y", NULL));
    ck_assert(hold("x", "b", 10));
    ck_assert(hold("y", "b", 5));
    ck_assert_uint_eq(models_of("a"), 10);
    ck_assert_uint_eq(models_of("b"), 15);
    ck_assert_uint_eq(models_of("c"), 0);
    ck_assert_uint_eq(models_of(NULL), 15);
    ck_assert_int_eq(decide(&data), LIPD_HELD);
    ck_assert(one->ops->bytes(one, "a", bytes, &problem));
    ck_assert_uint_eq(bytes[LIPD_MODEL], 10);
    ck_assert_uint_eq(bytes[LIPD_DATASET], 7);
}
END_TEST

START_TEST(the_last_one_is_told)
{
    bool last;
    hold("x", "a", 10);
    hold("x", "b", 10);
    ck_assert(!let_go("x", "c", &last));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(one->ops->sweep(one, LIPD_MODEL, "x", &last, &problem) && !last);
    ck_assert(let_go("x", "a", &last) && !last);
    ck_assert(!holds("x", "a") && holds("x", "b"));
    ck_assert(let_go("x", "b", &last) && last);
    ck_assert(one->ops->sweep(one, LIPD_MODEL, "x", &last, &problem) && last);
    hold("x", "a", 10);
    hold("x", "b", 10);
    ck_assert(let_go("x", NULL, &last) && last);
    ck_assert(!let_go("x", NULL, &last));
}
END_TEST

START_TEST(pages_go_by_id)
{
    struct lipd_holding page[3];
    size_t count;
    char id[16];
    for (int i = 9; i >= 0; i--) {
        snprintf(id, sizeof id, "%d", i);
        hold(id, i % 2 ? "odd" : "even", 1);
        hold(id, "all", 1);
    }
    ck_assert(
        one->ops->list(one, LIPD_MODEL, "odd", "1", page, &count, 3, &problem));
    ck_assert_uint_eq(count, 3);
    ck_assert_str_eq(page[0].id, "3");
    ck_assert_str_eq(page[2].id, "7");
    ck_assert_str_eq(page[2].tenant, "odd");
    ck_assert(
        one->ops->list(one, LIPD_MODEL, NULL, "7", page, &count, 3, &problem));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(page[0].id, "8");
    ck_assert(
        one->ops->list(one, LIPD_DATASET, NULL, "", page, &count, 3, &problem));
    ck_assert_uint_eq(count, 0);
}
END_TEST

/* --- limits */

START_TEST(limits_are_kept)
{
    struct lipd_wish wish = {
        .thing = LIPD_MODEL, .id = "y", .tenant = "a", .bytes = 5, .most = 14};
    hold("x", "a", 10);
    ck_assert_int_eq(decide(&wish), LIPD_TENANT_FULL);
    ck_assert_uint_eq(held.bytes, 10);
    ck_assert(!holds("y", "a"));
    wish.most = 15;
    ck_assert_int_eq(decide(&wish), LIPD_HELD);
    /* What is held already takes nothing more. */
    wish.most = 1;
    ck_assert_int_eq(decide(&wish), LIPD_HELD);
    ck_assert(!held.fresh);
    /* Data sets count too. */
    wish = (struct lipd_wish){.thing = LIPD_DATASET,
                              .id = "z",
                              .tenant = "a",
                              .bytes = 1,
                              .most = 15};
    ck_assert_int_eq(decide(&wish), LIPD_TENANT_FULL);
    ck_assert_uint_eq(held.bytes, 15);
    /* All together, a file that is there once. */
    wish = (struct lipd_wish){.thing = LIPD_MODEL,
                              .id = "z",
                              .tenant = "b",
                              .bytes = 6,
                              .most_all = 20};
    ck_assert_int_eq(decide(&wish), LIPD_ALL_FULL);
    ck_assert_uint_eq(held.bytes, 15);
    wish.id = "x";
    wish.bytes = 10;
    ck_assert_int_eq(decide(&wish), LIPD_HELD);
}
END_TEST

struct crowd {
    pthread_barrier_t *gate;
    struct lipd_holdings *holdings;
    struct lipd_wish wish;
    enum lipd_fate fate;
    char id[32], digest[16];
};

static void *join_crowd(void *arg)
{
    struct crowd *c = arg;
    struct lipd_held out = {.fate = LIPD_GONE};
    struct api_problem why;
    pthread_barrier_wait(c->gate);
    c->holdings->ops->hold(c->holdings, &out, &c->wish, &why);
    c->fate = out.fate;
    return NULL;
}

/* All at once, half of them by the other store: how many came to hold. */
static size_t rush(struct crowd *crowd)
{
    pthread_barrier_t gate;
    pthread_t thread[CROWD];
    size_t count = 0;
    pthread_barrier_init(&gate, NULL, CROWD);
    for (int i = 0; i < CROWD; i++) {
        crowd[i].gate = &gate;
        crowd[i].holdings = i % 2 ? one : two;
        pthread_create(&thread[i], NULL, join_crowd, &crowd[i]);
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_join(thread[i], NULL);
        count += crowd[i].fate == LIPD_HELD;
    }
    pthread_barrier_destroy(&gate);
    return count;
}

/* The limit lets three in, by a tenant's or by that of all. */
START_TEST(nobody_slips_through)
{
    struct crowd crowd[CROWD];
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < CROWD; i++) {
            struct crowd *c = &crowd[i];
            snprintf(c->id, sizeof c->id, "%d-%d", round, i);
            c->wish = (struct lipd_wish){
                .thing = LIPD_MODEL, .id = c->id, .tenant = "a", .bytes = 10};
            if (_i)
                c->wish.most = 35 + 30 * (size_t)round;
            else
                c->wish.most_all = 35 + 30 * (size_t)round;
        }
        ck_assert_uint_eq(rush(crowd), 3);
        ck_assert_uint_eq(models_of("a"), 30 * (size_t)(round + 1));
    }
}
END_TEST

/* --- keys */

static enum lipd_fate key_of(struct lipd_holdings *holdings, const char *tenant,
                             const char *key, const char *digest)
{
    ck_assert_msg(
        holdings->ops->key(holdings, &held, tenant, key, digest, &problem),
        "%s", problem.detail);
    return held.fate;
}

START_TEST(a_key_works_once)
{
    bool last;
    struct lipd_wish wish = {.thing = LIPD_MODEL,
                             .id = "x",
                             .tenant = "a",
                             .bytes = 5,
                             .key = "k",
                             .digest = "d"};
    ck_assert_int_eq(key_of(one, "a", "k", "d"), LIPD_HELD);
    ck_assert_int_eq(decide(&wish), LIPD_HELD);
    ck_assert(held.fresh);
    ck_assert(let_go("x", "a", &last));
    ck_assert_int_eq(key_of(two, "a", "k", "d"), LIPD_KEY_USED);
    ck_assert(held.fresh);
    ck_assert_int_eq(decide(&wish), LIPD_KEY_USED);
    ck_assert(!holds("x", "a"));
    wish.digest = "other";
    ck_assert_int_eq(decide(&wish), LIPD_KEY_TAKEN);
    ck_assert_int_eq(key_of(one, "a", "k", "other"), LIPD_KEY_TAKEN);
    ck_assert_int_eq(key_of(one, "b", "k", "other"), LIPD_HELD);
    wish.tenant = "b";
    ck_assert_int_eq(decide(&wish), LIPD_HELD);
    /* Of a request that came to nothing there is none. */
    wish.key = "new";
    wish.id = "y";
    wish.most = 6;
    ck_assert_int_eq(decide(&wish), LIPD_TENANT_FULL);
    ck_assert_int_eq(key_of(one, "b", "new", "other"), LIPD_HELD);
    /* It is kept. */
    two->ops->close(two);
    two = from->open();
    ck_assert_int_eq(key_of(two, "a", "k", "d"), LIPD_KEY_USED);
}
END_TEST

START_TEST(one_of_many_has_the_key)
{
    struct crowd crowd[CROWD];
    char key[16];
    for (int round = 0; round < 10; round++) {
        snprintf(key, sizeof key, "k%d", round);
        for (int i = 0; i < CROWD; i++) {
            struct crowd *c = &crowd[i];
            snprintf(c->id, sizeof c->id, "%d-%d", round, i);
            snprintf(c->digest, sizeof c->digest, "%d", i);
            c->wish = (struct lipd_wish){.thing = LIPD_MODEL,
                                         .id = c->id,
                                         .tenant = "a",
                                         .bytes = 1,
                                         .key = key,
                                         .digest = c->digest};
        }
        ck_assert_uint_eq(rush(crowd), 1);
    }
}
END_TEST

/* --- uses */

static void expect_stale(const char *tenant, const char *order)
{
    struct lipd_holding out[4];
    char said[16] = "";
    size_t count;
    ck_assert(
        one->ops->stale(one, LIPD_MODEL, tenant, 0, out, &count, 4, &problem));
    for (size_t i = 0; i < count; i++)
        strcat(said, out[i].id);
    ck_assert_str_eq(said, order);
    ck_assert(
        one->ops->stale(one, LIPD_MODEL, tenant, 1, out, &count, 1, &problem));
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(out[0].id[0], order[1]);
}

START_TEST(what_was_used_longest_ago_comes_first)
{
    struct lipd_use use[] = {{.id = "x", .tenant = "a", .when = 4e9},
                             {.id = "y", .tenant = "a", .when = 3.5e9},
                             {.id = "y", .tenant = "b", .when = 5e9},
                             {.id = "x", .tenant = "a", .when = 2e9},
                             {.id = "gone", .by_all = true, .when = 9e9}};
    hold("x", "a", 1);
    hold("y", "a", 1);
    hold("z", "a", 1);
    hold("y", "b", 1);
    expect_stale("a", "xyz");
    ck_assert_msg(one->ops->touch(one, use, 5, &problem), "%s", problem.detail);
    expect_stale("a", "zyx");
    expect_stale(NULL, "zxy");
    /* Whoever holds it; never backwards. */
    use[0] = (struct lipd_use){.id = "z", .by_all = true, .when = 6e9};
    use[1] = (struct lipd_use){.id = "x", .tenant = "a", .when = 1};
    ck_assert(one->ops->touch(one, use, 2, &problem));
    expect_stale("a", "yxz");
    expect_stale(NULL, "xyz");
}
END_TEST

TCase *holdings_suite(const struct holdings_source *source)
{
    from = source;
    TCase *tests = tcase_create("holdings");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, each_tenant_holds_for_himself);
    tcase_add_test(tests, the_last_one_is_told);
    tcase_add_test(tests, pages_go_by_id);
    tcase_add_test(tests, limits_are_kept);
    tcase_add_loop_test(tests, nobody_slips_through, 0, 2);
    tcase_add_test(tests, a_key_works_once);
    tcase_add_test(tests, one_of_many_has_the_key);
    tcase_add_test(tests, what_was_used_longest_ago_comes_first);
    return tests;
}
