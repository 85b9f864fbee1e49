/* SPDX-License-Identifier: MIT
 *
 * Clocks, memory and medians for benchmarks. */
#include "tests/support/measure.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ROUNDS = 1000, LEAST_ROUNDS = 5, MAX_WORK = 8 };

double measure_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* User and system time of /proc/PID/stat, after the name in parentheses. */
static double process_ticks(pid_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    const char *at = file ? fgets(line, sizeof line, file) : NULL;
    at = at ? strrchr(at, ')') : NULL;
    for (int field = 2; at && field < 14; field++)
        at = strchr(at + 1, ' ');
    unsigned long user = 0, system = 0;
    if (at)
        sscanf(at, "%lu %lu", &user, &system);
    if (file)
        fclose(file);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

double measure_process(pid_t pid)
{
    char path[300];
    double sum = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        unsigned long long spent = 0;
        snprintf(path, sizeof path, "/proc/%d/task/%.200s/schedstat", (int)pid,
                 task->d_name);
        FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file && fscanf(file, "%llu", &spent) == 1)
            sum += 1e-9 * (double)spent;
        if (file)
            fclose(file);
    }
    if (tasks)
        closedir(tasks);
    return sum > 0 ? sum : process_ticks(pid);
}

static FILE *open_proc(pid_t pid, const char *name, const char *mode)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)(pid ? pid : getpid()),
             name);
    return fopen(path, mode);
}

double measure_memory(pid_t pid, const char *field)
{
    char line[256];
    unsigned long kilobytes = 0;
    FILE *file = open_proc(pid, "status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0)
            sscanf(line + strlen(field), "%lu", &kilobytes);
    if (file)
        fclose(file);
    return 1024.0 * (double)kilobytes;
}

void measure_reset_peak(pid_t pid)
{
    FILE *file = open_proc(pid, "clear_refs", "w");
    if (file) {
        fputs("5", file);
        fclose(file);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double measure_median(double *x, size_t n)
{
    qsort(x, n, sizeof *x, by_size);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

void measure(struct measure *work, size_t count, double seconds)
{
    static double taken[MAX_WORK][MAX_ROUNDS];
    double spent = 0;
    size_t rounds = 0;
    for (size_t i = 0; i < count; i++)
        work[i].run(work[i].arg);
    while (rounds < MAX_ROUNDS && (rounds < LEAST_ROUNDS || spent < seconds)) {
        for (size_t i = 0; i < count; i++) {
            double start = measure_now();
            work[i].run(work[i].arg);
            taken[i][rounds] = measure_now() - start;
            spent += taken[i][rounds];
        }
        rounds++;
    }
    for (size_t i = 0; i < count; i++)
        work[i].seconds = measure_median(taken[i], rounds);
}

void measure_print(const char *name, double value, const char *unit,
                   double ratio, const char *baseline)
{
    if (baseline)
        printf("%s %.4g %s %.3f %s\n", name, value, unit, ratio, baseline);
    else
        printf("%s %.4g %s -\n", name, value, unit);
    fflush(stdout);
}

static void (*chosen)(void);

START_TEST(bench_of_this_program)
{
    chosen();
}
END_TEST

int measure_main(void (*bench)(void))
{
    Suite *suite = suite_create("bench");
    TCase *tc = tcase_create("bench");
    chosen = bench;
    tcase_set_timeout(tc, 0);
    tcase_add_test(tc, bench_of_this_program);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    if (failed)
        srunner_print(runner, CK_NORMAL);
    srunner_free(runner);
    return failed != 0;
}
