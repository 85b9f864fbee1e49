/* SPDX-License-Identifier: MIT
 *
 * The words in which seccomp filters are written here. The accumulator holds
 * the number of the system call between the rules; a rule that loads something
 * else ends with an answer. */
#ifndef LIPD_FILTER_H
#define LIPD_FILTER_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#if defined __x86_64__
#define FILTER_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define FILTER_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define FIELD(name) (uint32_t) offsetof(struct seccomp_data, name)
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
/* Little-endian: the low half comes first. */
#define ARGUMENT(k) (FIELD(args) + 8 * (k))
#define ARGUMENT_HIGH(k) (ARGUMENT(k) + 4)
#define RETURN(answer) BPF_STMT(BPF_RET | BPF_K, answer)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define KILL RETURN(SECCOMP_RET_KILL_PROCESS)
#define REFUSE(error) RETURN(SECCOMP_RET_ERRNO | (uint32_t)(error))
/* Goes on where the loaded number is this, skips `n` instructions otherwise. */
#define UNLESS_SKIP(number, n)                                                 \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(number), 0, n)
#define IF_BIT_SKIP(bits, n)                                                   \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(bits), n, 0)
#define UNLESS_BIT_SKIP(bits, n)                                               \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(bits), 0, n)
#define MAY(name) UNLESS_SKIP(SYS_##name, 1), ALLOW
/* Other architectures' calls have other numbers. */
#define ON_THIS_ARCHITECTURE                                                   \
    LOAD(FIELD(arch)),                                                         \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCHITECTURE, 1, 0), KILL,  \
        LOAD(FIELD(nr))

#endif
