/* SPDX-License-Identifier: MIT
 *
 * One daemon a directory: a second is refused with a sentence, until the first
 * has ended, however it did. */
#include "server/data_lock.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[FOLDER_NAME], complaint[512];

static void setup(void)
{
    folder_make(folder);
}

static void teardown(void)
{
    folder_remove(folder);
}

static int lock(void)
{
    return lipd_data_lock(folder, complaint, sizeof complaint);
}

START_TEST(a_second_is_refused)
{
    int first = lock();
    ck_assert_int_ge(first, 0);
    ck_assert_int_eq(lock(), -1);
    ck_assert_ptr_nonnull(strstr(complaint, "--data-dir"));
    ck_assert_ptr_nonnull(strstr(complaint, folder));
    close(first);
    int second = lock();
    ck_assert_int_ge(second, 0);
    close(second);
}
END_TEST

START_TEST(kill_9_gives_the_lock_back)
{
    int ends[2];
    char byte;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        byte = lock() >= 0 ? 'y' : 'n';
        if (write(ends[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'y');
    ck_assert_int_eq(lock(), -1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    int fd = lock();
    ck_assert_int_ge(fd, 0);
    close(fd);
}
END_TEST

START_TEST(a_directory_is_made)
{
    char inner[FOLDER_NAME + 8];
    snprintf(inner, sizeof inner, "%s/data", folder);
    int fd = lipd_data_lock(inner, complaint, sizeof complaint);
    ck_assert_int_ge(fd, 0);
    close(fd);
    snprintf(inner, sizeof inner, "%s/a/b", folder);
    ck_assert_int_eq(lipd_data_lock(inner, complaint, sizeof complaint), -1);
    ck_assert_ptr_nonnull(strstr(complaint, "No such file"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("data_lock");
    TCase *tests = tcase_create("data_lock");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_second_is_refused);
    tcase_add_test(tests, kill_9_gives_the_lock_back);
    tcase_add_test(tests, a_directory_is_made);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
