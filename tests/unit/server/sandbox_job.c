/* SPDX-License-Identifier: MIT
 *
 * The sandbox of jobs: what a process may do there, what fails, and what ends
 * it. Each case is a process of its own. */
#include "server/sandbox_job.h"

#include "server/landlock.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { INSTRUMENTED = 1 };
#else
enum { INSTRUMENTED = 0 };
#endif

/* TSan starts no threads in a process that was forked. */
#ifdef __SANITIZE_THREAD__
enum { THREADS = 0 };
#else
enum { THREADS = 8 };
#endif

enum { CANNOT = 77 };

static char name[FOLDER_NAME];
static int folder, elsewhere, ends[2];

static void setup(void)
{
    folder_make(name);
    folder = open(name, O_RDONLY | O_DIRECTORY);
    elsewhere = open("/", O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(pipe(ends), 0);
}

static void teardown(void)
{
    close(folder);
    close(elsewhere);
    close(ends[0]);
    close(ends[1]);
    folder_remove(name);
}

/* The status of a process that works in the sandbox. */
static int run(int (*work)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        unsigned force = lipd_sandbox_job_enter(folder);
        _exit(force & LIPD_CONFINED_CALLS ? work() : CANNOT);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

/* --- what it may */

static void *count(void *arg)
{
    char *text = malloc(100000);
    memset(text, 1, 100000);
    ++*(int *)arg;
    free(text);
    return NULL;
}

static int use_threads(void)
{
    int counted[THREADS + 1] = {0}, sum = 0;
    pthread_t thread[THREADS + 1];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, count, &counted[i]))
            return 1;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        sum += counted[i];
    }
    return sum == THREADS ? 0 : 2;
}

static int use_memory_and_time(void)
{
    struct timespec step = {.tv_nsec = 1000}, now;
    struct rlimit limit;
    char *block = malloc((size_t)1 << 26), byte;
    if (!block)
        return 1;
    memset(block, 'x', (size_t)1 << 26);
    block = realloc(block, (size_t)1 << 27);
    free(block);
    return nanosleep(&step, NULL) || clock_gettime(CLOCK_REALTIME, &now) ||
           getrlimit(RLIMIT_AS, &limit) || getrandom(&byte, 1, 0) != 1;
}

static int use_files(void)
{
    char byte = 'x';
    struct stat status;
    int fd = openat(folder, "a", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, &byte, 1) != 1 || fsync(fd) || fstat(fd, &status))
        return 1;
    if (close(fd) || renameat(folder, "a", folder, "b") || fsync(folder))
        return 2;
    fd = openat(folder, "b", O_RDONLY);
    if (fd < 0 || read(fd, &byte, 1) != 1 || unlinkat(folder, "b", 0))
        return 3;
    return write(ends[1], &byte, 1) == 1 && fprintf(stderr, "%s", "") >= 0 ? 0
                                                                           : 4;
}

START_TEST(it_may_compute_and_keep_files)
{
    int (*const works[])(void) = {use_threads, use_memory_and_time, use_files};
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        int status = run(works[i]);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                      "case %zu: status %x", i, status);
    }
}
END_TEST

static int fall(void)
{
    abort();
}

START_TEST(an_abort_is_told_as_one)
{
    int status = run(fall);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
END_TEST

/* --- what fails */

static bool refused(long result)
{
    return result < 0 && errno == EACCES;
}

static int open_by_path(void)
{
    return refused(open("/etc/passwd", O_RDONLY)) &&
                   refused(openat(elsewhere, "etc/passwd", O_RDONLY)) &&
                   refused(unlinkat(elsewhere, "none", 0)) &&
                   refused(renameat(folder, "a", elsewhere, "a")) &&
                   refused(renameat(elsewhere, "a", folder, "a"))
               ? 0
               : 1;
}

/* By way of its own folder: the kernel has to help. */
static int open_through_the_folder(void)
{
    return refused(openat(folder, "/etc/passwd", O_RDONLY)) &&
                   refused(openat(folder, "../..", O_RDONLY)) &&
                   openat(folder, "a", O_WRONLY | O_CREAT, 0600) >= 0 &&
                   renameat(folder, "a", folder, "/tmp/a") &&
                   (errno == EACCES || errno == EXDEV)
               ? 0
               : 1;
}

static int make_code(void)
{
    void *block = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return refused(mprotect(block, 4096, PROT_READ | PROT_EXEC)) &&
                   mmap(NULL, 4096, PROT_READ | PROT_EXEC,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? 0
               : 1;
}

static int lift_limits(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_AS, &limit) && errno == EPERM ? 0 : 1;
}

static int ask_for_the_unknown(void)
{
    return syscall(SYS_memfd_create, "x", 0) < 0 && errno == ENOSYS &&
                   syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS &&
                   prctl(PR_SET_DUMPABLE, 1) < 0
               ? 0
               : 1;
}

/* Rows of the table that no case above meets: by argument, not by call. */
static int ask_otherwise(void)
{
    struct stat status;
    struct rlimit limit;
    if (!refused(fstatat(AT_FDCWD, "/etc/passwd", &status, 0)) ||
        fstatat(folder, "", &status, AT_EMPTY_PATH))
        return 1;
    if (fcntl(ends[1], F_GETFL) < 0 || fcntl(ends[1], F_SETFL, 0) != -1 ||
        errno != EINVAL)
        return 2;
    if (isatty(ends[1]) || errno != ENOTTY || prctl(PR_SET_NAME, "job"))
        return 3;
    /* The upper half of the address counts, too. */
    return syscall(SYS_prlimit64, 0, RLIMIT_AS, (long)1 << 32, &limit) < 0 &&
                   errno == EPERM
               ? 0
               : 4;
}

START_TEST(the_rest_is_refused)
{
    int (*const works[])(void) = {open_by_path,  make_code,
                                  lift_limits,   ask_for_the_unknown,
                                  ask_otherwise, open_through_the_folder};
    size_t count_of = sizeof works / sizeof *works;
    if (!lipd_landlock_version())
        count_of--;
    for (size_t i = 0; i < count_of && !INSTRUMENTED; i++) {
        int status = run(works[i]);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                      "case %zu: status %x", i, status);
    }
}
END_TEST

