/* SPDX-License-Identifier: MIT
 *
 * What is open is not taken, what is taken is not opened, and uses are written
 * together. */
#include "server/uses.h"

#include "tests/support/suite.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct lipd_uses *uses;
static size_t writes, written;
static struct lipd_use last[256];

static bool fake_touch(struct lipd_holdings *holdings,
                       const struct lipd_use *use, size_t count,
                       struct api_problem *problem)
{
    (void)holdings;
    (void)problem;
    memcpy(last, use, count * sizeof *use);
    writes++;
    written += count;
    return true;
}

static const struct lipd_holdings_ops ops = {.touch = fake_touch};
static struct lipd_holdings holdings = {&ops};

static void setup(void)
{
    uses = lipd_uses_new();
    writes = written = 0;
}

static void teardown(void)
{
    lipd_uses_free(uses);
}

START_TEST(what_is_open_is_not_taken)
{
    ck_assert(lipd_uses_open(uses, "x"));
    ck_assert(lipd_uses_open(uses, "x"));
    ck_assert(!lipd_uses_take(uses, "x"));
    ck_assert(lipd_uses_take(uses, "y"));
    ck_assert(!lipd_uses_take(uses, "y"));
    lipd_uses_close(uses, "x");
    ck_assert(!lipd_uses_take(uses, "x"));
    lipd_uses_close(uses, "x");
    ck_assert(lipd_uses_take(uses, "x"));
    lipd_uses_give(uses, "x");
    lipd_uses_give(uses, "y");
    ck_assert(lipd_uses_open(uses, "y"));
    lipd_uses_close(uses, "y");
}
END_TEST

static _Atomic bool opened;

static void *open_x(void *arg)
{
    (void)arg;
    lipd_uses_open(uses, "x");
    opened = true;
    lipd_uses_close(uses, "x");
    return NULL;
}

START_TEST(who_comes_for_what_is_taken_waits)
{
    pthread_t thread;
    opened = false;
    ck_assert(lipd_uses_take(uses, "x"));
    pthread_create(&thread, NULL, open_x, NULL);
    usleep(50000);
    ck_assert(!opened);
    lipd_uses_give(uses, "x");
    pthread_join(thread, NULL);
    ck_assert(opened);
}
END_TEST

START_TEST(uses_are_written_together)
{
    char id[16];
    for (int i = 0; i < 3; i++) {
        lipd_uses_note(uses, &holdings, "x", "a");
        lipd_uses_note(uses, &holdings, "x", "b");
        lipd_uses_note(uses, &holdings, "x", NULL);
    }
    ck_assert_uint_eq(writes, 0);
    lipd_uses_flush(uses, &holdings);
    ck_assert_uint_eq(writes, 1);
    ck_assert_uint_eq(written, 3);
    ck_assert_str_eq(last[1].tenant, "b");
    ck_assert(last[2].by_all && !last[0].by_all);
    ck_assert(last[0].when > 1.7e9);
    lipd_uses_flush(uses, &holdings);
    ck_assert_uint_eq(writes, 1);
    /* They are bounded. */
    for (int i = 0; i < 1000; i++) {
        snprintf(id, sizeof id, "%d", i);
        lipd_uses_note(uses, &holdings, id, "a");
    }
    ck_assert_uint_eq(writes, 4);
    lipd_uses_flush(uses, &holdings);
    ck_assert_uint_eq(written, 1003);
}
END_TEST

START_TEST(without_uses_nothing_is_noted)
{
    ck_assert(lipd_uses_open(NULL, "x"));
    ck_assert(lipd_uses_take(NULL, "x"));
    lipd_uses_give(NULL, "x");
    lipd_uses_close(NULL, "x");
    lipd_uses_note(NULL, &holdings, "x", "a");
    lipd_uses_flush(NULL, &holdings);
    ck_assert_uint_eq(writes, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/uses");
    TCase *tcase = tcase_create("uses");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_open_is_not_taken);
    tcase_add_test(tcase, who_comes_for_what_is_taken_waits);
    tcase_add_test(tcase, uses_are_written_together);
    tcase_add_test(tcase, without_uses_nothing_is_noted);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
