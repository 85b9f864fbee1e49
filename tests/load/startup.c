/* SPDX-License-Identifier: MIT
 *
 * A daemon with STARTUP_JOBS (100000) jobs behind it, in SQLite and, where it
 * is installed, PostgreSQL: how long it takes until it is ready, what the list
 * of jobs and the metrics take then, and whether forgetting all but
 * --job-history holds anybody up. The jobs are copies of one that the daemon
 * has run. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/jobs.h"
#include "tests/support/load_client.h"
#include "tests/support/load_figures.h"
#include "tests/support/measure.h"
#include "tests/support/postgres.h"
#include "tests/support/soak.h"

#include "base/context.h"

#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STARTS = 5, ASKED = 50, FLAGS = 8 };

static struct daemon daemon_;
static char data[80];
static const char *flags[FLAGS];
static struct postgres server;

/* All columns of a job but these are copied. */
static const char columns_sqlite[] =
    "SELECT group_concat(name) FROM pragma_table_info('job') "
    "WHERE name NOT IN ('number', 'id', 'ended')";

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s\n", what);
    exit(2);
}

static void multiply_sqlite(size_t count)
{
    char path[100], sql[2000], columns[1000] = "";
    sqlite3 *db;
    sqlite3_stmt *s;
    snprintf(path, sizeof path, "%s/jobs.sqlite", data);
    must(!sqlite3_open(path, &db) &&
             !sqlite3_prepare_v2(db, columns_sqlite, -1, &s, NULL) &&
             sqlite3_step(s) == SQLITE_ROW,
         "The list of jobs cannot be opened.");
    snprintf(columns, sizeof columns, "%s",
             (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    snprintf(
        sql, sizeof sql,
        "PRAGMA synchronous = OFF; BEGIN;"
        "CREATE TEMP TABLE n AS WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL "
        "SELECT i + 1 FROM i WHERE i < %zu) SELECT i FROM i;"
        "INSERT INTO job(id, ended, %s) SELECT "
        "lower(hex(randomblob(16))), i + 1, %s "
        "FROM n, (SELECT * FROM job LIMIT 1);"
        "INSERT INTO event SELECT number, e.sequence, e.type, e.data "
        "FROM job, event e WHERE e.job = 1 AND number > 1; COMMIT;"
        "PRAGMA wal_checkpoint(TRUNCATE)",
        count, columns, columns);
    char *error = NULL;
    sqlite3_exec(db, sql, NULL, NULL, &error);
    must(!error, error);
    sqlite3_close(db);
}

static void multiply_postgres(size_t count)
{
    char sql[2000];
    snprintf(sql, sizeof sql,
             "DO $$ DECLARE c text; BEGIN SELECT string_agg(column_name, ',') "
             "INTO c FROM information_schema.columns WHERE table_name = 'job' "
             "AND column_name NOT IN ('number', 'id', 'ended');"
             "EXECUTE format('INSERT INTO job(id, ended, %%s) SELECT "
             "md5(i::text), nextval(''job_ended''), %%s FROM "
             "generate_series(1, %zu) i, "
             "(SELECT * FROM job LIMIT 1) one', c, c);"
             "INSERT INTO event SELECT number, e.sequence, e.type, e.data "
             "FROM job, event e WHERE e.job = (SELECT min(number) FROM job) "
             "AND number > e.job; END $$",
             count);
    postgres_run(&server, sql);
    postgres_run(&server, "ANALYZE job");
    postgres_run(&server, "ANALYZE event");
    postgres_run(&server, "CHECKPOINT");
}

/* Seconds from its start until it is ready. */
static double start(const char *history)
{
    const char *with[FLAGS + 2];
    struct http_answer answer;
    size_t n = 0;
    for (; flags[n]; n++)
        with[n] = flags[n];
    if (history) {
        with[n++] = "--job-history";
        with[n++] = history;
    }
    with[n] = NULL;
    double begin = lip_now();
    daemon_run(&daemon_, with);
    http_get(&answer, daemon_.port, "/readyz");
    must(answer.status == 200, "It is not ready when it listens.");
    http_clear(&answer);
    return lip_now() - begin;
}

static void stop(void)
{
    daemon_signal(&daemon_, SIGTERM);
    must(!daemon_wait(&daemon_), "The daemon ends badly.");
}

/* Median of the seconds that an address takes. */
static double seconds_of(const char *target, double *longest)
{
    struct load_client client;
    double taken[ASKED];
    load_client_init(&client, daemon_.port);
    for (int i = 0; i < ASKED; i++) {
        struct load_answer answer;
        double begin = lip_now();
        must(load_ask(&client, &answer,
                      &(struct load_ask){.method = "GET", .target = target}) &&
                 answer.status == 200,
             target);
        taken[i] = lip_now() - begin;
        load_answer_clear(&answer);
    }
    load_client_close(&client);
    *longest = load_quantile(taken, ASKED, 1);
    return load_quantile(taken, ASKED, 0.5);
}

/* A training job from its submission to its end; the longest that the list of
 * jobs took meanwhile. */
static double train_once(void)
{
    char body[2000], id[JOB_ID];
    double longest = 0;
    struct http_answer answer;
    soak_training(body, sizeof body, NULL, 3);
    job_submit(id, &daemon_, body);
    for (bool over = false; !over; usleep(2000)) {
        double begin = lip_now();
        http_get(&answer, daemon_.port, "/jobs");
        longest = fmax(longest, lip_now() - begin);
        http_clear(&answer);
        json_t *job = job_show(&daemon_, id);
        over = !strcmp(job_state(job), "succeeded");
        json_decref(job);
    }
    return longest;
}

static void tell_seconds(const char *what, const char *target)
{
    char name[80];
    double longest, median = seconds_of(target, &longest);
    snprintf(name, sizeof name, "%s, median", what);
    load_line(name, 1e3 * median, "ms", "", true);
    snprintf(name, sizeof name, "%s, longest of %d", what, ASKED);
    load_line(name, 1e3 * longest, "ms", "", true);
}

/* With a short history jobs are forgotten when another ends. */
static void measure_forgetting(void)
{
    double worst = 0, ready = start("1000"), begin = lip_now();
    load_line("to ready, where most are to be forgotten", ready, "s", "<= 1",
              ready <= 1);
    for (int i = 0; i < 3; i++)
        worst = fmax(worst, train_once());
    load_line("three more jobs then", lip_now() - begin, "s", "", true);
    load_line("list of jobs meanwhile, longest", 1e3 * worst, "ms", "", true);
    stop();
}

static void measure_starts(void (*multiply)(size_t count), size_t jobs)
{
    double taken[STARTS];
    start(NULL);
    train_once();
    stop();
    multiply(jobs);
    for (int i = 0; i < STARTS; i++) {
        taken[i] = start("1000000");
        if (i < STARTS - 1)
            stop();
    }
    double median = load_quantile(taken, STARTS, 0.5);
    load_line("to ready, median of 5 starts", median, "s", "<= 1", median <= 1);
    load_line("to ready, longest", load_quantile(taken, STARTS, 1), "s", "",
              true);
    tell_seconds("GET /jobs?limit=100", "/jobs?limit=100");
    tell_seconds("GET /metrics", "/metrics");
    stop();
    measure_forgetting();
}

static void prepare(void)
{
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    mkdir(data, 0700);
    flags[0] = "--data-dir";
    flags[1] = data;
}

static void startup(void)
{
    char title[100];
    size_t jobs = (size_t)load_setting("STARTUP_JOBS", 100000);
    prepare();
    snprintf(title, sizeof title, "start-up with %zu jobs in SQLite", jobs);
    load_table(title);
    measure_starts(multiply_sqlite, jobs);
    load_line("on the disk", load_disk_use(data) / 1e6, "MB", "", true);
    daemon_forget(&daemon_);
    if (!postgres_there())
        return;
    postgres_start(&server);
    prepare();
    flags[2] = "--store";
    flags[3] = server.url;
    snprintf(title, sizeof title, "start-up with %zu jobs in PostgreSQL", jobs);
    load_table(title);
    measure_starts(multiply_postgres, jobs);
    daemon_forget(&daemon_);
    postgres_end(&server);
}

int main(void)
{
    return measure_main(startup) || load_missed();
}
