/* SPDX-License-Identifier: MIT
 *
 * What benchmarks measure and how they print it: CPU time of this thread, so
 * that other work on the machine counts as little as it can, medians of runs
 * that alternate with the runs they are compared with. */
#ifndef LIP_TESTS_SUPPORT_MEASURE_H
#define LIP_TESTS_SUPPORT_MEASURE_H

#include <stddef.h>
#include <sys/types.h>

/* CPU seconds of this thread. */
double measure_now(void);

/* CPU seconds of all threads of another process, to the nanosecond where the
 * kernel keeps count of it, else to a tick. */
double measure_process(pid_t pid);

/* A line of /proc/PID/status in bytes: "VmRSS:", "VmHWM:"; 0 where it is not
 * there. pid 0: this process. */
double measure_memory(pid_t pid, const char *field);

/* Makes VmHWM of a process start anew from what it has now. */
void measure_reset_peak(pid_t pid);

/* The median of x[n], which is sorted by it. */
double measure_median(double *x, size_t n);

/* One piece of work to be timed. */
struct measure {
    void (*run)(void *arg);
    void *arg;
    double seconds; /* out: median CPU time of a run */
};

/* Runs the pieces in turn, again and again, for `seconds` of CPU time in all
 * and at least five rounds after one that does not count. */
void measure(struct measure *work, size_t count, double seconds);

/* One line of a benchmark; baseline NULL: there is none. Exact numbers and
 * figures go out the same way. */
void measure_print(const char *name, double value, const char *unit,
                   double ratio, const char *baseline);

/* Runs a benchmark where the assertions of the other helpers work, in this
 * process; returns the exit status of the program. */
int measure_main(void (*bench)(void));

#endif
