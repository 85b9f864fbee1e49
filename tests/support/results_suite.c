/* SPDX-License-Identifier: MIT
 *
 * A store of results gives what was put, byte for byte, or nothing: to its
 * tenant only, within its bytes, from many threads, after a kill at any moment.
 */
#include "tests/support/results_suite.h"

#include "base/memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 20 };

static const struct results_source *source;
static struct lipd_results *store;
static struct api_problem problem;

static void setup(void)
{
    source->setup();
    store = source->open(MOST);
}

static void teardown(void)
{
    store->ops->close(store);
    source->teardown();
}

static size_t put(const char *tenant, const char *key, const char *document)
{
    size_t dropped;
    ck_assert_msg(store->ops->put(store, tenant, key, document,
                                  strlen(document), &dropped, &problem),
                  "%s", problem.detail);
    return dropped;
}

/* What is there is this; NULL: nothing is. */
static void expect(const char *tenant, const char *key, const char *document)
{
    struct lipd_result result;
    enum lipd_found found = store->ops->get(store, tenant, key, &result);
    ck_assert_int_eq(found, document ? LIPD_FOUND : LIPD_ABSENT);
    if (!document)
        return;
    char etag[LIPD_RESULT_ETAG];
    lipd_result_etag(etag, document, strlen(document));
    ck_assert_str_eq(result.document, document);
    ck_assert_uint_eq(result.size, strlen(document));
    ck_assert_str_eq(result.etag, etag);
    ck_assert(result.created > 1.6e9 &&
              result.created < (double)time(NULL) + 2);
    lipd_result_clear(&result);
}

START_TEST(what_was_put_is_given)
{
    expect("a", "k", NULL);
    ck_assert_uint_eq(put("a", "k", "{\"x\":1}"), 0);
    expect("a", "k", "{\"x\":1}");
    expect("a", "k", "{\"x\":1}");
    expect("a", "l", NULL);
    put("a", "k", "{\"x\":\"\\u0000\xc3\xa4\\\\\"}");
    expect("a", "k", "{\"x\":\"\\u0000\xc3\xa4\\\\\"}");
}
END_TEST

START_TEST(tenants_have_their_own)
{
    put("a", "k", "1");
    expect("b", "k", NULL);
    expect("", "k", NULL);
    put("", "k", "2");
    expect("a", "k", "1");
    expect("", "k", "2");
}
END_TEST

START_TEST(what_was_kept_stays)
{
    put("a", "k", "1");
    size_t bytes = store->ops->bytes(store);
    ck_assert_uint_gt(bytes, 0);
    store->ops->close(store);
    store = source->open(MOST);
    expect("a", "k", "1");
    ck_assert_uint_eq(store->ops->bytes(store), bytes);
}
END_TEST

static char *long_document(size_t size, char letter)
{
    char *text = malloc(size + 1);
    memset(text, letter, size);
    text[size] = '\0';
    return text;
}

/* Of many more than fit the latest are there, and no more than fit. */
START_TEST(the_oldest_go_first)
{
    enum { COUNT = 200, SIZE = 30000 };
    char key[20];
    size_t dropped = 0, there = 0;
    for (int i = 0; i < COUNT; i++) {
        char *text = long_document(SIZE, (char)('a' + i % 26));
        snprintf(key, sizeof key, "%d", i);
        dropped += put("a", key, text);
        expect("a", key, text);
        free(text);
        ck_assert_uint_le(store->ops->bytes(store), MOST + source->slack);
    }
    bool gap = false;
    for (int i = COUNT - 1; i >= 0; i--) {
        struct lipd_result result;
        snprintf(key, sizeof key, "%d", i);
        if (store->ops->get(store, "a", key, &result) == LIPD_FOUND) {
            ck_assert(!gap);
            there++;
            lipd_result_clear(&result);
        } else {
            gap = true;
        }
    }
    ck_assert_uint_eq(there + dropped, COUNT);
    ck_assert_uint_ge(there * SIZE, MOST / 2);
    ck_assert_uint_le(there * SIZE, MOST + source->slack);
}
END_TEST

START_TEST(what_is_too_long_is_passed_over)
{
    char *text = long_document(MOST / 3, 'x');
    put("a", "short", "1");
    ck_assert_uint_eq(put("a", "long", text), 0);
    expect("a", "long", NULL);
    expect("a", "short", "1");
    free(text);
}
END_TEST

