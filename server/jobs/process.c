/* SPDX-License-Identifier: MIT
 *
 * posix_spawn: quick however large the daemon is, and nothing of ours runs
 * between fork and exec. */
#include "server/jobs/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define OURS "LIPSCHITZD_"
#define BLAS "OPENBLAS_NUM_THREADS="

/* --- environment */

static bool is_replaced(const char *entry)
{
    /* PG...: passwords of the database, which is none of a job's business. */
    return !strncmp(entry, OURS, strlen(OURS)) || !strncmp(entry, "PG", 2) ||
           !strncmp(entry, BLAS, strlen(BLAS));
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; (text = strchr(text, '\n')); text++)
        count++;
    return count;
}

/* Where the daemon's certificate and key lie is none of a job's business. */
static bool is_private(const char *option)
{
    return !strncmp(option, OURS "TLS_", strlen(OURS "TLS_"));
}

/* The configuration as lines of NAME=value; a value has no newline in it, for
 * it could not be printed back. In malloc memory, or NULL. */
static char *print_options(const struct lipd_config *config)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    lipd_config_print(file, config);
    if (!fclose(file))
        return text;
    free(text);
    return NULL;
}

void lipd_environment_free(char **environment)
{
    for (char **e = environment; e && *e; e++)
        lip_free(*e);
    lip_free(environment);
}

/* Fills a list that is large enough; false without memory. */
static bool fill(char **out, char *options)
{
    char *rest = NULL;
    for (char **e = environ; e && *e; e++)
        if (!is_replaced(*e) && !(*out++ = lip_strdup(NULL, *e)))
            return false;
    for (char *line = strtok_r(options, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest))
        if (!is_private(line) && !(*out++ = lip_strdup(NULL, line)))
            return false;
    *out = lip_strdup(NULL, BLAS "1");
    return *out;
}

char **lipd_environment_make(const struct lipd_config *config)
{
    char *options = print_options(config);
    if (!options)
        return NULL;
    size_t count = count_lines(options) + 2;
    for (char **e = environ; e && *e; e++)
        count++;
    char **environment = lip_calloc(NULL, count, sizeof *environment);
    if (environment && !fill(environment, options)) {
        lipd_environment_free(environment);
        environment = NULL;
    }
    free(options);
    return environment;
}

/* --- starting */

/* Own process group: what a terminal sends to the daemon's is not for jobs.
 * Nor is SIGHUP, which `systemctl kill` sends to every process: it stays
 * blocked. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, blocked;
    sigfillset(&all);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGHUP);
    int error = posix_spawnattr_setflags(
        attributes,
        POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    if (!error)
        error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error)
        error = posix_spawnattr_setsigmask(attributes, &blocked);
    if (!error)
        error = posix_spawnattr_setpgroup(attributes, 0);
    return error;
}

static int set_files(posix_spawn_file_actions_t *files, int pipe)
{
    int error = posix_spawn_file_actions_adddup2(files, pipe, LIPD_CHILD_PIPE);
    if (!error)
        error = posix_spawn_file_actions_addopen(files, STDIN_FILENO,
                                                 "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_addclosefrom_np(files,
                                                         LIPD_CHILD_PIPE + 1);
    return error;
}

static int spawn(pid_t *pid, int pipe, const char *folder,
                 char *const *environment)
{
    char program[] = "lipschitzd", flag[] = "--job", path[1200];
    char *const argv[] = {program, flag, path, NULL};
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    snprintf(path, sizeof path, "%s", folder);
    int error = posix_spawnattr_init(&attributes);
    if (error)
        return error;
    error = posix_spawn_file_actions_init(&files);
    if (!error) {
        error = set_attributes(&attributes);
        if (!error)
            error = set_files(&files, pipe);
        if (!error)
            error = posix_spawn(pid, "/proc/self/exe", &files, &attributes,
                                argv, environment);
        posix_spawn_file_actions_destroy(&files);
    }
    posix_spawnattr_destroy(&attributes);
    return error;
}

bool lipd_process_start(struct lipd_process *process, const char *folder,
                        char *const *environment)
{
    int ends[2];
    memset(process, 0, sizeof *process);
    process->pipe = -1;
    /* Neither side waits for the other: news may be dropped. */
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
        return false;
    int error = spawn(&process->pid, ends[1], folder, environment);
    close(ends[1]);
    if (!error) {
        process->pipe = ends[0];
        return true;
    }
    close(ends[0]);
    process->pid = 0;
    errno = error;
    return false;
}

/* --- listening */

static void take_line(struct lipd_process *process,
                      void (*fn)(void *arg, const char *line, size_t size),
                      void *arg)
{
    if (!process->too_long && process->held)
        fn(arg, process->line, process->held);
    process->held = 0;
    process->too_long = false;
}

void lipd_process_listen(struct lipd_process *process,
                         void (*fn)(void *arg, const char *line, size_t size),
                         void *arg)
{
    char bytes[LIPD_CHILD_LINE];
    ssize_t n;
    while (process->pipe >= 0 &&
           (n = read(process->pipe, bytes, sizeof bytes)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return; /* nothing more for now */
        for (ssize_t i = 0; i < n; i++)
            if (bytes[i] == '\n')
                take_line(process, fn, arg);
            else if (process->held < sizeof process->line)
                process->line[process->held++] = bytes[i];
            else
                process->too_long = true;
    }
    if (process->pipe >= 0)
        close(process->pipe);
    process->pipe = -1;
}

bool lipd_process_reap(struct lipd_process *process, int *status)
{
    pid_t pid;
    do
        pid = waitpid(process->pid, status, WNOHANG);
    while (pid < 0 && errno == EINTR);
    if (pid == 0)
        return false;
    if (pid < 0)
        *status = SIGKILL; /* somebody else has reaped it: as if killed */
    process->pid = 0;
    return true;
}
