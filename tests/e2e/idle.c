/* SPDX-License-Identifier: MIT
 *
 * A daemon with nothing to do: small, asleep, without threads that nobody
 * asked for. */
#include "base/context.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A sanitizer has threads and memory of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { INSTRUMENTED = 1 };
#else
enum { INSTRUMENTED = 0 };
#endif

static struct daemon daemon_;

/* Sum over the threads of the daemon of a line of their status. */
static long sum_of(const char *field, int *threads)
{
    char path[400], line[256];
    long sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)daemon_.pid);
    DIR *list = opendir(path);
    ck_assert_ptr_nonnull(list);
    *threads = 0;
    for (struct dirent *e; (e = readdir(list));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/status", (int)daemon_.pid,
                 e->d_name);
        FILE *file = fopen(path, "r");
        while (file && fgets(line, sizeof line, file))
            if (!strncmp(line, field, strlen(field)))
                sum += atol(line + strlen(field));
        if (file)
            fclose(file);
        ++*threads;
    }
    closedir(list);
    return sum;
}

/* Waits until it has come to rest; then how often any thread wakes up within
 * two seconds. */
static long wakings(void)
{
    static const char field[] = "voluntary_ctxt_switches:";
    int threads;
    long last = -1, now = 0;
    for (double end = lip_now() + 30; now != last && lip_now() < end;) {
        last = now;
        usleep(500000);
        now = sum_of(field, &threads);
    }
    sleep(2);
    return sum_of(field, &threads) - now;
}

START_TEST(it_sleeps)
{
    daemon_start(&daemon_, NULL);
    long woken = wakings();
    if (!INSTRUMENTED)
        ck_assert_int_eq(woken, 0);
    daemon_end(&daemon_);
}
END_TEST

/* main, two that move bytes, the sweeper, the workers; none of OpenBLAS. */
START_TEST(it_has_the_threads_it_needs)
{
    int threads;
    daemon_start(&daemon_, (const char *[]){"--workers", "3", NULL});
    usleep(200000);
    sum_of("VmRSS:", &threads);
    if (!INSTRUMENTED)
        ck_assert_int_eq(threads, 1 + 2 + 1 + 3);
    daemon_end(&daemon_);
}
END_TEST

/* OpenBLAS is told before it is loaded, whatever the machine's processors. */
START_TEST(the_blas_is_single_threaded)
{
    static const char wanted[] = "OPENBLAS_NUM_THREADS=1";
    char path[64], text[65536];
    setenv("OPENBLAS_NUM_THREADS", "4", 1);
    daemon_start(&daemon_, NULL);
    snprintf(path, sizeof path, "/proc/%d/environ", (int)daemon_.pid);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    ck_assert_ptr_nonnull(memmem(text, size, wanted, sizeof wanted));
    daemon_end(&daemon_);
}
END_TEST

START_TEST(it_is_small)
{
    char path[64], line[256];
    long resident = 0;
    daemon_start(&daemon_, NULL);
    snprintf(path, sizeof path, "/proc/%d/status", (int)daemon_.pid);
    FILE *file = fopen(path, "r");
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, "VmRSS:", 6))
            resident = atol(line + 6);
    fclose(file);
    ck_assert_int_gt(resident, 0);
    if (!INSTRUMENTED)
        ck_assert_int_le(resident, 20 * 1024);
    daemon_end(&daemon_);
}
END_TEST

/* After many connections it sleeps again and holds nothing. */
START_TEST(it_comes_to_rest)
{
    enum { COUNT = 500 };
    static struct http_client client[COUNT];
    struct http_answer answer;
    daemon_start(&daemon_, NULL);
    for (int i = 0; i < COUNT; i++) {
        http_open(&client[i], daemon_.port);
        http_say(&client[i], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        ck_assert(http_read(&answer, &client[i], false));
        http_clear(&answer);
    }
    ck_assert(daemon_metric(&daemon_, "connections") >= COUNT);
    for (int i = 0; i < COUNT; i++)
        http_close(&client[i]);
    long woken = wakings();
    if (!INSTRUMENTED)
        ck_assert_int_eq(woken, 0);
    ck_assert(daemon_metric(&daemon_, "connections") <= 1);
    daemon_end(&daemon_);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/idle");
    TCase *tcase = tcase_create("idle");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, it_sleeps);
    tcase_add_test(tcase, it_has_the_threads_it_needs);
    tcase_add_test(tcase, the_blas_is_single_threaded);
    tcase_add_test(tcase, it_is_small);
    tcase_add_test(tcase, it_comes_to_rest);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
