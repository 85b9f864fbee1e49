/* SPDX-License-Identifier: MIT
 *
 * A seccomp filter, written out: four instructions and a list. */
#include "server/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#if defined __x86_64__
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

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

#ifdef ARCHITECTURE

#define FIELD(name) (uint32_t) offsetof(struct seccomp_data, name)
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define ARGUMENT(k) (FIELD(args) + 8 * (k)) /* little-endian: the low half */
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
/* Goes on where the loaded number is this, skips `n` instructions otherwise. */
#define UNLESS_SKIP(number, n)                                                 \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(number), 0, n)
#define IF_BIT_SKIP(bits, n)                                                   \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(bits), n, 0)
#define MAY(name) UNLESS_SKIP(SYS_##name, 1), ALLOW
#define NOT_THERE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOENT)

bool lipd_sandbox_enter(void)
{
    struct sock_filter filter[] = {
        LOAD(FIELD(arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        KILL,
        LOAD(FIELD(nr)),
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
        NOT_THERE,
        /* Memory, but no file's and none that can be executed. */
        UNLESS_SKIP(SYS_mmap, 6),
        LOAD(ARGUMENT(2)),
        IF_BIT_SKIP(PROT_EXEC, 3),
        LOAD(ARGUMENT(3)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 0, 1),
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
