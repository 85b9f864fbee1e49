/* SPDX-License-Identifier: MIT
 *
 * sched_getaffinity and the limits of cgroup v2. In a cgroup namespace, as
 * containers have, our own group is the root of what is mounted; elsewhere
 * the path is in /proc/self/cgroup. Every group above ours limits us too. */
#include "server/machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOUNT "/sys/fs/cgroup"

static bool read_text(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t got = fread(out, 1, size - 1, file);
    out[got] = '\0';
    fclose(file);
    return got > 0;
}

/* Our group's path below the mount, as "/a/b", or "" at the root. */
static void own_group(char *out, size_t size)
{
    char text[4096];
    out[0] = '\0';
    if (!read_text("/proc/self/cgroup", text, sizeof text))
        return;
    const char *line = strncmp(text, "0::/", 4) ? strstr(text, "\n0::/") : text;
    if (!line)
        return;
    line += *line == '\n';
    line += strlen("0::");
    snprintf(out, size, "%.*s", (int)strcspn(line, "\n"), line);
    if (!strcmp(out, "/") || strstr(out, ".."))
        out[0] = '\0';
}

/* The least of what `read` makes of a control file in our group and all above
 * it; SIZE_MAX where nothing limits. */
static size_t least_limit(const char *control, size_t (*read)(const char *))
{
    char group[2048], path[2200], text[128];
    size_t least = SIZE_MAX;
    own_group(group, sizeof group);
    for (;;) {
        snprintf(path, sizeof path, MOUNT "%s/%s", group, control);
        size_t limit = read_text(path, text, sizeof text) ? read(text) : 0;
        if (limit && limit < least)
            least = limit;
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

size_t lipd_machine_quota(const char *text)
{
    unsigned long long quota, period;
    char *end;
    if (*text < '0' || *text > '9')
        return 0;
    quota = strtoull(text, &end, 10);
    period = strtoull(end, NULL, 10);
    if (!quota || !period)
        return 0;
    return (size_t)(quota / period + (quota % period != 0));
}

static size_t read_bytes(const char *text)
{
    return *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : 0;
}

size_t lipd_machine_processors(void)
{
    cpu_set_t *set = CPU_ALLOC(65536);
    size_t size = CPU_ALLOC_SIZE(65536), count = 0;
    if (set && !sched_getaffinity(0, size, set))
        count = (size_t)CPU_COUNT_S(size, set);
    if (set)
        CPU_FREE(set);
    size_t quota = least_limit("cpu.max", lipd_machine_quota);
    count = quota < count ? quota : count;
    return count ? count : 1;
}

size_t lipd_machine_memory(void)
{
    size_t pages = (size_t)sysconf(_SC_PHYS_PAGES);
    size_t bytes = pages * (size_t)sysconf(_SC_PAGESIZE);
    size_t limit = least_limit("memory.max", read_bytes);
    return limit < bytes ? limit : bytes;
}
