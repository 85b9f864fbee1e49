/* SPDX-License-Identifier: MIT
 *
 * What every job store promises: a job is in one hand at a time, what returned
 * true is there after kill -9, and nothing is told twice. */
#include "tests/support/job_store_suite.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MANY = 100000 };

static const struct job_store_source *source;
static struct lipd_job_store *store;
static struct api_problem problem;

static void open_store(void)
{
    store = source->open();
}

static void reopen(void)
{
    store->ops->close(store);
    open_store();
}

static void setup(void)
{
    source->setup();
    open_store();
}

static void teardown(void)
{
    store->ops->close(store);
    source->teardown();
}

static void add(char id[LIPD_JOB_ID])
{
    bool again;
    ck_assert_msg(
        store->ops->add(store, id, &again,
                        &(struct lipd_job_wish){.kind = "train",
                                                .request = "{\"epochs\": 3}",
                                                .tenant = "",
                                                .key = NULL,
                                                .digest = NULL},
                        MANY, &problem),
        "%s", problem.detail);
    ck_assert(!again);
}

static struct lipd_job get(const char *id)
{
    struct lipd_job job;
    ck_assert_msg(store->ops->get(store, &job, id, &problem), "%s",
                  problem.detail);
    return job;
}

static void expect_state(const char *id, enum lipd_job_state state)
{
    struct lipd_job job = get(id);
    ck_assert_str_eq(lipd_job_state_name(job.state),
                     lipd_job_state_name(state));
    lipd_job_clear(&job);
}

/* Claims a job that must be there; its id. */
static void claim(char id[LIPD_JOB_ID], const char *owner, double lease)
{
    struct lipd_job job;
    ck_assert_int_eq(store->ops->claim(store, &job, owner, lease, &problem),
                     LIPD_CLAIMED);
    memcpy(id, job.id, LIPD_JOB_ID);
    lipd_job_clear(&job);
}

/* The same within seconds: who looks for leases that ran out sees that after a
 * while. */
static void claim_soon(char id[LIPD_JOB_ID], const char *owner, double lease)
{
    struct lipd_job job;
    enum lipd_claim found = LIPD_NOTHING;
    for (int i = 0; i < 300 && found == LIPD_NOTHING; i++) {
        found = store->ops->claim(store, &job, owner, lease, &problem);
        usleep(10000);
    }
    ck_assert_int_eq(found, LIPD_CLAIMED);
    memcpy(id, job.id, LIPD_JOB_ID);
    lipd_job_clear(&job);
}

static void expect_nothing(const char *owner)
{
    struct lipd_job job;
    ck_assert_int_eq(store->ops->claim(store, &job, owner, 60, &problem),
                     LIPD_NOTHING);
}

static bool beat(const char *id, const char *owner, const char *progress)
{
    bool asked;
    return store->ops->heartbeat(store, id, owner, 60, progress, &asked,
                                 &problem);
}

static bool finish(const char *id, const char *owner, enum lipd_job_state state)
{
    struct lipd_job_end end = {.state = state, .result = "{\"r\": 1}"};
    return store->ops->finish(store, id, owner, &end, &problem);
}

/* "type data" of every event, each with a space behind. */
static void expect_events(const char *id, const char *expected)
{
    struct lipd_job_event event[32];
    char text[2048] = "";
    size_t count, size = 0;
    ck_assert(store->ops->events(store, event, &count, 32, id, 0, &problem));
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(event[i].sequence, i + 1);
        size += (size_t)snprintf(text + size, sizeof text - size, "%s %s ",
                                 event[i].type, event[i].data);
        lipd_job_event_clear(&event[i]);
    }
    ck_assert_str_eq(text, expected);
}

#define STATE(name) "state {\"state\": \"" name "\"} "

