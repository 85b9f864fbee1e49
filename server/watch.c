/* SPDX-License-Identifier: MIT
 *
 * A list under one lock, which is held only to add, to remove and to sweep;
 * each connection's phase has a lock of its own, so that moving bytes never
 * waits for a sweep. */
#include "server/watch.h"

#include "server/log.h"
#include "server/metrics.h"
#include "server/service.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Seconds between sweeps while a client is being worked for, and while
 * connections are only open; how long a closed one lingers; how many do. */
static const double WORKING_STEP = 0.1, OPEN_STEP = 1, LINGER = 2;
enum { LINGER_MAX = 64 };

struct lipd_connection {
    struct lipd_connection *next, *previous;
    int fd;
    pthread_mutex_t lock; /* of what follows */
    enum lipd_phase phase;
    double deadline;
    double look_at; /* for its end */
    bool ended;     /* then, and all that came was read */
    bool used;      /* an answer has gone out on it */
    bool linger;    /* see lipd_connection_linger */
    bool sealed;    /* see lipd_connection_seal */
    struct lipd_request *request;
};

struct lipd_watch {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct lipd_connection *first;
    bool asleep, stop;
    size_t lingering;
    struct {
        int fd;
        double until;
    } linger[LINGER_MAX];
};

/* An answer written straight to the socket: the library cannot send one before
 * the request is complete. Nothing of its own is under way in the reading
 * phases. */
static void send_timeout(const struct lipd_connection *c, const char *id,
                         const char *sentence)
{
    if (c->sealed)
        return;
    struct api_problem problem;
    struct api_text text;
    struct lip_ctx ctx = {.budget = NULL};
    size_t size;
    api_problem_set(&problem, API_PROBLEM_REQUEST_TIMEOUT, "%s", sentence);
    api_text_init(&text, 4096, &ctx);
    api_problem_write(&text, &problem, id);
    char *body = api_text_take(&text, &size);
    if (!body)
        return;
    char answer[4096], date[64];
    struct tm now;
    time_t seconds = time(NULL);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT",
             gmtime_r(&seconds, &now));
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 408 Request Timeout\r\nDate: %s\r\n"
                          "Content-Type: application/problem+json\r\n"
                          "Content-Length: %zu\r\nX-Request-Id: %s\r\n"
                          "Connection: close\r\n\r\n%s",
                          date, size, id, body);
    lip_free(body);
    if (length > 0 && (size_t)length < sizeof answer)
        send(c->fd, answer, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
    lipd_metric_add(LIPD_PROBLEMS, API_PROBLEM_REQUEST_TIMEOUT, 1);
}

/* Ends a connection whose phase lasted too long. Its lock is held. */
static void cut(struct lipd_connection *c)
{
    char id[LIPD_REQUEST_ID];
    enum lipd_reject reason = LIPD_REJECT_REPLY_TIME;
    if (c->phase == LIPD_READING_BODY) {
        send_timeout(c, c->request->id,
                     "The body did not arrive in the time it is given. Send "
                     "it faster, or a smaller one.");
        reason = LIPD_REJECT_BODY_TIME;
    } else if (c->phase == LIPD_READING_HEAD) {
        /* A connection kept open after an answer just ends. */
        lipd_request_id(id, NULL);
        if (!c->used)
            send_timeout(c, id,
                         "The request line and header fields did not arrive "
                         "in the time they are given.");
        reason = LIPD_REJECT_HEADER_TIME;
    }
    if (!(c->phase == LIPD_READING_HEAD && c->used))
        lipd_metric_add(LIPD_REJECTS, reason, 1);
    shutdown(c->fd, SHUT_RDWR);
    c->phase = LIPD_CUT;
}

/* Has the client closed its side? One that only stops sending (half a close)
 * is taken as gone too: the two look the same from here. */
static bool is_gone(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* Who waits for more of a request from a client that has closed its side? The
 * library: it is told once of bytes and the end behind them, takes the bytes
 * and, since there were fewer than it had room for, asks no more (epoll,
 * edge-triggered). An end that it has not seen for OPEN_STEP is such a one. */
static bool has_missed_end(struct lipd_connection *c, double now)
{
    char byte;
    if (now < c->look_at ||
        (c->phase != LIPD_READING_HEAD && c->phase != LIPD_READING_BODY))
        return false;
    bool before = c->ended;
    c->ended = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    c->look_at = now + OPEN_STEP;
    return c->ended && before;
}

/* Ends a connection whose client has left. Its lock is held. */
static void let_go(struct lipd_connection *c)
{
    if (c->phase == LIPD_READING_BODY)
        lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_GONE, 1);
    shutdown(c->fd, SHUT_RDWR);
    c->phase = LIPD_CUT;
}

/* A client that left is noticed within OPEN_STEP. */
static double look_for(struct lipd_connection *c, double now)
{
    if (now < c->deadline)
        return c->deadline;
    c->deadline = now + OPEN_STEP;
    if (is_gone(c->fd)) {
        if (!atomic_exchange(&c->request->abandoned, true))
            lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_GONE, 1);
        c->request->leave(c->request);
    }
    return c->deadline;
}

/* A client that does not take its stream does not hold up the end. */
static void hasten(struct lipd_connection *c, double now)
{
    if (c->phase == LIPD_STREAMING && now + OPEN_STEP < c->deadline &&
        atomic_load(&c->request->service->state) == LIPD_DRAINING)
        c->deadline = now + OPEN_STEP;
}

