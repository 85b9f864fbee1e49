/* SPDX-License-Identifier: MIT
 *
 * A crew behind the interface that the model asks for. */
#include "training/pool.h"

#include <limits.h>

/* Tasks first .. of a piece of work whose numbers fit a crew's. */
struct tasks {
    void (*task)(void *arg, size_t i);
    void *arg;
    size_t first;
};

static void do_task(void *arg, unsigned part)
{
    const struct tasks *tasks = arg;
    tasks->task(tasks->arg, tasks->first + part);
}

static void run(void *workers, void (*task)(void *arg, size_t i), void *arg,
                size_t count)
{
    const struct lip_pool *pool = workers;
    struct tasks tasks = {task, arg, 0};
    while (tasks.first < count) {
        size_t left = count - tasks.first;
        unsigned parts = left < INT_MAX ? (unsigned)left : INT_MAX;
        lip_crew_run(pool->crew, parts, do_task, &tasks);
        tasks.first += parts;
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
