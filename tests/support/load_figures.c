/* SPDX-License-Identifier: MIT
 *
 * /proc, read. */
#include "tests/support/load_figures.h"

#include "tests/support/measure.h"

#include <dirent.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int missed;

static size_t entries(pid_t pid, const char *what)
{
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    DIR *list = opendir(path);
    for (const struct dirent *e; list && (e = readdir(list));)
        count += e->d_name[0] != '.';
    if (list)
        closedir(list);
    return count;
}

/* What follows the name in brackets, which may hold anything. */
static bool read_stat(const char *pid, char *line, size_t size,
                      const char **after)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%.200s/stat", pid);
    FILE *file = fopen(path, "r");
    bool got = file && fgets(line, (int)size, file);
    if (file)
        fclose(file);
    *after = got ? strrchr(line, ')') : NULL;
    return *after != NULL;
}

static size_t children_of(pid_t pid)
{
    char line[1024];
    const char *after;
    size_t count = 0;
    int parent;
    DIR *proc = opendir("/proc");
    for (const struct dirent *e; proc && (e = readdir(proc));)
        count += e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
                 read_stat(e->d_name, line, sizeof line, &after) &&
                 sscanf(after + 1, " %*c %d", &parent) == 1 && parent == pid;
    if (proc)
        closedir(proc);
    return count;
}

void load_figures_read(struct load_figures *out, pid_t pid)
{
    out->resident = measure_memory(pid, "VmRSS:");
    out->descriptors = entries(pid, "fd");
    out->threads = entries(pid, "task");
    out->children = children_of(pid);
}

static double disk_sum; /* nftw has no argument to hand on */

static int add_file(const char *path, const struct stat *status, int type,
                    struct FTW *where)
{
    (void)path;
    (void)where;
    if (type == FTW_F)
        disk_sum += 512.0 * (double)status->st_blocks;
    return 0;
}

double load_disk_use(const char *folder)
{
    disk_sum = 0;
    nftw(folder, add_file, 16, FTW_PHYS);
    return disk_sum;
}

double load_cpu(pid_t pid)
{
    char name[16], line[1024];
    const char *after;
    unsigned long user = 0, system = 0;
    snprintf(name, sizeof name, "%d", (int)pid);
    if (read_stat(name, line, sizeof line, &after))
        sscanf(after + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &system);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double load_quantile(double *x, size_t n, double p)
{
    if (!n)
        return 0;
    qsort(x, n, sizeof *x, by_size);
    size_t at = (size_t)(p * (double)n);
    return x[at < n ? at : n - 1];
}

bool load_pin(unsigned from, unsigned count)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (unsigned i = 0; i < count; i++)
        CPU_SET(from + i, &set);
    return !sched_setaffinity(0, sizeof set, &set);
}

double load_setting(const char *name, double otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtod(text, NULL) : otherwise;
}

void load_table(const char *title)
{
    double load[3] = {0};
    getloadavg(load, 3);
    printf("%s (%ld processors, load %.1f %.1f %.1f)\n", title,
           sysconf(_SC_NPROCESSORS_ONLN), load[0], load[1], load[2]);
}

void load_line(const char *what, double value, const char *unit,
               const char *target, bool met)
{
    printf("  %-44s %10.4g %-10s %-18s %s\n", what, value, unit, target,
           !*target ? ""
           : met    ? "met"
                    : "MISSED");
    fflush(stdout);
    missed += *target && !met;
}

int load_missed(void)
{
    return missed;
}
