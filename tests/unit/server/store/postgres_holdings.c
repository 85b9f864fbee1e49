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
    char complaint[512];
    postgres_run(&server, "DROP SCHEMA IF EXISTS lipschitzd CASCADE");
    pg = lipd_pg_open(server.url, complaint, sizeof complaint);
    ck_assert_msg(pg != NULL, "%s", complaint);
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
    if (!postgres_there())
        return 0;
    postgres_start(&server);
    suite_add_tcase(suite, holdings_suite(&source));
    int status = run_suite(suite);
    postgres_end(&server);
    return status;
}
