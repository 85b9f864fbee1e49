/* SPDX-License-Identifier: MIT
 *
 * fork and exec of daemons that share a database, and clients that insist. */
#include "tests/support/machines.h"

#include "base/context.h"
#include "tests/support/http_client.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FLAGS = 40 };

size_t machines_number(const char *name, size_t fallback)
{
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : fallback;
}

static void add_flags(const char **flags, size_t count, const char *const *more)
{
    while (more && *more && count < FLAGS - 1)
        flags[count++] = *more++;
    flags[count] = NULL;
}

/* --- daemons that serve */

void machine_serve_again(struct daemon *daemon, const char *store,
                         const char *const *more)
{
    char data[80];
    snprintf(data, sizeof data, "%s/data", daemon->directory);
    const char *flags[FLAGS] = {"--data-dir", data,     "--store",
                                store,        "--role", "serve"};
    add_flags(flags, 6, more);
    daemon_run(daemon, flags);
}

void machine_serve(struct daemon *daemon, const char *store,
                   const char *const *more)
{
    daemon_prepare(daemon);
    machine_serve_again(daemon, store, more);
}

/* --- workers */

static void run_worker(const struct daemon *daemon, const char *store,
                       const char *const *more)
{
    char data[80], log[80];
    snprintf(data, sizeof data, "--data-dir=%s/data", daemon->directory);
    snprintf(log, sizeof log, "%s/log", daemon->directory);
    setenv("LIPSCHITZD_STORE", store, 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0)
        dup2(fd, STDERR_FILENO);
    const char *flags[FLAGS] = {"lipschitzd", "worker",   data,
                                "--lease=3",  "--jobs=1", "--job-threads=1"};
    add_flags(flags, 6, more);
    execv(daemon_program(), (char *const *)(uintptr_t)flags);
    _exit(127);
}

void machine_work_again(struct daemon *daemon, const char *store,
                        const char *const *more)
{
    daemon->pid = fork();
    ck_assert_int_ge(daemon->pid, 0);
    if (!daemon->pid)
        run_worker(daemon, store, more);
}

void machine_work(struct daemon *daemon, const char *store,
                  const char *const *more)
{
    daemon_prepare(daemon);
    machine_work_again(daemon, store, more);
}

void machine_kill(struct daemon *daemon)
{
    kill(daemon->pid, SIGKILL);
    waitpid(daemon->pid, NULL, 0);
}

/* --- jobs */

/* The id of the job that the answer tells of; false where there is none. */
static bool read_id(const struct http_answer *answer, char id[JOB_ID])
{
    json_t *json = json_loads(answer->body, 0, NULL);
    const char *given = json_string_value(json_object_get(json, "id"));
    if (given)
        snprintf(id, JOB_ID, "%s", given);
    json_decref(json);
    return given != NULL;
}

void machine_submit(char id[JOB_ID], const struct daemon *daemon,
                    const char *body)
{
    struct http_answer answer;
    double end = lip_now() + 30;
    do {
        http_post(&answer, daemon->port, "/train", body);
        if (answer.status == 503 && lip_now() < end) {
            ck_assert_str_ne(http_field(&answer, "Retry-After"), "");
            http_clear(&answer);
            usleep(200000);
        }
    } while (!answer.head);
    ck_assert_msg(answer.status == 202, "%d %s", answer.status, answer.body);
    ck_assert(read_id(&answer, id));
    http_clear(&answer);
}

json_t *machine_look(const struct daemon *daemon, const char *id)
{
    struct http_answer answer;
    char target[JOB_ID + 8];
    json_t *job = NULL;
    snprintf(target, sizeof target, "/jobs/%s", id);
    http_get(&answer, daemon->port, target);
    if (answer.status == 503)
        ck_assert_str_ne(http_field(&answer, "Retry-After"), "");
    else
        ck_assert_msg(answer.status == 200, "%d %s", answer.status,
                      answer.body);
    if (answer.status == 200)
        job = json_loads(answer.body, 0, NULL);
    http_clear(&answer);
    return job;
}

bool job_is_over(const json_t *job)
{
    const char *state = job_state(job);
    return strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
}

json_t *machine_await(const struct daemon *daemon, const char *id,
                      double seconds)
{
    for (double end = lip_now() + seconds;; usleep(50000)) {
        json_t *job = machine_look(daemon, id);
        if (job && job_is_over(job))
            return job;
        ck_assert_msg(lip_now() < end, "job %s does not end", id);
        json_decref(job);
    }
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

/* All that comes of a stream of events, in memory of this function's. */
static const char *read_events(const struct daemon *daemon, const char *id)
{
    enum { MOST = 1 << 20 };
    static char text[MOST];
    struct http_client client;
    size_t size = 0;
    ssize_t n;
    char request[JOB_ID + 80];
    snprintf(request, sizeof request,
             "GET /jobs/%s/events HTTP/1.1\r\nHost: a\r\n"
             "Connection: close\r\n\r\n",
             id);
    http_open(&client, daemon->port);
    http_say(&client, request);
    while (size < MOST - 1 &&
           (n = recv(client.fd, text + size, MOST - 1 - size, 0)) > 0)
        size += (size_t)n;
    text[size] = '\0';
    http_close(&client);
    return text;
}

void machine_check_events(const struct daemon *daemon, const char *id,
                          bool progress)
{
    const char *text;
    double end = lip_now() + 30;
    while (!strncmp(text = read_events(daemon, id), "HTTP/1.1 503 ", 13) &&
           lip_now() < end)
        usleep(200000);
    ck_assert_msg(count(text, "\"succeeded\"") == 1, "%s", text);
    ck_assert_uint_ge(count(text, "\"running\""), 1);
    ck_assert_uint_ge(count(text, "event: progress"), progress);
}

long machine_begun(const struct postgres *server, const char *id)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM lipschitzd.event JOIN lipschitzd.job ON "
             "job = number WHERE id = '%s' AND data LIKE '%%running%%'",
             id);
    return postgres_number(server, sql);
}

