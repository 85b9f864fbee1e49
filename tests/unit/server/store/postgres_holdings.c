/* SPDX-License-Identifier: MIT
 *
 * Who keeps what, shared. What two machines do is in postgres_hold.c. */
#include "server/store/postgres.h"
#include "tests/support/holdings_suite.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"

static struct postgres server;
static struct lipd_pg *pg;

static void setup(void)
{
    postgres_empty(&server);
    pg = postgres_pool(&server);
}

static void teardown(void)
{
    lipd_pg_close(pg);
}

static struct lipd_holdings *open_holdings(void)
{
    return lipd_pg_holdings(pg);
}

int main(void)
{
    static const struct holdings_source source = {setup, teardown,
                                                  open_holdings};
    Suite *suite = suite_create("postgres_holdings");
    suite_add_tcase(suite, holdings_suite(&source));
    return postgres_suite(&server, suite);
}
