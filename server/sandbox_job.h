/* SPDX-License-Identifier: MIT
 *
 * For the process of a job: what it may still do once it has open what it
 * reads. It computes on numbers that come from outside, and no fault in that
 * is to reach further than its own folder. */
#ifndef LIPD_SANDBOX_JOB_H
#define LIPD_SANDBOX_JOB_H

#include <stdbool.h>
#include <stddef.h>

/* The most of each, for good; less where less was set before. */
struct lipd_sandbox_limits {
    size_t memory;  /* bytes of data, its threads' stacks and heaps aside */
    size_t file;    /* bytes of a file that it writes */
    size_t threads; /* of each the room that it needs */
    double seconds; /* of processor time */
};
bool lipd_sandbox_job_limit(const struct lipd_sandbox_limits *limits);

/* What is in force; bits. */
enum {
    LIPD_CONFINED_CALLS = 1, /* system calls: seccomp */
    LIPD_CONFINED_FILES = 2  /* paths: Landlock */
};

/* From here on the process, of one thread at this moment, may compute, take
 * memory, start threads, read and write what it has open, and read, make,
 * write, rename and remove files of this folder (a descriptor, by names
 * relative to it). Opening anything else fails; to touch the network, to run
 * programs, make processes, signal or trace others ends it: SIGSYS. Returns
 * what is in force, 0 where the kernel has neither. A build with a sanitizer,
 * which does much of that itself, is only kept from network and programs. */
unsigned lipd_sandbox_job_enter(int folder);

/* What is going to be in force here, for the log; static storage. */
const char *lipd_sandbox_job_kind(void);

#endif
