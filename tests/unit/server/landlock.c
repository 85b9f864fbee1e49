/* SPDX-License-Identifier: MIT
 *
 * A process that has one folder. Where the kernel has no Landlock there is
 * nothing to test, and it says so. */
#include "server/landlock.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT = 77 };

static char name[FOLDER_NAME], other[FOLDER_NAME];
static int folder;

static void setup(void)
{
    folder_make(name);
    folder_make(other);
    folder = open(name, O_RDONLY | O_DIRECTORY);
    ck_assert_int_ge(folder, 0);
}

static void teardown(void)
{
    close(folder);
    folder_remove(name);
    folder_remove(other);
}

/* The exit status of a process that has entered. */
static int run(int (*work)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
                      lipd_landlock_enter(folder)
                  ? work()
                  : CANNOT);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The number of the step that went wrong; 0: none. */
static int use_the_folder(void)
{
    char byte = 'x';
    int fd = openat(folder, "a", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, &byte, 1) != 1 || fsync(fd) || ftruncate(fd, 0))
        return 1;
    if (renameat(folder, "a", folder, "b"))
        return 2;
    int again = openat(folder, "b", O_WRONLY | O_TRUNC);
    if (again < 0 || openat(folder, ".", O_RDONLY | O_DIRECTORY) < 0)
        return 3;
    return unlinkat(folder, "b", 0) ? 4 : 0;
}

START_TEST(its_folder_is_its_own)
{
    ck_assert_int_eq(run(use_the_folder), 0);
}
END_TEST

static bool refused(int result)
{
    return result < 0 && (errno == EACCES || errno == EXDEV);
}

static int leave_the_folder(void)
{
    char path[200];
    if (!refused(open("/etc/passwd", O_RDONLY)) ||
        !refused(openat(folder, "/etc/passwd", O_RDONLY)) ||
        !refused(openat(folder, "../..", O_RDONLY | O_DIRECTORY)) ||
        !refused(openat(folder, "link", O_RDONLY)))
        return 1;
    snprintf(path, sizeof path, "%s/new", other);
    if (!refused(open(path, O_WRONLY | O_CREAT, 0600)))
        return 2;
    snprintf(path, sizeof path, "%s/kept", other);
    if (!refused(unlink(path)) || !refused(truncate(path, 0)))
        return 3;
    if (!refused(renameat(folder, "mine", AT_FDCWD, path)) ||
        !refused(linkat(AT_FDCWD, path, folder, "taken", 0)))
        return 4;
    return refused(mkdirat(folder, "folder", 0700)) &&
                   refused(symlinkat("/etc", folder, "more"))
               ? 0
               : 5;
}

static void make_file(const char *where, const char *file)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", where, file);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

START_TEST(nothing_else_is)
{
    make_file(other, "kept");
    make_file(name, "mine");
    ck_assert_int_eq(symlinkat("/etc/passwd", folder, "link"), 0);
    ck_assert_int_eq(run(leave_the_folder), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/landlock");
    TCase *tests = tcase_create("landlock");
    tcase_add_checked_fixture(tests, setup, teardown);
    if (lipd_landlock_version()) {
        tcase_add_test(tests, its_folder_is_its_own);
        tcase_add_test(tests, nothing_else_is);
    } else {
        puts("This kernel has no Landlock.");
    }
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