START_TEST(a_life)
{
    char id[LIPD_JOB_ID], claimed[LIPD_JOB_ID];
    add(id);
    ck_assert_uint_eq(strspn(id, "0123456789abcdef"), 32);
    ck_assert_uint_eq(store->ops->queued(store), 1);
    claim(claimed, "me", 60);
    ck_assert_str_eq(claimed, id);
    ck_assert_uint_eq(store->ops->queued(store), 0);
    ck_assert(beat(id, "me", "{\"done\": 1}"));
    ck_assert(beat(id, "me", NULL));
    ck_assert(finish(id, "me", LIPD_JOB_SUCCEEDED));
    reopen();
    struct lipd_job job = get(id);
    ck_assert_int_eq(job.state, LIPD_JOB_SUCCEEDED);
    ck_assert_str_eq(job.kind, "train");
    ck_assert_str_eq(job.request, "{\"epochs\": 3}");
    ck_assert_str_eq(job.progress, "{\"done\": 1}");
    ck_assert_str_eq(job.result, "{\"r\": 1}");
    ck_assert_ptr_null(job.error);
    ck_assert_uint_eq(job.attempts, 1);
    ck_assert_uint_eq(job.sequence, 4);
    ck_assert(job.created > 1e9 && job.created <= job.started &&
              job.started <= job.finished);
    lipd_job_clear(&job);
    expect_events(
        id, STATE("queued")
                STATE("running") "progress {\"done\": 1} " STATE("succeeded"));
}
END_TEST

START_TEST(a_trace_stays_with_its_job)
{
    static const char trace[] = "0123456789abcdef0123456789abcdef";
    const struct lipd_job_wish wish = {
        .kind = "train", .request = "{}", .tenant = "t", .trace = trace};
    char id[LIPD_JOB_ID];
    bool again;
    ck_assert(store->ops->add(store, id, &again, &wish, 1, &problem));
    struct lipd_job job = get(id);
    ck_assert_str_eq(job.trace, trace);
    ck_assert_str_eq(job.tenant, "t");
    lipd_job_clear(&job);
    ck_assert_int_eq(store->ops->claim(store, &job, "me", 60, &problem),
                     LIPD_CLAIMED);
    ck_assert_str_eq(job.trace, trace);
    lipd_job_clear(&job);
}
END_TEST

