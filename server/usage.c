/* SPDX-License-Identifier: MIT
 *
 * /proc/self, as of Linux. */
#include "server/usage.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t resident(void)
{
    long total, pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%ld %ld", &total, &pages) != 2)
        pages = 0;
    fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int64_t descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int64_t count = -1; /* but for that of the folder itself */
    if (!folder)
        return 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

void lipd_usage(struct lipd_usage *out)
{
    struct timespec cpu = {0, 0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    out->resident = resident();
    out->descriptors = descriptors();
    out->cpu = (int64_t)cpu.tv_sec * 1000000000 + cpu.tv_nsec;
}
