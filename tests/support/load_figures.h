/* SPDX-License-Identifier: MIT
 *
 * What a running process holds, and the table that a program of load prints. */
#ifndef LIP_TESTS_SUPPORT_LOAD_FIGURES_H
#define LIP_TESTS_SUPPORT_LOAD_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct load_figures {
    double resident; /* bytes */
    size_t descriptors, threads;
    size_t children; /* processes that it started and that are left */
};
void load_figures_read(struct load_figures *out, pid_t pid);

/* Bytes on the disk of all that is in a folder. */
double load_disk_use(const char *folder);

/* CPU seconds of a process, its threads that ended included. */
double load_cpu(pid_t pid);

/* The p-th part (0.99) of x[n], which is sorted by it; 0 where n is 0. */
double load_quantile(double *x, size_t n, double p);

/* This process and its threads stay on these processors: from, from + 1, ...
 * False where that is not to be had. */
bool load_pin(unsigned from, unsigned count);

/* An environment variable as a number, or a value where it is not set. */
double load_setting(const char *name, double otherwise);

/* Begins the table: what is measured, machine and its load beside it. */
void load_table(const char *title);
/* A line of it. `target` "": told, not judged. */
void load_line(const char *what, double value, const char *unit,
               const char *target, bool met);
/* How many lines missed their target. */
int load_missed(void);

#endif