/* The same document again is no more bytes. */
START_TEST(an_earlier_one_makes_room)
{
    char *text = long_document(100000, 'x');
    put("a", "k", text);
    for (int i = 0; i < 30; i++)
        ck_assert_uint_eq(put("a", "k", text), 0);
    expect("a", "k", text);
    free(text);
}
END_TEST

START_TEST(what_is_damaged_is_not_given)
{
    put("a", "k", "1234");
    source->damage();
    expect("a", "k", NULL);
    put("a", "k", "1234");
    expect("a", "k", "1234");
}
END_TEST

/* --- many at once */

static void *work(void *arg)
{
    char key[20], text[400];
    unsigned seed = *(const unsigned *)arg;
    size_t dropped;
    struct api_problem trouble;
    for (int i = 0; i < 300; i++) {
        int k = rand_r(&seed) % 20;
        struct lipd_result result;
        snprintf(key, sizeof key, "%d", k);
        memset(text, 'a' + k, sizeof text - 1);
        text[sizeof text - 1] = '\0';
        if (i % 3 == 0 && !store->ops->put(store, "a", key, text, strlen(text),
                                           &dropped, &trouble))
            return "put";
        if (store->ops->get(store, "a", key, &result) == LIPD_FOUND) {
            bool same = !strcmp(result.document, text);
            lipd_result_clear(&result);
            if (!same)
                return "get";
        }
    }
    return NULL;
}

START_TEST(threads_do_not_disturb_each_other)
{
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    unsigned seed[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        seed[i] = i;
        pthread_create(&thread[i], NULL, work, &seed[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        void *what;
        pthread_join(thread[i], &what);
        ck_assert_msg(!what, "%s", (char *)what);
    }
}
END_TEST

/* --- kill -9 */

static void put_for_ever(unsigned seed)
{
    static char text[60000];
    char key[20];
    size_t dropped;
    store = source->open(MOST);
    for (;;) {
        int k = rand_r(&seed) % 50;
        size_t size = 1000 + (size_t)(rand_r(&seed) % 50000);
        snprintf(key, sizeof key, "%d", k);
        memset(text, 'a' + k % 26, size);
        text[size] = '\0';
        store->ops->put(store, "a", key, text, size, &dropped, &problem);
    }
}

static size_t check_all(void)
{
    size_t count = 0;
    for (int k = 0; k < 50; k++) {
        char key[20];
        struct lipd_result result;
        snprintf(key, sizeof key, "%d", k);
        enum lipd_found found = store->ops->get(store, "a", key, &result);
        ck_assert_int_ne(found, LIPD_UNKNOWN);
        if (found == LIPD_ABSENT)
            continue;
        char letter[2] = {(char)('a' + k % 26), '\0'};
        ck_assert_uint_eq(strspn(result.document, letter), result.size);
        lipd_result_clear(&result);
        count++;
    }
    return count;
}

START_TEST(what_a_kill_leaves_is_whole)
{
    unsigned seed = (unsigned)time(NULL);
    size_t seen = 0;
    printf("seed %u\n", seed);
    store->ops->close(store);
    for (int round = 0; round < 20; round++) {
        pid_t child = fork();
        if (!child)
            put_for_ever(seed);
        usleep(30000 + (unsigned)rand_r(&seed) % 50000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        store = source->open(MOST);
        seen += check_all();
        store->ops->close(store);
    }
    store = source->open(MOST);
    ck_assert_uint_gt(seen, 20);
}
END_TEST

TCase *results_suite(const struct results_source *given)
{
    TCase *tests = tcase_create("results");
    source = given;
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, what_was_put_is_given);
    tcase_add_test(tests, tenants_have_their_own);
    tcase_add_test(tests, what_was_kept_stays);
    tcase_add_test(tests, the_oldest_go_first);
    tcase_add_test(tests, what_is_too_long_is_passed_over);
    tcase_add_test(tests, an_earlier_one_makes_room);
    tcase_add_test(tests, what_is_damaged_is_not_given);
    tcase_add_test(tests, threads_do_not_disturb_each_other);
    tcase_add_test(tests, what_a_kill_leaves_is_whole);
    return tests;
}
