/* SPDX-License-Identifier: MIT
 *
 * The crew. The parts are dealt out in ranges, one for each thread, so that the
 * same thread comes to the same part of the same work again and finds its data
 * in its cache; who is through with its own range helps with the others'.
 *
 * Each range has a ticket: the number of the piece of work in its upper half,
 * the part to be taken next in its lower; whoever moves it on owns the part. A
 * ticket can only be moved while its piece of work is unfinished, which is
 * while the caller waits: what was read of the work before the move was not
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

/* A line of the cache each: threads that only look disturb no others. */
struct range {
    _Alignas(64) _Atomic uint64_t ticket;
};

struct lip_crew {
    _Alignas(64) _Atomic uint64_t piece;
    _Atomic unsigned parts;
    void (*_Atomic work)(void *arg, unsigned part);
    void *_Atomic arg;
    atomic_bool busy, over;
    _Alignas(64) _Atomic unsigned done;
    _Atomic unsigned sleepers;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct range range[MOST_THREADS + 1];
    unsigned threads; /* started */
    struct member {
        struct lip_crew *crew;
        unsigned number; /* of its range; the caller's is 0 */
        pthread_t thread;
    } member[MOST_THREADS];
};

static void rest(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("yield");
#endif
}

/* Does one part of a range; false where none is left. */
static bool take_from(struct lip_crew *crew, unsigned range)
{
    _Atomic uint64_t *place = &crew->range[range].ticket;
    uint64_t ticket = atomic_load(place);
    for (;;) {
        uint64_t part = ticket & UINT32_MAX;
        uint64_t parts = atomic_load(&crew->parts);
        if (part >= parts * (range + 1) / (crew->threads + 1))
            return false;
        void (*work)(void *, unsigned) = atomic_load(&crew->work);
        void *arg = atomic_load(&crew->arg);
        if (atomic_compare_exchange_weak(place, &ticket, ticket + 1)) {
            work(arg, (unsigned)part);
            atomic_fetch_add(&crew->done, 1);
            return true;
        }
    }
}

/* Does one part, of the own range first; false where none is left. */
static bool take(struct lip_crew *crew, unsigned own)
{
    unsigned ranges = crew->threads + 1;
    for (unsigned i = 0; i < ranges; i++)
        if (take_from(crew, (own + i) % ranges))
            return true;
    return false;
}

/* Sleeps until there is a piece of work other than `seen`. */
static void sleep_until_called(struct lip_crew *crew, uint64_t seen)
{
    pthread_mutex_lock(&crew->lock);
    atomic_fetch_add(&crew->sleepers, 1);
    while (atomic_load(&crew->piece) == seen && !atomic_load(&crew->over))
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
    const struct member *member = arg;
    struct lip_crew *crew = member->crew;
    int idle = 0;
    while (!atomic_load(&crew->over)) {
        uint64_t seen = atomic_load(&crew->piece);
        if (seen > 0 && take(crew, member->number)) {
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
    /* Until the first piece of work the threads look at nothing but that. */
    while (crew->threads + 1 < threads && crew->threads < MOST_THREADS) {
        struct member *member = &crew->member[crew->threads];
        *member = (struct member){.crew = crew, .number = crew->threads + 1};
        if (pthread_create(&member->thread, NULL, serve, member) != 0)
            break;
        crew->threads++;
    }
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
        pthread_join(crew->member[i].thread, NULL);
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
    uint64_t piece = atomic_load(&crew->piece) + 1, ranges = crew->threads + 1;
    atomic_store(&crew->busy, true);
    atomic_store(&crew->done, 0);
    atomic_store(&crew->work, work);
    atomic_store(&crew->arg, arg);
    /* The old tickets are at their ends: with the new number of parts they
     * could be taken again, so they move to the end of all first. */
    for (unsigned i = 0; i < ranges; i++)
        atomic_store(&crew->range[i].ticket, piece << 32 | UINT32_MAX);
    atomic_store(&crew->parts, parts);
    for (unsigned i = 0; i < ranges; i++)
        atomic_store(&crew->range[i].ticket, piece << 32 | parts * i / ranges);
    atomic_store(&crew->piece, piece);
    call(crew);
    while (take(crew, 0)) {
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
