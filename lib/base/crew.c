/* SPDX-License-Identifier: MIT
 *
 * The crew. A ticket holds the number of the piece of work in its upper half
 * and the part to be taken next in its lower; whoever moves it on owns the
 * part. A ticket can only be moved while its piece of work is unfinished, which
 * is while the caller waits: what was read of the work before the move was not
 * being changed. */
#include "base/crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Looks at the ticket before a thread goes to sleep, some 100 us, and before
 * one that waits lets others run. */
enum { MOST_THREADS = 64, PATIENCE = 4000, BRIEFLY = 400 };

struct lip_crew {
    _Atomic uint64_t ticket;
    _Atomic unsigned parts, done, sleepers;
    void (*_Atomic work)(void *arg, unsigned part);
    void *_Atomic arg;
    atomic_bool busy, over;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    unsigned threads; /* started */
    pthread_t thread[MOST_THREADS];
};

static void rest(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

/* Does one part; false where none is left. */
static bool take(struct lip_crew *crew)
{
    uint64_t ticket = atomic_load(&crew->ticket);
    for (;;) {
        unsigned part = (unsigned)(ticket & UINT32_MAX);
        if (part >= atomic_load(&crew->parts))
            return false;
        void (*work)(void *, unsigned) = atomic_load(&crew->work);
        void *arg = atomic_load(&crew->arg);
        if (atomic_compare_exchange_weak(&crew->ticket, &ticket, ticket + 1)) {
            work(arg, part);
            atomic_fetch_add(&crew->done, 1);
            return true;
        }
    }
}

/* Sleeps until there is a ticket other than `seen`. */
static void sleep_until_called(struct lip_crew *crew, uint64_t seen)
{
    pthread_mutex_lock(&crew->lock);
    atomic_fetch_add(&crew->sleepers, 1);
    while (atomic_load(&crew->ticket) == seen && !atomic_load(&crew->over))
        pthread_cond_wait(&crew->wake, &crew->lock);
    atomic_fetch_sub(&crew->sleepers, 1);
    pthread_mutex_unlock(&crew->lock);
}

static void call(struct lip_crew *crew)
{
    if (atomic_load(&crew->sleepers) == 0)
        return;
    pthread_mutex_lock(&crew->lock);
    pthread_cond_broadcast(&crew->wake);
    pthread_mutex_unlock(&crew->lock);
}

static void *serve(void *arg)
{
    struct lip_crew *crew = arg;
    int idle = 0;
    while (!atomic_load(&crew->over)) {
        uint64_t seen = atomic_load(&crew->ticket);
        if (take(crew)) {
            idle = 0;
        } else if (++idle < PATIENCE) {
            rest();
        } else {
            sleep_until_called(crew, seen);
            idle = 0;
        }
    }
    return NULL;
}

void lip_crew_new(struct lip_crew **out, unsigned threads, struct lip_ctx *ctx)
{
    *out = NULL;
    if (threads < 2)
        return;
    struct lip_crew *crew = lip_calloc(ctx, 1, sizeof *crew);
    if (!crew) {
        if (ctx)
            lip_error_clear(ctx);
        return;
    }
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->wake, NULL);
    while (crew->threads + 1 < threads && crew->threads < MOST_THREADS &&
           pthread_create(&crew->thread[crew->threads], NULL, serve, crew) == 0)
        crew->threads++;
    if (crew->threads > 0) {
        *out = crew;
        return;
    }
    lip_crew_free(crew);
}

void lip_crew_free(struct lip_crew *crew)
{
    if (!crew)
        return;
    atomic_store(&crew->over, true);
    call(crew);
    for (unsigned i = 0; i < crew->threads; i++)
        pthread_join(crew->thread[i], NULL);
    pthread_cond_destroy(&crew->wake);
    pthread_mutex_destroy(&crew->lock);
    lip_free(crew);
}

static void alone(unsigned parts, void (*work)(void *arg, unsigned part),
                  void *arg)
{
    for (unsigned part = 0; part < parts; part++)
        work(arg, part);
}

void lip_crew_run(struct lip_crew *crew, unsigned parts,
                  void (*work)(void *arg, unsigned part), void *arg)
{
    if (!crew || parts < 2 || atomic_load(&crew->busy)) {
        alone(parts, work, arg);
        return;
    }
    uint64_t piece = (atomic_load(&crew->ticket) >> 32) + 1;
    atomic_store(&crew->busy, true);
    atomic_store(&crew->done, 0);
    atomic_store(&crew->work, work);
    atomic_store(&crew->arg, arg);
    /* The old ticket is at its end: with the new number of parts it could be
     * taken again, so it moves to the end of all first. */
    atomic_store(&crew->ticket, piece << 32 | UINT32_MAX);
    atomic_store(&crew->parts, parts);
    atomic_store(&crew->ticket, piece << 32);
    call(crew);
    while (take(crew)) {
    }
    for (int waited = 0; atomic_load(&crew->done) < parts; waited++)
        if (waited < BRIEFLY)
            rest();
        else
            sched_yield();
    atomic_store(&crew->busy, false);
}

unsigned lip_crew_size(const struct lip_crew *crew)
{
    return crew ? crew->threads + 1 : 1;
}
