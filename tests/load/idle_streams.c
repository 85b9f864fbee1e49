/* SPDX-License-Identifier: MIT
 *
 * STREAMS (1000) open streams of events of jobs that wait, for STREAM_SECONDS
 * (60), and as many requests that wait for a change (?wait=): what the daemon
 * takes for them of memory and of a processor. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/load_client.h"
#include "tests/support/load_figures.h"
#include "tests/support/measure.h"

#include "base/context.h"

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 20000, JOBS = 10 };

static struct daemon daemon_;
static char job[JOBS + 1][JOB_ID];
static struct pollfd line[MOST];
static size_t count, answered, ended, bytes;

static void ask(size_t i, const char *rest)
{
    char text[200];
    int size = snprintf(text, sizeof text,
                        "GET /jobs/%s%s HTTP/1.1\r\nHost: a\r\n\r\n",
                        job[1 + i % JOBS], rest);
    line[i].fd = load_connect(daemon_.port);
    line[i].events = POLLIN;
    if (line[i].fd < 0 || send(line[i].fd, text, (size_t)size, 0) != size) {
        fprintf(stderr, "connection %zu cannot be opened\n", i);
        exit(2);
    }
}

/* Takes what comes for so long. */
static void listen_for(double seconds)
{
    char text[16384];
    for (double end = lip_now() + seconds, left;
         (left = end - lip_now()) > 0;) {
        if (poll(line, count, (int)(1e3 * left) + 1) <= 0)
            continue;
        for (size_t i = 0; i < count; i++) {
            if (!line[i].revents)
                continue;
            ssize_t n = recv(line[i].fd, text, sizeof text - 1, MSG_DONTWAIT);
            if (n <= 0) {
                ended++;
                line[i].fd = -1 - line[i].fd; /* poll passes over it */
                continue;
            }
            text[n] = '\0';
            bytes += (size_t)n;
            answered += !strncmp(text, "HTTP/1.1 200", 12);
        }
    }
}

static void hang_up(void)
{
    for (size_t i = 0; i < count; i++)
        close(line[i].fd < 0 ? -1 - line[i].fd : line[i].fd);
}

/* A processor's share in percent over so many seconds. */
static double cpu_over(double seconds)
{
    double start = lip_now(), before = measure_process(daemon_.pid);
    listen_for(seconds);
    return 100 * (measure_process(daemon_.pid) - before) / (lip_now() - start);
}

static void measure_lines(const char *what, const char *rest, double seconds)
{
    char name[100];
    size_t all = (size_t)load_setting("STREAMS", 1000);
    double before = measure_memory(daemon_.pid, "VmRSS:"), calm = cpu_over(5);
    answered = ended = bytes = 0;
    double opened = lip_now();
    for (size_t i = 0; i < all; i++)
        ask(i, rest);
    count = all;
    listen_for(3);
    opened = lip_now() - opened - 3;
    double cpu = cpu_over(seconds);
    double memory = measure_memory(daemon_.pid, "VmRSS:") - before;
    snprintf(name, sizeof name, "%s: open", what);
    load_line(name, (double)(all - ended), "", "all", !ended);
    snprintf(name, sizeof name, "%s: memory for all", what);
    load_line(name, memory / 1e6, "MB", "<= 60", memory <= 60e6);
    snprintf(name, sizeof name, "%s: memory for one", what);
    load_line(name, memory / 1e3 / (double)all, "kB", "", true);
    snprintf(name, sizeof name, "%s: processor", what);
    load_line(name, cpu, "%", "<= 1", cpu <= 1);
    load_line("  without them", calm, "%", "", true);
    load_line("  opening them", opened, "s", "", true);
    load_line("  received", (double)bytes / 1e3, "kB", "", true);
}

/* A daemon with one job that runs and keeps the others waiting. */
static void start(void)
{
    char data[80], body[JOB_BODY];
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    mkdir(data, 0700);
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, "--jobs", "1",
                                          "--connections-per-ip", "0", NULL});
    job_body(body, &(struct job_request){256, 100000, 1});
    for (size_t i = 0; i <= JOBS; i++)
        job_submit(job[i], &daemon_, body);
    job_await_state(&daemon_, job[0], "running", 30);
}

static void stop(void)
{
    struct load_figures after;
    hang_up();
    count = 0;
    listen_for(3);
    load_figures_read(&after, daemon_.pid);
    load_line("  memory after all have left", after.resident / 1e6, "MB", "",
              true);
    load_line("  descriptors after all have left", (double)after.descriptors,
              "", "< 50", after.descriptors < 50);
    daemon_signal(&daemon_, SIGTERM);
    daemon_wait(&daemon_);
    daemon_forget(&daemon_);
}

static void idle_streams(void)
{
    double seconds = load_setting("STREAM_SECONDS", 60);
    char title[100];
    snprintf(title, sizeof title, "%g streams of events over %g seconds",
             load_setting("STREAMS", 1000), seconds);
    load_table(title);
    start();
    measure_lines("streams", "/events", seconds);
    stop();
    start();
    measure_lines("waiting requests", "?wait=60", fmin(seconds, 50));
    stop();
}

int main(void)
{
    struct rlimit files = {MOST, MOST};
    setrlimit(RLIMIT_NOFILE, &files);
    return measure_main(idle_streams) || load_missed();
}
