/* SPDX-License-Identifier: MIT
 *
 * The sandbox: what it lets a process do, and what it kills it for. Each case
 * is a process of its own. */
#include "server/sandbox.h"

#include "tests/support/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT = 77 };

/* What the process does inside; its result becomes the exit status. */
static int run(int (*work)(int pipe), int pipe)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        if (!lipd_sandbox_limit((size_t)1 << 30, 1 << 20, 10) ||
            !lipd_sandbox_enter())
            _exit(CANNOT);
        _exit(work(pipe));
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != CANNOT);
    return status;
}

static int compute_and_write(int pipe)
{
    char *block = mmap(NULL, 1 << 24, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return 1;
    memset(block, 'x', 1 << 24);
    return write(pipe, block, 10) == 10 ? 0 : 2;
}

START_TEST(may_compute_and_write)
{
    int ends[2];
    char text[16];
    ck_assert_int_eq(pipe(ends), 0);
    int status = run(compute_and_write, ends[1]);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_int_eq(read(ends[0], text, sizeof text), 10);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

static int open_file(int pipe)
{
    (void)pipe;
    long file = syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
    return file == -1 && errno == ENOENT ? 0 : 1;
}

START_TEST(there_are_no_files)
{
    int status = run(open_file, -1);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

static int open_socket(int pipe)
{
    (void)pipe;
    return (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static int open_unix_socket(int pipe)
{
    (void)pipe;
    return (int)syscall(SYS_socket, AF_UNIX, SOCK_DGRAM, 0);
}

static int make_process(int pipe)
{
    (void)pipe;
    return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int run_program(int pipe)
{
    char *const argv[] = {NULL};
    (void)pipe;
    return (int)syscall(SYS_execve, "/bin/true", argv, argv);
}

static int send_signal(int pipe)
{
    (void)pipe;
    return (int)syscall(SYS_kill, getppid(), 0);
}

static int make_code(int pipe)
{
    (void)pipe;
    return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != 0;
}

static int make_executable(int pipe)
{
    (void)pipe;
    void *block = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return (int)syscall(SYS_mprotect, block, 4096, PROT_READ | PROT_EXEC);
}

static int map_file(int pipe)
{
    return syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, pipe, 0) != 0;
}

static int read_memory_of_others(int pipe)
{
    (void)pipe;
    return (int)syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0);
}

static int lift_limits(int pipe)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    (void)pipe;
    return (int)syscall(SYS_prlimit64, 0, RLIMIT_CPU, &limit, NULL);
}

static int remove_file(int pipe)
{
    (void)pipe;
    return (int)syscall(SYS_unlinkat, AT_FDCWD, "/tmp/nothing-there", 0);
}

START_TEST(is_killed_for_anything_else)
{
    static int (*const works[])(int) = {
        open_socket,           open_unix_socket, make_process,    run_program,
        send_signal,           make_code,        make_executable, map_file,
        read_memory_of_others, lift_limits,      remove_file};
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        int status = run(works[i], 0);
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
                      "case %zu: status %x", i, status);
    }
}
END_TEST

static int look_at_limits(int pipe)
{
    struct rlimit limit;
    bool none = true;
    static const int zero[] = {RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_CORE};
    (void)pipe;
    for (size_t i = 0; i < sizeof zero / sizeof *zero; i++)
        none = none && getrlimit(zero[i], &limit) == 0 && limit.rlim_max == 0;
    getrlimit(RLIMIT_CPU, &limit);
    return none && limit.rlim_cur <= 10 && limit.rlim_max <= 11 ? 0 : 1;
}

START_TEST(limits)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(lipd_sandbox_limit((size_t)1 << 40, 1 << 20, 10)
                  ? look_at_limits(-1)
                  : CANNOT);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sandbox");
    TCase *tests = tcase_create("sandbox");
    tcase_add_test(tests, may_compute_and_write);
    tcase_add_test(tests, there_are_no_files);
    tcase_add_test(tests, is_killed_for_anything_else);
    tcase_add_test(tests, limits);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
