/* SPDX-License-Identifier: MIT
 *
 * poll() over pairs of sockets. */
#include "tests/support/proxy.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAIRS = 128, PIECE = 65536, LOOK = 20 /* milliseconds */ };

struct pair {
    int end[2]; /* the daemon's, the database's; -1: free */
};

static int listen_on(const char *address, unsigned *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t size = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(inet_pton(AF_INET, address, &in.sin_addr), 1);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, size), 0);
    ck_assert_int_eq(listen(fd, 64), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    *port = ntohs(in.sin_port);
    return fd;
}

static int dial(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof un)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void take_one(int listener, const char *path, struct pair *pair)
{
    int fd = accept(listener, NULL, NULL), other = dial(path);
    for (int i = 0; i < PAIRS && fd >= 0 && other >= 0; i++)
        if (pair[i].end[0] < 0) {
            pair[i] = (struct pair){{fd, other}};
            return;
        }
    close(fd);
    close(other);
}

/* Passes on what is there; false at the end. */
static bool pass(int from, int to, bool slow)
{
    static char bytes[PIECE];
    ssize_t n = recv(from, bytes, sizeof bytes, 0);
    if (slow)
        usleep(200000);
    for (ssize_t at = 0, sent; at < n; at += sent)
        if ((sent = send(to, bytes + at, (size_t)(n - at), MSG_NOSIGNAL)) <= 0)
            return false;
    return n > 0;
}

static void serve(struct pair *pair, struct pollfd list[2], bool slow)
{
    bool alive = true;
    for (int i = 0; i < 2 && alive; i++)
        if (list[i].revents)
            alive = pass(pair->end[i], pair->end[1 - i], slow);
    if (alive)
        return;
    close(pair->end[0]);
    close(pair->end[1]);
    pair->end[0] = pair->end[1] = -1;
}

static void run(int listener, const char *path, volatile int *mode)
{
    static struct pair pair[PAIRS];
    static struct pollfd list[2 * PAIRS + 1];
    for (int i = 0; i < PAIRS; i++)
        pair[i] = (struct pair){{-1, -1}};
    for (;;) {
        if (*mode == PROXY_SILENT) {
            usleep(1000 * LOOK);
            continue;
        }
        for (int i = 0; i < 2 * PAIRS; i++)
            list[i] = (struct pollfd){pair[i / 2].end[i % 2], POLLIN, 0};
        list[2 * PAIRS] = (struct pollfd){listener, POLLIN, 0};
        poll(list, 2 * PAIRS + 1, LOOK);
        if (*mode == PROXY_SILENT)
            continue;
        for (int i = 0; i < PAIRS; i++)
            if (pair[i].end[0] >= 0)
                serve(&pair[i], &list[2 * i], *mode == PROXY_SLOW);
        if (list[2 * PAIRS].revents)
            take_one(listener, path, pair);
    }
}

void proxy_start(struct proxy *proxy, const struct postgres *server,
                 const char *address)
{
    char path[100];
    int listener = listen_on(address, &proxy->port);
    snprintf(path, sizeof path, "%s/.s.PGSQL.5432", server->directory);
    snprintf(proxy->url, sizeof proxy->url,
             "postgresql://lipschitzd@%s:%u/postgres", address, proxy->port);
    proxy->mode = mmap(NULL, sizeof *proxy->mode, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne((void *)(uintptr_t)proxy->mode, MAP_FAILED);
    proxy->pid = fork();
    ck_assert_int_ge(proxy->pid, 0);
    if (!proxy->pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(listener, path, proxy->mode);
    }
    close(listener);
}

void proxy_set(struct proxy *proxy, enum proxy_mode mode)
{
    *proxy->mode = (int)mode;
    usleep(3000 * LOOK);
}

void proxy_end(struct proxy *proxy)
{
    kill(proxy->pid, SIGKILL);
    waitpid(proxy->pid, NULL, 0);
    munmap((void *)(uintptr_t)proxy->mode, sizeof *proxy->mode);
}
