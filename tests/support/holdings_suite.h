/* SPDX-License-Identifier: MIT
 *
 * The tests of the interface of holdings, for each implementation. */
#ifndef LIP_TESTS_SUPPORT_HOLDINGS_SUITE_H
#define LIP_TESTS_SUPPORT_HOLDINGS_SUITE_H

#include "server/store/holdings.h"

#include <check.h>

struct holdings_source {
    void (*setup)(void); /* before each test: a place without holdings */
    void (*teardown)(void);
    struct lipd_holdings *(*open)(void); /* the same holdings each time */
};

TCase *holdings_suite(const struct holdings_source *source);

#endif