/* Looks after one connection; the time at which it wants to be seen again. */
static double sweep_one(struct lipd_connection *c, double now)
{
    double next = now + OPEN_STEP;
    pthread_mutex_lock(&c->lock);
    if (c->phase == LIPD_WORKING) {
        if (!atomic_load(&c->request->abandoned) && is_gone(c->fd)) {
            atomic_store(&c->request->abandoned, true);
            lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_GONE, 1);
        }
        next = now + WORKING_STEP;
    } else if (c->phase == LIPD_WAITING) {
        next = look_for(c, now);
    } else if (c->phase != LIPD_CUT) {
        hasten(c, now);
        if (now >= c->deadline)
            cut(c);
        else if (has_missed_end(c, now))
            let_go(c);
        else if (c->deadline < next)
            next = c->deadline;
    }
    pthread_mutex_unlock(&c->lock);
    return next;
}

/* Reads and drops what lingering sockets still receive; closes those that are
 * through. */
static void drop_lingering(struct lipd_watch *watch, double now, bool all)
{
    static char trash[65536]; /* one sweeper */
    for (size_t i = 0; i < watch->lingering;) {
        int fd = watch->linger[i].fd;
        ssize_t got;
        int rounds = 64;
        while ((got = recv(fd, trash, sizeof trash, MSG_DONTWAIT)) > 0 &&
               --rounds)
            ;
        bool open = got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
        if (open && now < watch->linger[i].until && !all) {
            i++;
            continue;
        }
        close(fd);
        watch->linger[i] = watch->linger[--watch->lingering];
    }
}

static double sweep(struct lipd_watch *watch, double now)
{
    double next = now + OPEN_STEP;
    for (struct lipd_connection *c = watch->first; c; c = c->next) {
        double wanted = sweep_one(c, now);
        next = wanted < next ? wanted : next;
    }
    drop_lingering(watch, now, false);
    if (watch->lingering && now + WORKING_STEP / 4 < next)
        next = now + WORKING_STEP / 4;
    return next;
}

static void *run(void *arg)
{
    struct lipd_watch *watch = arg;
    pthread_mutex_lock(&watch->lock);
    while (!watch->stop) {
        if (!watch->first && !watch->lingering) {
            watch->asleep = true;
            pthread_cond_wait(&watch->changed, &watch->lock);
            watch->asleep = false;
            continue;
        }
        double until = sweep(watch, lip_now());
        struct timespec t = {.tv_sec = (time_t)until};
        t.tv_nsec = (long)((until - (double)t.tv_sec) * 1e9);
        pthread_cond_timedwait(&watch->changed, &watch->lock, &t);
    }
    drop_lingering(watch, 0, true);
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

struct lipd_watch *lipd_watch_start(void)
{
    struct lipd_watch *watch = lip_calloc(NULL, 1, sizeof *watch);
    if (!watch)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&watch->lock, NULL);
    pthread_cond_init(&watch->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!pthread_create(&watch->thread, NULL, run, watch))
        return watch;
    lip_free(watch);
    return NULL;
}

void lipd_watch_stop(struct lipd_watch *watch)
{
    if (!watch)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->stop = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->lock);
    lip_free(watch);
}

struct lipd_connection *lipd_watch_add(struct lipd_watch *watch, int fd,
                                       double deadline)
{
    struct lipd_connection *c = lip_calloc(NULL, 1, sizeof *c);
    if (!c)
        return NULL;
    c->fd = fd;
    c->deadline = deadline;
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_lock(&watch->lock);
    c->next = watch->first;
    if (c->next)
        c->next->previous = c;
    watch->first = c;
    if (watch->asleep)
        pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->lock);
    return c;
}

/* The list's lock is held. */
static void keep_open(struct lipd_watch *watch, int fd)
{
    if (watch->lingering == LINGER_MAX)
        return;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    shutdown(copy, SHUT_WR);
    watch->linger[watch->lingering].until = lip_now() + LINGER;
    watch->linger[watch->lingering++].fd = copy;
    pthread_cond_signal(&watch->changed);
}

void lipd_watch_remove(struct lipd_watch *watch, struct lipd_connection *c)
{
    pthread_mutex_lock(&watch->lock);
    if (c->previous)
        c->previous->next = c->next;
    else
        watch->first = c->next;
    if (c->next)
        c->next->previous = c->previous;
    if (c->linger)
        keep_open(watch, c->fd);
    pthread_mutex_unlock(&watch->lock);
    pthread_mutex_destroy(&c->lock);
    lip_free(c);
}

void lipd_connection_linger(struct lipd_connection *c)
{
    pthread_mutex_lock(&c->lock);
    c->linger = true;
    pthread_mutex_unlock(&c->lock);
}

void lipd_connection_seal(struct lipd_connection *c)
{
    pthread_mutex_lock(&c->lock);
    c->sealed = true;
    pthread_mutex_unlock(&c->lock);
}

bool lipd_connection_enter(struct lipd_connection *c, enum lipd_phase phase,
                           double deadline, struct lipd_request *request)
{
    pthread_mutex_lock(&c->lock);
    bool open = c->phase != LIPD_CUT;
    if (open) {
        c->used = c->used || phase == LIPD_REPLYING;
        c->phase = phase;
        c->deadline = deadline;
        c->ended = false;
        c->request = request;
    }
    pthread_mutex_unlock(&c->lock);
    return open;
}
