/* SPDX-License-Identifier: MIT
 *
 * What the figures of a benchmark run were measured on. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The text after the colon of the first line of /proc/cpuinfo that has it. */
static void processor(char *out, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(out, size, "unknown processor");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            colon[strcspn(colon, "\n")] = '\0';
            snprintf(out, size, "%s", colon + 2);
            break;
        }
    }
    if (file)
        fclose(file);
}

int main(void)
{
    struct utsname kernel;
    char name[256];
    processor(name, sizeof name);
    uname(&kernel);
    double load[3] = {0, 0, 0};
    getloadavg(load, 3);
    printf("# %s, %ld processors, %s %s\n", name, sysconf(_SC_NPROCESSORS_ONLN),
           kernel.sysname, kernel.release);
    printf("# load %.2f, %.2f, %.2f (1, 5, 15 minutes)\n", load[0], load[1],
           load[2]);
    printf("# %s, kernels %s, %d thread\n", openblas_get_config(),
           openblas_get_corename(), openblas_get_num_threads());
    return 0;
}
