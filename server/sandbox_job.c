/* SPDX-License-Identifier: MIT
 *
 * Three kinds of system calls: those that a job needs; those that nothing but a
 * fault or an attack asks for, which end it; and all others, which are not
 * there (ENOSYS), so that a C library that is newer than this list does without
 * them. */
#include "server/sandbox_job.h"

#include "base/size.h"
#include "server/filter.h"
#include "server/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A sanitizer's shadow counts as memory, and it looks at itself from another
 * process. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { INSTRUMENTED = 1 };
#else
enum { INSTRUMENTED = 0 };
#endif

enum { FILES_OPEN = 64 };

/* --- limits */

static bool limit(int what, size_t most)
{
    struct rlimit now;
    if (getrlimit(what, &now))
        return false;
    rlim_t least = now.rlim_max < most ? now.rlim_max : most;
    now.rlim_max = least;
    if (now.rlim_cur > least)
        now.rlim_cur = least;
    return !setrlimit(what, &now);
}

/* `most`, with room for what is not the job's data: program and libraries,
 * BLAS's buffers, and of each thread a stack and what its heap sets aside. */
static bool limit_memory(const struct lipd_sandbox_limits *limits)
{
    const size_t spare = (size_t)1 << 30, of_thread = (size_t)64 << 20;
    size_t data, space;
    return !lip_size_add(&data, limits->memory,
                         spare + limits->threads * of_thread) ||
           !lip_size_add(&space, data,
                         3 * spare + limits->threads * of_thread) ||
           (limit(RLIMIT_DATA, data) && limit(RLIMIT_AS, space));
}

bool lipd_sandbox_job_limit(const struct lipd_sandbox_limits *limits)
{
    return (INSTRUMENTED || limit_memory(limits)) &&
           limit(RLIMIT_CPU, (size_t)limits->seconds) &&
           limit(RLIMIT_FSIZE, limits->file) &&
           limit(RLIMIT_NOFILE, FILES_OPEN) && limit(RLIMIT_CORE, 0);
}

/* --- system calls */

#ifdef FILTER_ARCHITECTURE

enum { TESTS = 2, PROGRAM_MAX = 512 };

/* What is asked of an argument; NONE: nothing. */
enum test_kind { NONE, IS, IS_NOT, HAS, HAS_NOT, IS_FOLDER, IS_ITSELF };
struct test {
    enum test_kind kind;
    uint32_t at; /* in struct seccomp_data */
    uint32_t value;
};

/* These calls get this answer; where the rule has tests, and all of them hold,
 * they may be made. */
struct rule {
    uint32_t answer;
    struct test unless[TESTS];
    const int *call;
    size_t count;
};

#define ALLOWED SECCOMP_RET_ALLOW
#define ENDS SECCOMP_RET_KILL_PROCESS
#define FAILS(error) (SECCOMP_RET_ERRNO | (error))

/* clang-format off */
#define ALWAYS {{NONE, 0, 0}}
#define CALLS(...)                                                             \
    (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int)

/* Network, programs, the system as a whole: in every build. */
static const struct rule outside = {
    ENDS, ALWAYS,
    CALLS(SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen,
          SYS_accept, SYS_accept4, SYS_sendto, SYS_sendmsg, SYS_sendmmsg,
          SYS_execve, SYS_execveat, SYS_bpf, SYS_perf_event_open,
          SYS_userfaultfd, SYS_io_uring_setup, SYS_io_uring_enter,
          SYS_keyctl, SYS_add_key, SYS_request_key, SYS_mount, SYS_umount2,
          SYS_pivot_root, SYS_chroot, SYS_setns, SYS_unshare, SYS_init_module,
          SYS_finit_module, SYS_kexec_load, SYS_reboot, SYS_open_by_handle_at)
};

