/* SPDX-License-Identifier: MIT
 *
 * A seccomp filter, written out: four instructions and a list. */
#include "server/sandbox.h"

#include "server/filter.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static bool limit(int resource, size_t most)
{
    struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    struct rlimit now;
    if (getrlimit(resource, &now) == 0 && now.rlim_max < most)
        limit = (struct rlimit){now.rlim_max, now.rlim_max};
    return setrlimit(resource, &limit) == 0;
}

bool lipd_sandbox_limit(size_t memory, size_t output, unsigned seconds)
{
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    /* Sanitizers map terabytes. */
    if (!limit(RLIMIT_AS, memory))
        return false;
#endif
    (void)memory;
    /* At the first limit comes SIGXCPU, at the second SIGKILL. */
    struct rlimit time = {seconds, seconds + 1};
    return limit(RLIMIT_FSIZE, output) && setrlimit(RLIMIT_CPU, &time) == 0 &&
           limit(RLIMIT_NOFILE, 0) && limit(RLIMIT_NPROC, 0) &&
           limit(RLIMIT_CORE, 0) && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

#ifdef FILTER_ARCHITECTURE

bool lipd_sandbox_enter(void)
{
    struct sock_filter filter[] = {
        ON_THIS_ARCHITECTURE,
        MAY(read),
        MAY(write),
        MAY(munmap),
        MAY(mremap),
        MAY(brk),
        MAY(madvise),
        MAY(futex),
        MAY(clock_gettime),
        MAY(rt_sigreturn),
        MAY(exit),
        MAY(exit_group),
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
        MAY(sigaltstack), /* theirs, at the end */
#endif
        /* There are no files: HDF5 asks for one before it takes an image. */
        UNLESS_SKIP(SYS_openat, 1),
        REFUSE(ENOENT),
        /* Memory, but no file's and none that can be executed. */
        UNLESS_SKIP(SYS_mmap, 6),
        LOAD(ARGUMENT(2)),
        IF_BIT_SKIP(PROT_EXEC, 3),
        LOAD(ARGUMENT(3)),
        UNLESS_BIT_SKIP(MAP_ANONYMOUS, 1),
        ALLOW,
        KILL,
        UNLESS_SKIP(SYS_mprotect, 4),
        LOAD(ARGUMENT(2)),
        IF_BIT_SKIP(PROT_EXEC, 1),
        ALLOW,
        KILL,
        KILL,
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#else

bool lipd_sandbox_enter(void)
{
    return false;
}

#endif
