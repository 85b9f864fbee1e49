/* SPDX-License-Identifier: MIT
 *
 * The C library has no functions for these calls, and the system's headers may
 * be older than the kernel: what later versions brought has its numbers here.
 */
#include "server/landlock.h"

#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* All rights of the first version, and those that came later. */
enum {
    FIRST = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
    REFER = 1 << 13,
    TRUNCATE = 1 << 14,
    IOCTL = 1 << 15,
    BIND_TCP = 1,
    CONNECT_TCP = 2,
    ABSTRACT_SOCKETS = 1,
    SIGNALS = 2
};

struct rules {
    uint64_t files, ports, scope;
};

int lipd_landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
                           LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

/* What is refused unless a rule allows it, and how much of it this version
 * reads. */
static size_t handle(struct rules *rules, int version)
{
    *rules = (struct rules){.files = FIRST};
    if (version >= 2)
        rules->files |= REFER;
    if (version >= 3)
        rules->files |= TRUNCATE;
    if (version >= 4)
        rules->ports = BIND_TCP | CONNECT_TCP;
    if (version >= 5)
        rules->files |= IOCTL;
    if (version >= 6)
        rules->scope = ABSTRACT_SOCKETS | SIGNALS;
    return version >= 6   ? sizeof *rules
           : version >= 4 ? offsetof(struct rules, scope)
                          : offsetof(struct rules, ports);
}

bool lipd_landlock_enter(int folder)
{
    struct rules rules;
    int version = lipd_landlock_version();
    if (!version)
        return false;
    size_t size = handle(&rules, version);
    struct landlock_path_beneath_attr inside = {
        .allowed_access =
            rules.files &
            (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
             LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
             LANDLOCK_ACCESS_FS_MAKE_REG | TRUNCATE),
        .parent_fd = folder};
    int set = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
    if (set < 0)
        return false;
    bool entered = !syscall(SYS_landlock_add_rule, set,
                            LANDLOCK_RULE_PATH_BENEATH, &inside, 0) &&
                   !syscall(SYS_landlock_restrict_self, set, 0);
    close(set);
    return entered;
}