/* The most frequent first; a call is in one row. Others fail with ENOSYS. */
static const struct rule rules[] = {
    {ALLOWED, ALWAYS,
     CALLS(SYS_futex, SYS_clock_gettime, SYS_read, SYS_write, SYS_sched_yield,
           SYS_madvise, SYS_munmap)},

    /* Memory, but none that can be executed. */
    {FAILS(EACCES), {{HAS_NOT, ARGUMENT(2), PROT_EXEC}},
     CALLS(SYS_mmap, SYS_mprotect)},
    {ALLOWED, ALWAYS, CALLS(SYS_mremap, SYS_brk)},

    /* Files: those of its folder, and what is open. */
    {FAILS(EACCES), {{IS_FOLDER, ARGUMENT(0), 0}},
     CALLS(SYS_openat, SYS_unlinkat)},
    {FAILS(EACCES), {{IS_FOLDER, ARGUMENT(0), 0}, {IS_FOLDER, ARGUMENT(2), 0}},
     CALLS(SYS_renameat, SYS_renameat2)},
    {FAILS(EACCES), {{IS_NOT, ARGUMENT(0), (uint32_t)AT_FDCWD}},
     CALLS(SYS_newfstatat, SYS_statx)},
    {ALLOWED, ALWAYS,
     CALLS(SYS_close, SYS_fstat, SYS_lseek, SYS_pread64, SYS_pwrite64,
           SYS_readv, SYS_writev, SYS_fsync, SYS_fdatasync, SYS_ftruncate,
           SYS_getdents64, SYS_flock)},
    {FAILS(EINVAL), {{IS, ARGUMENT(1), F_GETFL}}, CALLS(SYS_fcntl)},
    {FAILS(ENOTTY), ALWAYS, CALLS(SYS_ioctl)},

    /* Threads, and no processes. clone3 shows its flags to no filter; without
     * it the C library uses clone. */
    {ENDS, {{HAS, ARGUMENT(0), CLONE_THREAD}}, CALLS(SYS_clone)},
    {FAILS(EINVAL), {{IS, ARGUMENT(0), PR_SET_NAME}}, CALLS(SYS_prctl)},
    {ALLOWED, ALWAYS,
     CALLS(SYS_set_robust_list, SYS_rseq, SYS_membarrier,
           SYS_sched_getaffinity, SYS_gettid, SYS_getpid, SYS_getppid,
           SYS_exit, SYS_exit_group)},

    /* Signals, of others' and to itself. */
    {ENDS, {{IS_ITSELF, ARGUMENT(0), 0}}, CALLS(SYS_tgkill)},
    {ALLOWED, ALWAYS,
     CALLS(SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,
           SYS_sigaltstack, SYS_restart_syscall)},

    /* Time, and what it is told of itself; limits are read, not set. */
    {FAILS(EPERM), {{IS, ARGUMENT(2), 0}, {IS, ARGUMENT_HIGH(2), 0}},
     CALLS(SYS_prlimit64)},
    {ALLOWED, ALWAYS,
     CALLS(SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep,
           SYS_gettimeofday, SYS_ppoll, SYS_getrandom, SYS_uname, SYS_sysinfo,
           SYS_getrusage, SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid)},

    /* Other processes. */
    {ENDS, ALWAYS,
     CALLS(SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kill,
           SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
           SYS_pidfd_open, SYS_pidfd_send_signal, SYS_pidfd_getfd)},

#ifdef __x86_64__ /* Calls that later architectures do without. */
    {ENDS, ALWAYS, CALLS(SYS_fork, SYS_vfork)},
    {ALLOWED, ALWAYS, CALLS(SYS_poll)},
#endif
};
/* clang-format on */

struct program {
    struct sock_filter at[PROGRAM_MAX];
    size_t count;
};

/* One too many is told by `enter`. */
static void put(struct program *program, struct sock_filter instruction)
{
    if (program->count < PROGRAM_MAX)
        program->at[program->count] = instruction;
    program->count++;
}

/* Goes on where the test of the loaded argument holds, skips `n` instructions
 * otherwise. */