static void model_of(char model[128], const struct daemon *daemon,
                     const char *id)
{
    json_t *job = machine_await(daemon, id, 240);
    if (strcmp(job_state(job), "succeeded") != 0)
        ck_abort_msg("%s", json_dumps(job, 0));
    snprintf(model, 128, "%s", job_model(job));
    json_decref(job);
    machine_check_events(daemon, id, false);
}

void machine_same_model(const struct daemon *daemon, const char *id,
                        const char *other)
{
    char one[128], two[128];
    model_of(one, daemon, id);
    model_of(two, daemon, other);
    ck_assert_str_eq(one, two);
}

void machine_nothing_left(const struct daemon *daemon)
{
    char command[300];
    int left = 1;
    snprintf(command, sizeof command,
             "test -z \"$(find %s/data -path '*/jobs/*' -type d "
             "-o -name '.new-*' -o -name '*.new' -o -name '*.daemon')\"",
             daemon->directory);
    for (double end = lip_now() + 20; left && lip_now() < end; usleep(200000))
        left = system(command);
    snprintf(command, sizeof command, "find %s/data >&2", daemon->directory);
    if (left && !system(command))
        ck_abort_msg("something is left in %s", daemon->directory);
}

static double seconds_of(const struct daemon *daemon, size_t width,
                         size_t epochs)
{
    const struct job_request request = {width, epochs, 1};
    char body[JOB_BODY], id[JOB_ID];
    job_body(body, &request);
    machine_submit(id, daemon, body);
    json_t *job = machine_await(daemon, id, 240);
    ck_assert_str_eq(job_state(job), "succeeded");
    double took = json_number_value(
        json_object_get(json_object_get(job, "result"), "seconds"));
    json_decref(job);
    return took;
}

size_t machines_epochs(const struct daemon *daemon, size_t width,
                       double seconds)
{
    size_t epochs = 50;
    double took = seconds_of(daemon, width, epochs);
    /* What each job takes for its start and its proof is little at the end. */
    while (took < seconds / 4 && epochs < 100000) {
        epochs *= 2;
        took = seconds_of(daemon, width, epochs);
    }
    return (size_t)((double)epochs * seconds / took) + 10;
}

/* --- a crowd */

/* Once, without any claim that it works: the id, where it was accepted. */
static bool try_submit(unsigned port, const char *key, const char *body,
                       char id[JOB_ID])
{
    struct http_client client;
    struct http_answer answer;
    char head[300];
    bool accepted = false;
    if (!http_dial(&client, port))
        return false;
    snprintf(head, sizeof head,
             "POST /train HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
             "Content-Type: application/json\r\nIdempotency-Key: %s\r\n"
             "Content-Length: %zu\r\n\r\n",
             key, strlen(body));
    if (http_say(&client, head) && http_say(&client, body) &&
        http_read(&answer, &client, false)) {
        accepted = answer.status == 202 && read_id(&answer, id);
        if (answer.status != 202 && answer.status != 503)
            fprintf(stderr, "a submit is answered %d %s\n", answer.status,
                    answer.body);
        http_clear(&answer);
    }
    http_close(&client);
    return accepted;
}

static void submit_all(int out, const unsigned port[2], const char *body,
                       size_t jobs)
{
    char key[80], id[JOB_ID];
    FILE *stream = fdopen(out, "w");
    for (size_t i = 0, n = 0; i < jobs; i++) {
        snprintf(key, sizeof key, "crowd-%d-%.6f-%zu", (int)getpid(), lip_now(),
                 i);
        while (!try_submit(port[n++ % 2], key, body, id))
            usleep(50000);
        fprintf(stream, "%s\n", id);
        fflush(stream);
    }
    fclose(stream);
}

void crowd_start(struct crowd *crowd, const struct daemon *one,
                 const struct daemon *other, const char *body, size_t jobs)
{
    const unsigned port[2] = {one->port, other->port};
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    crowd->pid = fork();
    ck_assert_int_ge(crowd->pid, 0);
    if (!crowd->pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        submit_all(ends[1], port, body, jobs);
        _exit(0);
    }
    close(ends[1]);
    crowd->ids = ends[0];
}

size_t crowd_end(struct crowd *crowd, char id[CROWD_MOST][JOB_ID])
{
    size_t n = 0;
    int status = 0;
    FILE *stream = fdopen(crowd->ids, "r");
    while (n < CROWD_MOST && fscanf(stream, "%63s", id[n]) == 1)
        n++;
    fclose(stream);
    waitpid(crowd->pid, &status, 0);
    ck_assert_int_eq(status, 0);
    return n;
}
