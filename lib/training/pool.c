/* SPDX-License-Identifier: MIT
 *
 * A crew behind the interface that the model asks for. */
#include "training/pool.h"

#include <limits.h>

/* Tasks first .. first + count - 1 as the parts of a crew's work. A thread
 * begins with neighbouring parts: they are every threads-th task, so that long
 * tasks, which lie together too, are shared. */
struct tasks {
    void (*task)(void *arg, size_t i);
    void *arg;
    size_t first;
    unsigned count, threads;
};

static void do_part(void *arg, unsigned part)
{
    const struct tasks *tasks = arg;
    unsigned each = tasks->count / tasks->threads;
    unsigned longer = tasks->count % tasks->threads; /* by one */
    unsigned thread, turn;
    if (part < longer * (each + 1)) {
        thread = part / (each + 1);
        turn = part % (each + 1);
    } else {
        part -= longer * (each + 1);
        thread = longer + part / each;
        turn = part % each;
    }
    tasks->task(tasks->arg, tasks->first + turn * tasks->threads + thread);
}

static void run(void *workers, void (*task)(void *arg, size_t i), void *arg,
                size_t count)
{
    const struct lip_pool *pool = workers;
    struct tasks tasks = {task, arg, 0, 0, lip_crew_size(pool->crew)};
    for (; tasks.first < count; tasks.first += tasks.count) {
        size_t left = count - tasks.first;
        tasks.count = left < INT_MAX ? (unsigned)left : INT_MAX;
        lip_crew_run(pool->crew, tasks.count, do_part, &tasks);
    }
}

void lip_pool_begin(struct lip_pool *pool, unsigned threads,
                    struct lip_ctx *ctx)
{
    lip_crew_new(&pool->crew, threads, ctx);
    pool->workers = (struct lip_workers){run, pool};
}

void lip_pool_end(struct lip_pool *pool)
{
    lip_crew_free(pool->crew);
    pool->crew = NULL;
}
