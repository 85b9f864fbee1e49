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

/* The first argument is the folder's descriptor. */
#define ONLY_IN(folder, name)                                                  \
    UNLESS_SKIP(SYS_##name, 4), LOAD(ARGUMENT(0)), UNLESS_SKIP(folder, 1),     \
        ALLOW, REFUSE(EACCES)
/* From the folder to the folder. */
#define ONLY_INSIDE(folder, name)                                              \
    UNLESS_SKIP(SYS_##name, 6), LOAD(ARGUMENT(0)), UNLESS_SKIP(folder, 3),     \
        LOAD(ARGUMENT(2)), UNLESS_SKIP(folder, 1), ALLOW, REFUSE(EACCES)
/* What is open, or below it, but not by a path from where we are. */
#define ONLY_BY_DESCRIPTOR(name)                                               \
    UNLESS_SKIP(SYS_##name, 4), LOAD(ARGUMENT(0)), UNLESS_SKIP(AT_FDCWD, 1),   \
        REFUSE(EACCES), ALLOW
/* Memory, but none that can be executed. */
#define ONLY_DATA(name)                                                        \
    UNLESS_SKIP(SYS_##name, 4), LOAD(ARGUMENT(2)),                             \
        UNLESS_BIT_SKIP(PROT_EXEC, 1), REFUSE(EACCES), ALLOW
/* `argument` is this, or else. */
#define ONLY_WITH(name, argument, value, otherwise)                            \
    UNLESS_SKIP(SYS_##name, 4), LOAD(ARGUMENT(argument)),                      \
        UNLESS_SKIP(value, 1), ALLOW, otherwise

#ifdef SYS_fork
#define NEVER_FORK NEVER(fork), NEVER(vfork)
#else
#define NEVER_FORK NEVER(wait4)
#endif

#define NEVER_OUTSIDE                                                          \
    NEVER(socket), NEVER(socketpair), NEVER(connect), NEVER(bind),             \
        NEVER(listen), NEVER(accept), NEVER(accept4), NEVER(sendto),           \
        NEVER(sendmsg), NEVER(sendmmsg), NEVER(execve), NEVER(execveat),       \
        NEVER(bpf), NEVER(perf_event_open), NEVER(userfaultfd),                \
        NEVER(io_uring_setup), NEVER(io_uring_enter), NEVER(keyctl),           \
        NEVER(add_key), NEVER(request_key), NEVER(mount), NEVER(umount2),      \
        NEVER(pivot_root), NEVER(chroot), NEVER(setns), NEVER(unshare),        \
        NEVER(init_module), NEVER(finit_module), NEVER(kexec_load),            \
        NEVER(reboot), NEVER(open_by_handle_at)

#define NEVER_OTHERS                                                           \
    NEVER_FORK, NEVER(ptrace), NEVER(process_vm_readv),                        \
        NEVER(process_vm_writev), NEVER(kill), NEVER(tkill),                   \
        NEVER(rt_sigqueueinfo), NEVER(rt_tgsigqueueinfo), NEVER(pidfd_open),   \
        NEVER(pidfd_send_signal), NEVER(pidfd_getfd)

static bool enter(struct sock_filter *filter, size_t count)
{
    struct sock_fprog program = {(unsigned short)count, filter};
    /* Older kernels would also slow its arithmetic down, as that of a program
     * that runs others' code. */
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                   SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) == 0 ||
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool confine_instrumented(void)
{
    struct sock_filter filter[] = {ON_THIS_ARCHITECTURE, NEVER_OUTSIDE, ALLOW};
    return enter(filter, sizeof filter / sizeof *filter);
}

static bool confine_calls(int folder)
{
    struct sock_filter filter[] = {
        ON_THIS_ARCHITECTURE,
        /* The most frequent first. */
        MAY(futex),
        MAY(clock_gettime),
        MAY(read),
        MAY(write),
        MAY(sched_yield),
        MAY(madvise),
        MAY(munmap),
        ONLY_DATA(mmap),
        ONLY_DATA(mprotect),
        NEVER_OUTSIDE,
        NEVER_OTHERS,
        /* Files. */
        ONLY_IN(folder, openat),
        ONLY_IN(folder, unlinkat),
        ONLY_INSIDE(folder, renameat),
        ONLY_INSIDE(folder, renameat2),
        ONLY_BY_DESCRIPTOR(newfstatat),
        ONLY_BY_DESCRIPTOR(statx),
        MAY(close),
        MAY(fstat),
        MAY(lseek),
        MAY(pread64),
        MAY(pwrite64),
        MAY(readv),
        MAY(writev),
        MAY(fsync),
        MAY(fdatasync),
        MAY(ftruncate),
        MAY(getdents64),
        MAY(flock),
        ONLY_WITH(fcntl, 1, F_GETFL, REFUSE(EINVAL)),
        UNLESS_SKIP(SYS_ioctl, 1),
        REFUSE(ENOTTY),
        /* Memory. */
        MAY(mremap),
        MAY(brk),
        /* Threads: clone3 shows its flags to no filter; without it the C
         * library uses clone. */
        UNLESS_SKIP(SYS_clone, 4),
        LOAD(ARGUMENT(0)),
        UNLESS_BIT_SKIP(CLONE_THREAD, 1),
        ALLOW,
        KILL,
        MAY(set_robust_list),
        MAY(rseq),
        MAY(membarrier),
        MAY(sched_getaffinity),
        MAY(gettid),
        MAY(getpid),
        MAY(getppid),
        ONLY_WITH(prctl, 0, PR_SET_NAME, REFUSE(EINVAL)),
        /* Signals, of others' and of its own. */
        MAY(rt_sigaction),
        MAY(rt_sigprocmask),
        MAY(rt_sigreturn),
        MAY(sigaltstack),
        MAY(restart_syscall),
        ONLY_WITH(tgkill, 0, getpid(), KILL),
        /* Time, and what it is told of itself. */
        MAY(clock_getres),
        MAY(clock_nanosleep),
        MAY(nanosleep),
        MAY(gettimeofday),
#ifdef SYS_poll
        MAY(poll),
#endif
        MAY(ppoll),
        MAY(getrandom),
        MAY(uname),
        MAY(sysinfo),
        MAY(getrusage),
        MAY(getuid),
        MAY(geteuid),
        MAY(getgid),
        MAY(getegid),
        /* Limits are read, not set. */
        UNLESS_SKIP(SYS_prlimit64, 6),
        LOAD(ARGUMENT(2)),
        UNLESS_SKIP(0, 3),
        LOAD(ARGUMENT_HIGH(2)),
        UNLESS_SKIP(0, 1),
        ALLOW,
        REFUSE(EPERM),
        MAY(exit),
        MAY(exit_group),
        REFUSE(ENOSYS),
    };
    return enter(filter, sizeof filter / sizeof *filter);
}

#else

static bool confine_instrumented(void)
{
    return false;
}

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
    if (INSTRUMENTED ? confine_instrumented() : confine_calls(folder))
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
