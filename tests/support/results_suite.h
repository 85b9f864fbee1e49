/* SPDX-License-Identifier: MIT
 *
 * The tests of the interface of stores of results, for each implementation. */
#ifndef LIP_TESTS_SUPPORT_RESULTS_SUITE_H
#define LIP_TESTS_SUPPORT_RESULTS_SUITE_H

#include "server/store/results.h"

#include <check.h>

struct results_source {
    void (*setup)(void); /* before each test: a place without results */
    void (*teardown)(void);
    struct lipd_results *(*open)(size_t most); /* the same each time */
    /* Changes the bytes of every document behind the store's back. */
    void (*damage)(void);
    size_t slack; /* what it may hold above `most` */
};

TCase *results_suite(const struct results_source *source);

#endif