static struct sock_filter demand(const struct test *test, int folder, uint8_t n)
{
    bool is_bits = test->kind == HAS || test->kind == HAS_NOT;
    bool is_not = test->kind == IS_NOT || test->kind == HAS_NOT;
    uint32_t value = test->kind == IS_FOLDER   ? (uint32_t)folder
                     : test->kind == IS_ITSELF ? (uint32_t)getpid()
                                               : test->value;
    return (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K |
                                            (is_bits ? BPF_JSET : BPF_JEQ),
                                        value, is_not ? n : 0, is_not ? 0 : n);
}

/* LOAD and a test for each, ALLOW behind the last, then the answer. */
static void put_call(struct program *program, int call, const struct rule *rule,
                     int folder)
{
    uint8_t tests = 0;
    while (tests < TESTS && rule->unless[tests].kind)
        tests++;
    uint8_t size = tests ? 2 * tests + 2 : 1;
    put(program, (struct sock_filter)UNLESS_SKIP(call, size));
    for (uint8_t i = 0; i < tests; i++) {
        uint8_t left = 2 * (tests - 1 - i) + 1;
        put(program, (struct sock_filter)LOAD(rule->unless[i].at));
        put(program, demand(&rule->unless[i], folder, left));
    }
    if (tests)
        put(program, (struct sock_filter)ALLOW);
    put(program, (struct sock_filter)RETURN(rule->answer));
}

static void put_rule(struct program *program, const struct rule *rule,
                     int folder)
{
    for (size_t i = 0; i < rule->count; i++)
        put_call(program, rule->call[i], rule, folder);
}

static bool enter(struct program *program)
{
    struct sock_fprog all = {(unsigned short)program->count, program->at};
    if (program->count > PROGRAM_MAX)
        return false;
    /* Older kernels would also slow its arithmetic down, as that of a program
     * that runs others' code. */
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                   SECCOMP_FILTER_FLAG_SPEC_ALLOW, &all) == 0 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) == 0;
}

static bool confine_calls(int folder)
{
    static const struct sock_filter begin[] = {ON_THIS_ARCHITECTURE};
    struct program program = {.count = 0};
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
        put(&program, begin[i]);
    for (size_t i = 0; !INSTRUMENTED && i < sizeof rules / sizeof *rules; i++)
        put_rule(&program, &rules[i], folder);
    put_rule(&program, &outside, folder);
    put(&program,
        (struct sock_filter)RETURN(INSTRUMENTED ? ALLOWED : FAILS(ENOSYS)));
    return enter(&program);
}

#else

static bool confine_calls(int folder)
{
    (void)folder;
    return false;
}

#endif

/* --- both */

/* Its own system calls are those of the program that it runs. */
static bool under_valgrind(void)
{
    const char *loaded = getenv("LD_PRELOAD");
    return loaded && strstr(loaded, "vgpreload");
}

unsigned lipd_sandbox_job_enter(int folder)
{
    unsigned force = 0;
    if (under_valgrind() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return 0;
    if (!INSTRUMENTED && lipd_landlock_enter(folder))
        force |= LIPD_CONFINED_FILES;
    if (confine_calls(folder))
        force |= LIPD_CONFINED_CALLS;
    return force;
}

const char *lipd_sandbox_job_kind(void)
{
    static char text[64];
    int version = lipd_landlock_version();
    bool calls = prctl(PR_GET_SECCOMP) >= 0;
#ifndef FILTER_ARCHITECTURE
    calls = false;
#endif
    if (under_valgrind())
        return "none (valgrind)";
    if (INSTRUMENTED)
        return calls ? "seccomp (network and programs only: sanitizer build)"
                     : "none";
    if (version)
        snprintf(text, sizeof text, "%slandlock %d", calls ? "seccomp, " : "",
                 version);
    else
        snprintf(text, sizeof text, "%s", calls ? "seccomp" : "none");
    return text;
}