/* --- what ends it */

static int open_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static int open_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_DGRAM, 0);
}

static int open_socket_pair(void)
{
    int pair[2];
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int run_program(void)
{
    char *const argv[] = {NULL};
    return execve("/bin/true", argv, argv);
}

static int run_shell(void)
{
    return system("true");
}

static int spawn(void)
{
    pid_t pid;
    char program[] = "true", *const argv[] = {program, NULL};
    return posix_spawn(&pid, "/bin/true", NULL, NULL, argv, argv);
}

static int make_process(void)
{
    return fork() < 0;
}

static int trace(void)
{
    return (int)syscall(SYS_ptrace, 16, getppid(), 0, 0);
}

static int send_signal(void)
{
    return kill(getppid(), 0);
}

static int send_signal_to_thread(void)
{
    return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int read_others_memory(void)
{
    return (int)syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0);
}

static int leave_the_root(void)
{
    return chroot(name);
}

START_TEST(it_ends_for_what_only_an_attack_asks_for)
{
    int (*const works[])(void) = {open_socket,
                                  open_unix_socket,
                                  open_socket_pair,
                                  run_program,
                                  run_shell,
                                  leave_the_root,
                                  spawn,
                                  make_process,
                                  trace,
                                  send_signal,
                                  send_signal_to_thread,
                                  read_others_memory};
    /* The sanitizers' own work is of the later kinds. */
    size_t count_of = INSTRUMENTED ? 4 : sizeof works / sizeof *works;
    for (size_t i = 0; i < count_of; i++) {
        int status = run(works[i]);
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
                      "case %zu: status %x", i, status);
    }
}
END_TEST

/* --- limits */

static bool at_most(int what, rlim_t most)
{
    struct rlimit limit;
    return !getrlimit(what, &limit) && limit.rlim_cur <= most &&
           limit.rlim_max <= most;
}

START_TEST(limits)
{
    const struct lipd_sandbox_limits given = {
        .memory = 1 << 20, .file = 1000, .threads = 2, .seconds = 7};
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGXFSZ, SIG_IGN);
        bool good = lipd_sandbox_job_limit(&given) && at_most(RLIMIT_CPU, 7) &&
                    at_most(RLIMIT_FSIZE, 1000) && at_most(RLIMIT_CORE, 0) &&
                    at_most(RLIMIT_NOFILE, 64);
        if (!INSTRUMENTED)
            good = good && at_most(RLIMIT_DATA, (rlim_t)2 << 30) &&
                   at_most(RLIMIT_AS, (rlim_t)6 << 30) &&
                   mmap(NULL, (size_t)8 << 30, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
        int fd = openat(folder, "a", O_WRONLY | O_CREAT, 0600);
        char bytes[2000] = "";
        good = good && write(fd, bytes, sizeof bytes) == 1000 &&
               write(fd, bytes, 1) < 0 && errno == EFBIG;
        _exit(good ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(the_kind_is_told)
{
    const char *kind = lipd_sandbox_job_kind();
    ck_assert_msg(strstr(kind, "seccomp") || strstr(kind, "none"), "%s", kind);
    ck_assert(!strstr(kind, "landlock") == !lipd_landlock_version() ||
              INSTRUMENTED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/sandbox_job");
    TCase *tests = tcase_create("sandbox_job");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, it_may_compute_and_keep_files);
    tcase_add_test(tests, an_abort_is_told_as_one);
    tcase_add_test(tests, the_rest_is_refused);
    tcase_add_test(tests, it_ends_for_what_only_an_attack_asks_for);
    tcase_add_test(tests, limits);
    tcase_add_test(tests, the_kind_is_told);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
