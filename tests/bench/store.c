/* SPDX-License-Identifier: MIT
 *
 * What the stores of jobs do in a second: a job claimed and ended, by one
 * thread and by four workers, each with a store of its own; and adding. What a
 * disk takes to keep a page for certain is measured beside it. */
#include "tests/support/measure.h"
#include "tests/support/postgres.h"

#include "base/context.h"
#include "server/jobs/job_store.h"
#include "server/store/postgres.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS = 4, THREADS = 4, MOST = 20000 };

static struct postgres server;
static struct lipd_pg *pool[WORKERS];
static char folder[] = "/tmp/lipschitzd-bench-XXXXXX"; /* on a real disk */

struct hand {
    pthread_t thread;
    struct lipd_job_store *store;
    char owner[8];
    size_t ended;
};

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static double syncs_per_second(const char *where)
{
    enum { ROUNDS = 200 };
    char path[200], page[4096] = "";
    snprintf(path, sizeof path, "%s/sync", where);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    double start = lip_now();
    for (int i = 0; i < ROUNDS; i++)
        if (pwrite(fd, page, sizeof page, 0) < 0 || fdatasync(fd))
            fail("the disk cannot be written");
    double rate = ROUNDS / (lip_now() - start);
    close(fd);
    unlink(path);
    return rate;
}

static void add_all(struct lipd_job_store *store, size_t count)
{
    const struct lipd_job_wish wish = {
        .kind = "train", .request = "{}", .tenant = ""};
    struct api_problem problem;
    char id[LIPD_JOB_ID];
    bool again;
    for (size_t i = 0; i < count; i++)
        if (!store->ops->add(store, id, &again, &wish, MOST, &problem))
            fail(problem.detail);
}

static void *work(void *arg)
{
    struct hand *hand = arg;
    const struct lipd_job_end end = {.state = LIPD_JOB_SUCCEEDED,
                                     .result = "{}"};
    struct api_problem problem;
    struct lipd_job job;
    while (hand->store->ops->claim(hand->store, &job, hand->owner, 60,
                                   &problem) == LIPD_CLAIMED) {
        if (!hand->store->ops->finish(hand->store, job.id, hand->owner, &end,
                                      &problem))
            fail(problem.detail);
        lipd_job_clear(&job);
        hand->ended++;
    }
    return NULL;
}

/* Jobs a second that so many threads claim and end, on these stores in turn. */
static double rate_of(struct lipd_job_store **store, size_t stores,
                      size_t threads, size_t jobs)
{
    static struct hand hand[WORKERS * THREADS];
    size_t ended = 0;
    memset(hand, 0, sizeof hand);
    add_all(store[0], jobs);
    double start = lip_now();
    for (size_t i = 0; i < threads; i++) {
        hand[i].store = store[i % stores];
        snprintf(hand[i].owner, sizeof hand[i].owner, "w%zu", i);
        pthread_create(&hand[i].thread, NULL, work, &hand[i]);
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(hand[i].thread, NULL);
        ended += hand[i].ended;
    }
    if (ended < jobs)
        fail("a job was claimed twice, or never");
    return (double)ended / (lip_now() - start);
}

static void measure_store(const char *name, struct lipd_job_store **store,
                          size_t stores, size_t jobs, const char *where)
{
    char line[80];
    double syncs = syncs_per_second(where);
    snprintf(line, sizeof line, "store_%s_disk", name);
    measure_print(line, syncs, "syncs/s", 0, NULL);
    double start = lip_now();
    add_all(store[0], jobs);
    snprintf(line, sizeof line, "store_%s_add", name);
    measure_print(line, (double)jobs / (lip_now() - start), "jobs/s", 0, NULL);
    /* Those just added go first, and are not counted. */
    rate_of(store, stores, WORKERS, jobs);
    static const size_t threads[] = {1, WORKERS, WORKERS * THREADS};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        snprintf(line, sizeof line, "store_%s_claim_and_end_%zu", name,
                 threads[i]);
        measure_print(line, rate_of(store, stores, threads[i], jobs), "jobs/s",
                      0, NULL);
    }
}

static void measure_sqlite(void)
{
    char complaint[512];
    struct lipd_job_store *store =
        lipd_job_store_sqlite(folder, complaint, sizeof complaint);
    if (!store)
        fail(complaint);
    measure_store("sqlite", &store, 1, 1000, folder);
    store->ops->close(store);
}

static void measure_postgres(void)
{
    struct lipd_job_store *store[WORKERS];
    char complaint[512];
    for (size_t i = 0; i < WORKERS; i++) {
        pool[i] = lipd_pg_open(server.url, complaint, sizeof complaint);
        store[i] = pool[i] ? lipd_pg_jobs(pool[i]) : NULL;
        if (!store[i])
            fail(complaint);
    }
    measure_store("postgresql", store, WORKERS, 1000, folder);
    for (size_t i = 0; i < WORKERS; i++) {
        store[i]->ops->close(store[i]);
        lipd_pg_close(pool[i]);
    }
}

static void bench(void)
{
    char command[80];
    if (!mkdtemp(folder))
        fail("there is no folder in /tmp");
    measure_sqlite();
    if (postgres_there()) {
        postgres_start(&server);
        measure_postgres();
        postgres_end(&server);
    }
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command))
        fail("the folder is left");
}

int main(void)
{
    return measure_main(bench);
}