START_TEST(what_is_over_stays_as_it_is)
{
    char id[LIPD_JOB_ID], claimed[LIPD_JOB_ID];
    add(id);
    claim(claimed, "me", 60);
    ck_assert(finish(id, "me", LIPD_JOB_FAILED));
    ck_assert(!finish(id, "me", LIPD_JOB_SUCCEEDED));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(!beat(id, "me", "{}"));
    ck_assert(!store->ops->release(store, id, "me", &(struct lipd_attempts){0},
                                   &problem));
    ck_assert(store->ops->cancel(store, id, &problem));
    ck_assert(store->ops->recover(store, "me", &problem));
    expect_state(id, LIPD_JOB_FAILED);
    expect_nothing("me");
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
    static const char *const none = "00000000000000000000000000000000";
    struct lipd_job job;
    struct lipd_job_event event;
    size_t count;
    ck_assert(!store->ops->get(store, &job, none, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(!store->ops->cancel(store, none, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(!store->ops->events(store, &event, &count, 1, none, 0, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(!store->ops->list(store, &job, &count, 1, none, NULL, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(!finish(none, "me", LIPD_JOB_FAILED));
    expect_nothing("me");
}
END_TEST

START_TEST(a_key_gives_the_same_job_again)
{
    char first[LIPD_JOB_ID], id[LIPD_JOB_ID];
    bool again;
    ck_assert(store->ops->add(store, first, &again,
                              &(struct lipd_job_wish){.kind = "train",
                                                      .request = "{}",
                                                      .tenant = "",
                                                      .key = "key",
                                                      .digest = "d1"},
                              1, &problem));
    ck_assert(!again);
    reopen();
    /* Though no other job would find room. */
    ck_assert(store->ops->add(store, id, &again,
                              &(struct lipd_job_wish){.kind = "train",
                                                      .request = "{}",
                                                      .tenant = "",
                                                      .key = "key",
                                                      .digest = "d1"},
                              1, &problem));
    ck_assert(again);
    ck_assert_str_eq(id, first);
    ck_assert(!store->ops->add(store, id, &again,
                               &(struct lipd_job_wish){.kind = "train",
                                                       .request = "{}",
                                                       .tenant = "",
                                                       .key = "key",
                                                       .digest = "d2"},
                               9, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_IDEMPOTENCY_CONFLICT);
    ck_assert_uint_eq(store->ops->queued(store), 1);
    /* The key lives as long as the job. */
    ck_assert(store->ops->cancel(store, first, &problem));
    ck_assert(store->ops->trim(store, 0, &problem));
    ck_assert(store->ops->add(store, id, &again,
                              &(struct lipd_job_wish){.kind = "train",
                                                      .request = "{}",
                                                      .tenant = "",
                                                      .key = "key",
                                                      .digest = "d2"},
                              1, &problem));
    ck_assert(!again);
    ck_assert_str_ne(id, first);
}
END_TEST

/* A key is its tenant's; so are pages. */
START_TEST(tenants_have_their_own)
{
    static const char *const tenant[] = {"", "a", "b"};
    char id[3][LIPD_JOB_ID];
    for (int i = 0; i < 3; i++) {
        bool again;
        ck_assert(store->ops->add(store, id[i], &again,
                                  &(struct lipd_job_wish){.kind = "train",
                                                          .request = "{}",
                                                          .tenant = tenant[i],
                                                          .key = "key",
                                                          .digest = tenant[i]},
                                  9, &problem));
        ck_assert(!again);
    }
    reopen();
    for (int i = 0; i < 4; i++) {
        struct lipd_job job[4];
        size_t count;
        ck_assert(store->ops->list(store, job, &count, 4, "",
                                   i < 3 ? tenant[i] : NULL, &problem));
        ck_assert_uint_eq(count, i < 3 ? 1 : 3);
        if (i < 3)
            ck_assert_str_eq(job[0].id, id[i]);
        if (i < 3)
            ck_assert_str_eq(job[0].tenant, tenant[i]);
        while (count)
            lipd_job_clear(&job[--count]);
    }
}
END_TEST

START_TEST(no_more_than_most_are_queued)
{
    char id[LIPD_JOB_ID];
    bool again;
    add(id);
    add(id);
    ck_assert(!store->ops->add(store, id, &again,
                               &(struct lipd_job_wish){.kind = "train",
                                                       .request = "{}",
                                                       .tenant = "",
                                                       .key = NULL,
                                                       .digest = NULL},
                               2, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    ck_assert_uint_gt(problem.retry_after, 0);
    claim(id, "me", 60);
    ck_assert(store->ops->add(store, id, &again,
                              &(struct lipd_job_wish){.kind = "train",
                                                      .request = "{}",
                                                      .tenant = "",
                                                      .key = NULL,
                                                      .digest = NULL},
                              2, &problem));
}
END_TEST

START_TEST(a_lease_runs_out)
{
    char id[LIPD_JOB_ID], claimed[LIPD_JOB_ID];
    add(id);
    claim(claimed, "dead", 0.05);
    expect_nothing("heir");
    usleep(60000);
    claim_soon(claimed, "heir", 1);
    ck_assert_str_eq(claimed, id);
    ck_assert(!beat(id, "dead", NULL));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(!finish(id, "dead", LIPD_JOB_SUCCEEDED));
    ck_assert(finish(id, "heir", LIPD_JOB_SUCCEEDED));
    expect_events(id, STATE("queued") STATE("running") STATE("queued")
                          STATE("running") STATE("succeeded"));
}
END_TEST

START_TEST(a_heartbeat_prolongs_the_lease)
{
    char id[LIPD_JOB_ID];
    add(id);
    claim(id, "me", 0.05);
    ck_assert(beat(id, "me", NULL));
    usleep(60000);
    expect_nothing("heir");
    ck_assert(beat(id, "me", NULL));
}
END_TEST

START_TEST(a_released_job_is_first_in_the_queue)
{
    char first[LIPD_JOB_ID], second[LIPD_JOB_ID], id[LIPD_JOB_ID];
    add(first);
    add(second);
    claim(id, "me", 60);
    ck_assert(store->ops->release(store, id, "me", &(struct lipd_attempts){0},
                                  &problem));
    claim(id, "me", 60);
    ck_assert_str_eq(id, first);
    ck_assert(store->ops->release(store, id, "me", NULL, &problem));
    claim(id, "other", 60);
    ck_assert_str_eq(id, first);
    struct lipd_job job = get(first);
    ck_assert_uint_eq(job.attempts, 2);
    lipd_job_clear(&job);
}
END_TEST

/* How a job gets on is told to whoever claims it next; a pause changes nothing
 * about that, nor does a lease that runs out. */
START_TEST(tries_are_kept)
{
    const struct lipd_attempts vain = {.vain = 3, .best = 0.1};
    struct lipd_job job;
    char id[LIPD_JOB_ID];
    add(id);
    claim(id, "one", 60);
    ck_assert(store->ops->release(store, id, "one", &vain, &problem));
    reopen();
    claim(id, "two", 60);
    ck_assert(store->ops->release(store, id, "two", NULL, &problem));
    claim(id, "three", 0.05);
    expect_nothing("heir");
    usleep(60000);
    claim_soon(id, "heir", 1);
    ck_assert(store->ops->recover(store, "heir", &problem));
    ck_assert_int_eq(store->ops->claim(store, &job, "four", 60, &problem),
                     LIPD_CLAIMED);
    ck_assert_uint_eq(job.tries.vain, 3);
    ck_assert_double_eq(job.tries.best, 0.1);
    lipd_job_clear(&job);
}
END_TEST

START_TEST(only_the_gone_owners_jobs_are_recovered)
{
    char first[LIPD_JOB_ID], second[LIPD_JOB_ID], id[LIPD_JOB_ID];
    add(first);
    add(second);
    claim(id, "gone", 60);
    claim(id, "other", 60);
    reopen();
    ck_assert(store->ops->recover(store, "gone", &problem));
    expect_state(first, LIPD_JOB_QUEUED);
    expect_state(second, LIPD_JOB_RUNNING);
}
END_TEST

START_TEST(cancelling)
{
    char waits[LIPD_JOB_ID], runs[LIPD_JOB_ID];
    bool asked = true;
    add(runs);
    claim(runs, "me", 60);
    add(waits);
    ck_assert(
        store->ops->heartbeat(store, runs, "me", 60, NULL, &asked, &problem));
    ck_assert(!asked);
    ck_assert(store->ops->cancel(store, runs, &problem));
    ck_assert(store->ops->cancel(store, waits, &problem));
    expect_state(waits, LIPD_JOB_CANCELLED);
    expect_state(runs, LIPD_JOB_RUNNING);
    struct lipd_job job = get(runs);
    ck_assert(job.cancel);
    lipd_job_clear(&job);
    ck_assert(
        store->ops->heartbeat(store, runs, "me", 60, NULL, &asked, &problem));
    ck_assert(asked);
    expect_nothing("me");
    expect_events(waits, STATE("queued") STATE("cancelled"));
    /* Begun and paused: it is claimed once more, to end with what there is. */
    ck_assert(store->ops->release(store, runs, "me", NULL, &problem));
    ck_assert(store->ops->cancel(store, runs, &problem));
    expect_state(runs, LIPD_JOB_QUEUED);
    claim(waits, "me", 60);
    ck_assert_str_eq(waits, runs);
    ck_assert(
        store->ops->heartbeat(store, runs, "me", 60, NULL, &asked, &problem));
    ck_assert(asked);
}
END_TEST

START_TEST(pages_follow_one_another)
{
    enum { JOBS = 7, PAGE = 3 };
    char id[JOBS][LIPD_JOB_ID], late[LIPD_JOB_ID];
    struct lipd_job job[PAGE];
    size_t count, seen = 0;
    char after[LIPD_JOB_ID] = "";
    for (size_t i = 0; i < JOBS; i++)
        add(id[i]);
    do {
        ck_assert(
            store->ops->list(store, job, &count, PAGE, after, NULL, &problem));
        for (size_t i = 0; i < count; i++, seen++) {
            ck_assert_str_eq(job[i].id, id[JOBS - 1 - seen]);
            ck_assert_ptr_null(job[i].request);
            memcpy(after, job[i].id, LIPD_JOB_ID);
            lipd_job_clear(&job[i]);
        }
        add(late); /* does not move what comes after */
    } while (count);
    ck_assert_uint_eq(seen, JOBS);
}
END_TEST

START_TEST(trimming_takes_the_oldest_that_are_over)
{
    char id[5][LIPD_JOB_ID], claimed[LIPD_JOB_ID];
    struct lipd_job job;
    for (size_t i = 0; i < 5; i++)
        add(id[i]);
    for (size_t i = 0; i < 4; i++)
        claim(claimed, "me", 60);
    /* In another order than they came; the first goes on. */
    ck_assert(finish(id[3], "me", LIPD_JOB_SUCCEEDED));
    ck_assert(finish(id[1], "me", LIPD_JOB_SUCCEEDED));
    ck_assert(finish(id[2], "me", LIPD_JOB_FAILED));
    ck_assert(store->ops->trim(store, 2, &problem));
    ck_assert(!store->ops->get(store, &job, id[3], &problem));
    expect_state(id[0], LIPD_JOB_RUNNING);
    expect_state(id[1], LIPD_JOB_SUCCEEDED);
    expect_state(id[2], LIPD_JOB_FAILED);
    expect_state(id[4], LIPD_JOB_QUEUED);
}
END_TEST

/* However long the history was, nobody waits long until it is short. */
START_TEST(trimming_takes_few_at_a_time)
{
    enum { KEPT = 3, MORE = 2, COUNT = LIPD_TRIMMED + MORE + KEPT };
    static char id[COUNT][LIPD_JOB_ID];
    char claimed[LIPD_JOB_ID];
    struct lipd_job job;
    for (size_t i = 0; i < COUNT; i++) {
        add(id[i]);
        claim(claimed, "me", 60);
        ck_assert(finish(id[i], "me", LIPD_JOB_SUCCEEDED));
    }
    ck_assert(store->ops->trim(store, KEPT, &problem));
    for (size_t i = 0; i < LIPD_TRIMMED; i++)
        ck_assert(!store->ops->get(store, &job, id[i], &problem));
    expect_state(id[LIPD_TRIMMED], LIPD_JOB_SUCCEEDED);
    ck_assert(store->ops->trim(store, KEPT, &problem));
    ck_assert(!store->ops->get(store, &job, id[COUNT - KEPT - 1], &problem));
    ck_assert(store->ops->trim(store, KEPT, &problem));
    expect_state(id[COUNT - KEPT], LIPD_JOB_SUCCEEDED);
}
END_TEST

START_TEST(the_newest_progress_is_kept)
{
    enum { BEATS = 2100, KEPT = 2000 };
    char id[LIPD_JOB_ID], text[64];
    static struct lipd_job_event event[BEATS + 8];
    size_t count;
    add(id);
    claim(id, "me", 60);
    for (int i = 0; i < BEATS; i++) {
        snprintf(text, sizeof text, "{\"done\": %d}", i);
        ck_assert(beat(id, "me", text));
    }
    ck_assert(finish(id, "me", LIPD_JOB_SUCCEEDED));
    ck_assert(
        store->ops->events(store, event, &count, BEATS + 8, id, 0, &problem));
    ck_assert_uint_ge(count, KEPT);
    ck_assert_uint_le(count, KEPT + 8);
    ck_assert_str_eq(event[0].type, "state");
    ck_assert_str_eq(event[1].type, "state");
    ck_assert_str_eq(event[2].type, "progress");
    ck_assert_uint_gt(event[2].sequence, 3);
    for (size_t i = 2; i + 1 < count; i++)
        ck_assert_uint_eq(event[i + 1].sequence, event[i].sequence + 1);
    ck_assert_str_eq(event[count - 2].data, "{\"done\": 2099}");
    for (size_t i = 0; i < count; i++)
        lipd_job_event_clear(&event[i]);
    /* From a place in the middle. */
    ck_assert(store->ops->events(store, event, &count, 2, id, 1500, &problem));
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(event[0].sequence, 1501);
    ck_assert_uint_eq(event[1].sequence, 1502);
    lipd_job_event_clear(&event[0]);
    lipd_job_event_clear(&event[1]);
}
END_TEST

/* --- two at once */

enum { SHARED = 60 };

struct hand {
    struct lipd_job_store *store;
    const char *owner;
    char taken[SHARED][LIPD_JOB_ID];
    size_t count;
    pthread_t thread;
};

static void *take_all(void *arg)
{
    struct hand *hand = arg;
    struct lipd_job job;
    struct api_problem mine;
    while (hand->count < SHARED &&
           hand->store->ops->claim(hand->store, &job, hand->owner, 60, &mine) ==
               LIPD_CLAIMED) {
        memcpy(hand->taken[hand->count++], job.id, LIPD_JOB_ID);
        lipd_job_clear(&job);
    }
    return NULL;
}

/* Two threads on one store each: the database keeps them apart, as it would
 * two processes. */
START_TEST(each_job_is_claimed_once)
{
    static struct hand hand[4];
    char id[LIPD_JOB_ID];
    for (size_t i = 0; i < SHARED; i++)
        add(id);
    struct lipd_job_store *second = source->open();
    for (size_t i = 0; i < 4; i++) {
        hand[i].store = i % 2 ? second : store;
        hand[i].owner = i % 2 ? "a" : "b";
        pthread_create(&hand[i].thread, NULL, take_all, &hand[i]);
    }
    size_t total = 0;
    for (size_t i = 0; i < 4; i++) {
        pthread_join(hand[i].thread, NULL);
        total += hand[i].count;
    }
    ck_assert_uint_eq(total, SHARED);
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < hand[i].count; j++) {
            struct lipd_job job = get(hand[i].taken[j]);
            ck_assert_uint_eq(job.attempts, 1);
            lipd_job_clear(&job);
        }
    second->ops->close(second);
}
END_TEST

/* --- kill -9 */

struct promise {
    char id[LIPD_JOB_ID];
    int state; /* that a call returned true for */
};

/* Works until it is killed; says what it was promised. */
static void work_and_tell(int out)
{
    struct promise p;
    struct lipd_job job;
    bool again;
    open_store();
    for (;;) {
        store->ops->add(store, p.id, &again,
                        &(struct lipd_job_wish){.kind = "train",
                                                .request = "{}",
                                                .tenant = "",
                                                .key = NULL,
                                                .digest = NULL},
                        MANY, &problem);
        p.state = LIPD_JOB_QUEUED;
        if (write(out, &p, sizeof p) != sizeof p)
            break;
        if (store->ops->claim(store, &job, "me", 60, &problem) != LIPD_CLAIMED)
            break;
        memcpy(p.id, job.id, LIPD_JOB_ID);
        lipd_job_clear(&job);
        beat(p.id, "me", "{\"done\": 1}");
        if (!finish(p.id, "me", LIPD_JOB_SUCCEEDED))
            break;
        p.state = LIPD_JOB_SUCCEEDED;
        if (write(out, &p, sizeof p) != sizeof p)
            break;
    }
    _exit(1);
}

static size_t check_promises(int in)
{
    struct promise p;
    size_t count = 0;
    for (; read(in, &p, sizeof p) == sizeof p; count++) {
        struct lipd_job job = get(p.id);
        ck_assert_int_ge(job.state, p.state);
        if (p.state == LIPD_JOB_SUCCEEDED)
            ck_assert_str_eq(job.result, "{\"r\": 1}");
        lipd_job_clear(&job);
    }
    return count;
}

/* The job's latest state event tells the state that it is in. False where it
 * has changed since it was read. */
static bool check_events_of(const struct lipd_job *job)
{
    struct lipd_job_event event[64];
    const char *latest = "";
    size_t count;
    ck_assert(
        store->ops->events(store, event, &count, 64, job->id, 0, &problem));
    ck_assert_uint_gt(count, 0);
    ck_assert_uint_ge(event[count - 1].sequence, job->sequence);
    bool same = event[count - 1].sequence == job->sequence;
    for (size_t j = 0; j < count; j++)
        if (!strcmp(event[j].type, "state"))
            latest = event[j].data;
    if (same)
        ck_assert_ptr_nonnull(strstr(latest, lipd_job_state_name(job->state)));
    for (size_t j = 0; j < count; j++)
        lipd_job_event_clear(&event[j]);
    return same;
}

/* Of the newest jobs. What a process had begun when it was killed a database
 * may still be doing: that is waited for. */
static void check_events(void)
{
    struct lipd_job job[8];
    size_t jobs, same = 0;
    for (int tries = 0; tries < 250; tries++) {
        ck_assert(store->ops->list(store, job, &jobs, 8, "", NULL, &problem));
        same = 0;
        for (size_t i = 0; i < jobs; i++) {
            same += check_events_of(&job[i]);
            lipd_job_clear(&job[i]);
        }
        if (same == jobs)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    }
    ck_abort_msg("events are of other states than their jobs");
}

START_TEST(what_returned_true_survives_kill_9)
{
    unsigned seed = (unsigned)time(NULL);
    size_t promises = 0;
    store->ops->close(store);
    printf("seed %u\n", seed);
    /* Where it is slow few promises come before it is killed. */
    for (int round = 0; round < 20 || (promises <= 20 && round < 400);
         round++) {
        int ends[2];
        ck_assert_int_eq(pipe(ends), 0);
        pid_t child = fork();
        if (!child) {
            close(ends[0]);
            work_and_tell(ends[1]);
        }
        close(ends[1]);
        usleep(20000 + (unsigned)rand_r(&seed) % 50000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        open_store();
        promises += check_promises(ends[0]);
        check_events();
        ck_assert(store->ops->recover(store, "me", &problem));
        store->ops->close(store);
        close(ends[0]);
    }
    open_store();
    ck_assert_uint_gt(promises, 20);
}
END_TEST

TCase *job_store_suite(const struct job_store_source *given)
{
    TCase *tests = tcase_create("job_store");
    source = given;
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_life);
    tcase_add_test(tests, a_trace_stays_with_its_job);
    tcase_add_test(tests, what_is_over_stays_as_it_is);
    tcase_add_test(tests, what_is_not_there_is_not_found);
    tcase_add_test(tests, a_key_gives_the_same_job_again);
    tcase_add_test(tests, tenants_have_their_own);
    tcase_add_test(tests, no_more_than_most_are_queued);
    tcase_add_test(tests, a_lease_runs_out);
    tcase_add_test(tests, a_heartbeat_prolongs_the_lease);
    tcase_add_test(tests, a_released_job_is_first_in_the_queue);
    tcase_add_test(tests, tries_are_kept);
    tcase_add_test(tests, only_the_gone_owners_jobs_are_recovered);
    tcase_add_test(tests, cancelling);
    tcase_add_test(tests, pages_follow_one_another);
    tcase_add_test(tests, trimming_takes_the_oldest_that_are_over);
    tcase_add_test(tests, trimming_takes_few_at_a_time);
    tcase_add_test(tests, the_newest_progress_is_kept);
    tcase_add_test(tests, each_job_is_claimed_once);
    tcase_add_test(tests, what_returned_true_survives_kill_9);
    return tests;
}
