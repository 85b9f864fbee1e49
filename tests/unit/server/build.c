/* SPDX-License-Identifier: MIT
 *
 * A program knows which it is: the id that its linker wrote, in every process.
 */
#include "server/build.h"

#include "api/version.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What readelf shows, or "". */
static void read_id(char out[100])
{
    char command[200];
    snprintf(command, sizeof command,
             "readelf -n /proc/%d/exe | sed -n 's/ *Build ID: //p'",
             (int)getpid());
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    if (!fgets(out, 100, pipe))
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    pclose(pipe);
}

START_TEST(it_is_the_linkers)
{
    char id[100], expected[200];
    read_id(id);
    snprintf(expected, sizeof expected, "%s %s", API_VERSION, id);
    ck_assert_uint_eq(strlen(id), 40);
    ck_assert_str_eq(lipd_build(), expected);
}
END_TEST

START_TEST(it_is_the_same_in_every_process)
{
    char before[200];
    snprintf(before, sizeof before, "%s", lipd_build());
    pid_t child = fork();
    if (!child)
        _exit(strcmp(before, lipd_build()) != 0);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("build");
    TCase *tests = tcase_create("build");
    tcase_add_test(tests, it_is_the_linkers);
    tcase_add_test(tests, it_is_the_same_in_every_process);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
