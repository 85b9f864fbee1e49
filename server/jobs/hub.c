/* SPDX-License-Identifier: MIT
 *
 * One list, one lock, one thread that sleeps until the next deadline. Who is
 * due moves to a second list and is called without the lock. A few hundred
 * listeners: walking the list costs less than the reading of the store that
 * follows. */
#include "server/jobs/hub.h"

#include "base/context.h"
#include "server/jobs/job_store.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The latest news are remembered, to tell whether a listener that comes late
 * has missed any of its job; of older ones it is assumed. */
enum { REMEMBERED = 64 };

struct listener {
    struct listener *next;
    char job[LIPD_JOB_ID];
    double deadline;
    bool news;
    lipd_hub_fn *fn;
    void *arg;
};

struct lipd_hub {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    struct listener *listening;
    struct listener *due, **due_end; /* first come, first served */
    double wakes;                    /* when the thread wakes by itself */
    unsigned long time;
    char recent[REMEMBERED][LIPD_JOB_ID]; /* news t is at t % REMEMBERED */
    bool stopped, end;
};

/* Moves a listener to those due. The lock is held; *at points to it. */
static void make_due(struct lipd_hub *hub, struct listener **at, bool news)
{
    struct listener *listener = *at;
    *at = listener->next;
    listener->next = NULL;
    listener->news = news;
    *hub->due_end = listener;
    hub->due_end = &listener->next;
}

/* Finds those whose time is up; the next time at which there will be one. */
static double find_late(struct lipd_hub *hub, double now)
{
    double next = INFINITY;
    for (struct listener **at = &hub->listening; *at;) {
        double deadline = (*at)->deadline;
        if (hub->stopped || now >= deadline) {
            make_due(hub, at, false);
            continue;
        }
        next = deadline < next ? deadline : next;
        at = &(*at)->next;
    }
    return next;
}

/* Calls those due; the lock is let go of meanwhile. */
static void call_due(struct lipd_hub *hub)
{
    struct listener *listener = hub->due;
    hub->due = NULL;
    hub->due_end = &hub->due;
    pthread_mutex_unlock(&hub->lock);
    while (listener) {
        struct listener *next = listener->next;
        listener->fn(listener->arg, listener->news);
        lip_free(listener);
        listener = next;
    }
    pthread_mutex_lock(&hub->lock);
}

static void wait_until(struct lipd_hub *hub, double time)
{
    hub->wakes = time;
    if (isinf(time)) {
        pthread_cond_wait(&hub->changed, &hub->lock);
    } else {
        struct timespec t = {.tv_sec = (time_t)time};
        t.tv_nsec = (long)((time - (double)t.tv_sec) * 1e9);
        pthread_cond_timedwait(&hub->changed, &hub->lock, &t);
    }
    hub->wakes = 0;
}

static void *run(void *arg)
{
    struct lipd_hub *hub = arg;
    pthread_mutex_lock(&hub->lock);
    for (;;) {
        double next = find_late(hub, lip_now());
        if (hub->due)
            call_due(hub);
        else if (hub->end)
            break;
        else
            wait_until(hub, next);
    }
    pthread_mutex_unlock(&hub->lock);
    return NULL;
}

struct lipd_hub *lipd_hub_start(void)
{
    struct lipd_hub *hub = lip_calloc(NULL, 1, sizeof *hub);
    if (!hub)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&hub->lock, NULL);
    pthread_cond_init(&hub->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    hub->due_end = &hub->due;
    if (!pthread_create(&hub->thread, NULL, run, hub))
        return hub;
    pthread_cond_destroy(&hub->changed);
    pthread_mutex_destroy(&hub->lock);
    lip_free(hub);
    return NULL;
}

void lipd_hub_stop(struct lipd_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    hub->stopped = true;
    pthread_cond_signal(&hub->changed);
    pthread_mutex_unlock(&hub->lock);
}

void lipd_hub_free(struct lipd_hub *hub)
{
    if (!hub)
        return;
    pthread_mutex_lock(&hub->lock);
    hub->stopped = hub->end = true;
    pthread_cond_signal(&hub->changed);
    pthread_mutex_unlock(&hub->lock);
    pthread_join(hub->thread, NULL);
    pthread_cond_destroy(&hub->changed);
    pthread_mutex_destroy(&hub->lock);
    lip_free(hub);
}

void lipd_hub_publish(struct lipd_hub *hub, const char *job)
{
    pthread_mutex_lock(&hub->lock);
    hub->time++;
    snprintf(hub->recent[hub->time % REMEMBERED], LIPD_JOB_ID, "%s", job);
    for (struct listener **at = &hub->listening; *at;) {
        if (!*job || !strcmp((*at)->job, job))
            make_due(hub, at, true);
        else
            at = &(*at)->next;
    }
    if (hub->due)
        pthread_cond_signal(&hub->changed);
    pthread_mutex_unlock(&hub->lock);
}

unsigned long lipd_hub_time(struct lipd_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    unsigned long time = hub->time;
    pthread_mutex_unlock(&hub->lock);
    return time;
}

/* May there have been news of the job after `since`? The lock is held. */
static bool missed(const struct lipd_hub *hub, const char *job,
                   unsigned long since)
{
    if (hub->time - since > REMEMBERED)
        return true;
    for (unsigned long t = since + 1; t <= hub->time; t++) {
        const char *news = hub->recent[t % REMEMBERED];
        if (!*news || !strcmp(news, job))
            return true;
    }
    return false;
}

bool lipd_hub_listen(struct lipd_hub *hub, const char *job, unsigned long since,
                     double deadline, lipd_hub_fn *fn, void *arg)
{
    struct listener *listener = lip_calloc(NULL, 1, sizeof *listener);
    if (!listener)
        return false;
    snprintf(listener->job, sizeof listener->job, "%s", job);
    listener->deadline = deadline;
    listener->fn = fn;
    listener->arg = arg;
    pthread_mutex_lock(&hub->lock);
    listener->next = hub->listening;
    hub->listening = listener;
    if (missed(hub, job, since))
        make_due(hub, &hub->listening, true);
    if (hub->due || hub->stopped || deadline < hub->wakes)
        pthread_cond_signal(&hub->changed);
    pthread_mutex_unlock(&hub->lock);
    return true;
}

void lipd_hub_hurry(struct lipd_hub *hub, const void *arg)
{
    pthread_mutex_lock(&hub->lock);
    struct listener **at = &hub->listening;
    while (*at && (*at)->arg != arg)
        at = &(*at)->next;
    if (*at) {
        make_due(hub, at, false);
        pthread_cond_signal(&hub->changed);
    }
    pthread_mutex_unlock(&hub->lock);
}
