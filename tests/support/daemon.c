/* SPDX-License-Identifier: MIT
 *
 * fork, exec, a port file, and the end. */
#include "tests/support/daemon.h"

#include "base/context.h"
#include "tests/support/http_client.h"
#include "tests/support/tls.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_FLAGS = 64 };

const char *daemon_program(void)
{
    static char path[4096];
    const char *given = getenv("LIPSCHITZD");
    if (given)
        return given;
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 16);
    ck_assert_int_gt(n, 0);
    path[n] = '\0';
    /* build/FLAVOUR/tests/e2e/program -> build/FLAVOUR/lipschitzd */
    for (int i = 0; i < 3; i++)
        *strrchr(path, '/') = '\0';
    strncat(path, "/lipschitzd", sizeof path - strlen(path) - 1);
    return path;
}

static void path_in(char *out, size_t size, const struct daemon *daemon,
                    const char *name)
{
    snprintf(out, size, "%s/%s", daemon->directory, name);
}

void daemon_prepare(struct daemon *daemon)
{
    memset(daemon, 0, sizeof *daemon);
    snprintf(daemon->directory, sizeof daemon->directory,
             "/tmp/lipschitzd-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(daemon->directory));
}

/* So that a whole test program can be run over TLS. */
static void prepare_tls(struct daemon *daemon)
{
    char certificate[128], key[128];
    daemon->tls = daemon->tls || getenv("TESTS_TLS");
    if (!daemon->tls)
        return;
    path_in(certificate, sizeof certificate, daemon, "cert.pem");
    path_in(key, sizeof key, daemon, "key.pem");
    if (access(certificate, R_OK))
        tls_make(certificate, key, 100);
    http_trust(certificate);
}

static void run_child(const struct daemon *daemon, const char *const *flags)
{
    const char *arguments[MAX_FLAGS] = {daemon_program(), "--listen",
                                        "127.0.0.1:0", "--port-file"};
    char port_file[128], log[128], certificate[128], key[128];
    size_t count = 4;
    path_in(port_file, sizeof port_file, daemon, "port");
    path_in(log, sizeof log, daemon, "log");
    path_in(certificate, sizeof certificate, daemon, "cert.pem");
    path_in(key, sizeof key, daemon, "key.pem");
    arguments[count++] = port_file;
    if (daemon->tls) {
        arguments[count++] = "--tls-certificate";
        arguments[count++] = certificate;
        arguments[count++] = "--tls-key";
        arguments[count++] = key;
    }
    while (flags && *flags && count < MAX_FLAGS - 1)
        arguments[count++] = *flags++;
    /* A test that dies takes its daemon with it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
        _exit(126);
    if (daemon->file_limit) {
        struct rlimit limit = {daemon->file_limit, daemon->file_limit};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    execv(arguments[0], (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static bool read_port(struct daemon *daemon)
{
    char path[128];
    path_in(path, sizeof path, daemon, "port");
    FILE *file = fopen(path, "r");
    bool got = file && fscanf(file, "%u", &daemon->port) == 1;
    if (file)
        fclose(file);
    return got;
}

void daemon_run(struct daemon *daemon, const char *const *flags)
{
    char path[128];
    path_in(path, sizeof path, daemon, "port");
    unlink(path);
    prepare_tls(daemon);
    daemon->pid = fork();
    ck_assert_int_ge(daemon->pid, 0);
    if (daemon->pid == 0)
        run_child(daemon, flags);
    for (double end = lip_now() + 30; !read_port(daemon);) {
        ck_assert_msg(waitpid(daemon->pid, NULL, WNOHANG) == 0,
                      "the daemon %s ended at once", daemon_program());
        ck_assert_msg(lip_now() < end, "the daemon does not start");
        usleep(2000);
    }
}

void daemon_start(struct daemon *daemon, const char *const *flags)
{
    daemon_prepare(daemon);
    daemon_run(daemon, flags);
}

void daemon_signal(const struct daemon *daemon, int signal_number)
{
    ck_assert_int_eq(kill(daemon->pid, signal_number), 0);
}

int daemon_wait(struct daemon *daemon)
{
    int status;
    pid_t got = 0;
    for (double end = lip_now() + 60; got == 0 && lip_now() < end; usleep(2000))
        got = waitpid(daemon->pid, &status, WNOHANG);
    ck_assert_msg(got == daemon->pid, "the daemon does not end");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int remove_entry(const char *path, const struct stat *status, int type,
                        struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

void daemon_forget(struct daemon *daemon)
{
    nftw(daemon->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void show_log(const struct daemon *daemon)
{
    char path[128], line[4096];
    path_in(path, sizeof path, daemon, "log");
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (line[0] != '{')
            fputs(line, stderr); /* what a sanitizer says */
    if (file)
        fclose(file);
}

void daemon_end(struct daemon *daemon)
{
    daemon_signal(daemon, SIGTERM);
    int status = daemon_wait(daemon);
    if (status)
        show_log(daemon);
    ck_assert_int_eq(status, 0);
    daemon_forget(daemon);
}

double daemon_metric(const struct daemon *daemon, const char *series)
{
    struct http_answer answer;
    char start[256];
    double value = 0;
    http_get(&answer, daemon->port, "/metrics");
    ck_assert_int_eq(answer.status, 200);
    snprintf(start, sizeof start, "\nlipschitzd_%s ", series);
    const char *line = strstr(answer.body, start);
    if (line)
        value = strtod(line + strlen(start), NULL);
    http_clear(&answer);
    return value;
}

bool daemon_metric_reaches(const struct daemon *daemon, const char *series,
                           double value, double seconds)
{
    for (double end = lip_now() + seconds; lip_now() < end; usleep(10000))
        if (daemon_metric(daemon, series) >= value)
            return true;
    return false;
}

bool daemon_metric_rests(const struct daemon *daemon, const char *series,
                         double seconds)
{
    for (double end = lip_now() + seconds; lip_now() < end; usleep(10000))
        if (daemon_metric(daemon, series) <= 0)
            return true;
    return false;
}

bool daemon_has_logged(const struct daemon *daemon, const char *one,
                       const char *other)
{
    char path[128], line[16384];
    bool found = false;
    path_in(path, sizeof path, daemon, "log");
    FILE *file = fopen(path, "r");
    while (file && !found && fgets(line, sizeof line, file))
        found = strstr(line, one) && strstr(line, other);
    if (file)
        fclose(file);
    return found;
}

bool daemon_logged(const struct daemon *daemon, const char *one,
                   const char *other)
{
    for (double end = lip_now() + 10; lip_now() < end; usleep(10000))
        if (daemon_has_logged(daemon, one, other))
            return true;
    return false;
}

void daemon_half_uploads(struct daemon *daemon, const char *target,
                         const char *start)
{
    struct http_client client;
    char text[300];
    snprintf(text, sizeof text,
             "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n%s",
             target, start);
    for (int i = 0; i < 3; i++) {
        http_open(&client, daemon->port);
        ck_assert(http_say(&client, text));
        ck_assert(daemon_metric_reaches(daemon, "received_bytes_total",
                                        (double)strlen(start) * (i + 1), 5));
        if (i < 2)
            http_close(&client);
        ck_assert(i == 2 || daemon_metric_rests(daemon, "reserved_bytes", 5));
    }
    daemon_signal(daemon, SIGKILL);
    daemon_wait(daemon);
    http_close(&client);
}
