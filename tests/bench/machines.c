/* SPDX-License-Identifier: MIT
 *
 * Two daemons that serve, two workers and PostgreSQL against one process with
 * SQLite that runs two jobs at once: the same bounds as jobs, each of a model
 * of its own. Compared is the time of the processors, of all processes
 * together, the database's too: how busy the machine is otherwise hardly
 * matters to it. Both are done in turn, so that it matters less. JOBS in the
 * environment is how many. */
#include "tests/support/machines.h"
#include "base/context.h"
#include "linalg/random.h"
#include "tests/support/http_client.h"
#include "tests/support/measure.h"
#include "tests/support/plain.h"
#include "tests/support/postgres.h"

#include <check.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    JOBS = 200,
    ROUNDS = 2,
    LAYERS = 20,
    WIDTH = 80,
    NET = LAYERS * WIDTH * WIDTH * 12
};

static struct postgres server;
static struct daemon daemon_[4];

/* --- time of processors */

struct process {
    int pid, parent;
    double seconds; /* its own, and of its children that are gone */
};

static bool read_process(struct process *out, const char *pid)
{
    char path[64], line[1000];
    unsigned long t[4];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "r");
    const char *after = NULL;
    if (file && fgets(line, sizeof line, file))
        after = strrchr(line, ')');
    if (file)
        fclose(file);
    out->pid = (int)strtol(pid, NULL, 10);
    if (!after || sscanf(after + 1,
                         " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu "
                         "%lu %lu",
                         &out->parent, &t[0], &t[1], &t[2], &t[3]) != 5)
        return false;
    out->seconds =
        (double)(t[0] + t[1] + t[2] + t[3]) / (double)sysconf(_SC_CLK_TCK);
    return true;
}

static bool is_under(const struct process *all, size_t count, int pid, int top)
{
    for (size_t depth = 0; pid > 1 && depth < 50; depth++) {
        if (pid == top)
            return true;
        size_t i = 0;
        while (i < count && all[i].pid != pid)
            i++;
        pid = i < count ? all[i].parent : 0;
    }
    return false;
}

/* Of everything that this process has started. */
static double spent(void)
{
    enum { MOST = 4096 };
    static struct process all[MOST];
    struct rusage gone;
    size_t count = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && (entry = readdir(proc)) && count < MOST;)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            count += read_process(&all[count], entry->d_name);
    if (proc)
        closedir(proc);
    getrusage(RUSAGE_CHILDREN, &gone);
    double sum = (double)(gone.ru_utime.tv_sec + gone.ru_stime.tv_sec) +
                 1e-6 * (double)(gone.ru_utime.tv_usec + gone.ru_stime.tv_usec);
    for (size_t i = 0; i < count; i++)
        if (all[i].pid != getpid() &&
            is_under(all, count, all[i].parent, getpid()))
            sum += all[i].seconds;
    return sum;
}

/* --- jobs */

static size_t append(char *text, size_t at, const char *part)
{
    return at + (size_t)snprintf(text + at, NET - at, "%s", part);
}

/* A chain of random layers as JSON. */
static void write_model(char *text, size_t width, uint64_t seed)
{
    size_t at =
        append(text, 0,
               "{\"methods\":[\"lipsdp\",\"eclipse\"],\"model\":{\"layers\":[");
    for (int layer = 0; layer < LAYERS; layer++) {
        at = append(text, at, layer ? ",{\"type\":\"relu\"}," : "");
        at = append(text, at, "{\"type\":\"dense\",\"weight\":[");
        for (size_t i = 0; i < width; i++) {
            at = append(text, at, i ? "],[" : "[");
            for (size_t j = 0; j < width; j++)
                at += (size_t)snprintf(text + at, NET - at, "%s%.3f",
                                       j ? "," : "",
                                       plain_uniform(&seed, -0.3, 0.3));
        }
        at = append(text, at, "]]}");
    }
    append(text, at, "]}}");
}

static bool submit(char id[JOB_ID], const struct daemon *to, const char *body)
{
    struct http_client client;
    struct http_answer answer;
    char head[256];
    snprintf(head, sizeof head,
             "POST /bound HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
             "Content-Type: application/json\r\nPrefer: respond-async\r\n"
             "Content-Length: %zu\r\n\r\n",
             strlen(body));
    http_open(&client, to->port);
    bool sent = http_say(&client, head) && http_say(&client, body) &&
                http_read(&answer, &client, false) && answer.status == 202;
    json_t *json = sent ? json_loads(answer.body, 0, NULL) : NULL;
    const char *given = json_string_value(json_object_get(json, "id"));
    if (!given)
        fprintf(stderr, "%s\n", answer.body ? answer.body : "no answer");
    snprintf(id, JOB_ID, "%s", given ? given : "");
    json_decref(json);
    http_clear(&answer);
    http_close(&client);
    return given != NULL;
}

/* Waits as a client should, without asking again and again. */
static bool has_succeeded(const struct daemon *at, const char *id)
{
    char target[JOB_ID + 20];
    json_t *job = NULL;
    snprintf(target, sizeof target, "/jobs/%s?wait=20", id);
    do {
        struct http_answer answer;
        json_decref(job);
        http_get(&answer, at->port, target);
        job = json_loads(answer.body, 0, NULL);
        http_clear(&answer);
    } while (json_object_get(job, "state") && !job_is_over(job));
    bool good = !strcmp(job_state(job), "succeeded");
    if (!good)
        json_dumpf(job, stderr, 0);
    json_decref(job);
    return good;
}

struct cost {
    double processors, seconds;
};

/* All jobs, submitted to one daemon and the other, until the last has ended. */
static bool work(struct cost *cost, size_t jobs, size_t width,
                 const struct daemon *one, const struct daemon *other)
{
    static char body[NET];
    char(*id)[JOB_ID] = calloc(jobs, sizeof *id);
    bool good = id != NULL;
    double before = spent(), start = lip_now();
    for (size_t i = 0; i < jobs && good; i++) {
        write_model(body, width, 1000 * width + i);
        good = submit(id[i], i % 2 ? other : one, body);
    }
    for (size_t i = 0; i < jobs && good; i++)
        good = has_succeeded(i % 2 ? one : other, id[i]);
    *cost = (struct cost){spent() - before, lip_now() - start};
    free(id);
    return good;
}

/* --- the two ways */

static void one_process(struct cost cost[2], size_t jobs)
{
    char data[80];
    daemon_prepare(&daemon_[0]);
    snprintf(data, sizeof data, "%s/data", daemon_[0].directory);
    daemon_run(&daemon_[0],
               (const char *[]){"--data-dir", data, "--jobs=2",
                                "--job-threads=1", "--workers=2", NULL});
    bool good = work(&cost[0], jobs, WIDTH, &daemon_[0], &daemon_[0]) &&
                work(&cost[1], jobs, 2, &daemon_[0], &daemon_[0]);
    daemon_end(&daemon_[0]);
    if (!good)
        exit(1);
}

static void many(struct cost cost[2], size_t jobs)
{
    postgres_start(&server);
    for (int i = 0; i < 2; i++)
        machine_serve(&daemon_[i], server.url, NULL);
    for (int i = 2; i < 4; i++)
        machine_work(&daemon_[i], server.url,
                     (const char *[]){"--lease=60", NULL});
    sleep(1);
    bool good = work(&cost[0], jobs, WIDTH, &daemon_[0], &daemon_[1]) &&
                work(&cost[1], jobs, 2, &daemon_[0], &daemon_[1]);
    for (int i = 0; i < 4; i++)
        daemon_end(&daemon_[i]);
    postgres_end(&server);
    if (!good)
        exit(1);
}

/* In a process of its own, which all that it starts stays under. */
static bool cost_of(struct cost cost[2], void (*way)(struct cost *, size_t),
                    size_t jobs)
{
    int ends[2], status = 1;
    if (pipe(ends))
        return false;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        way(cost, jobs);
        _exit(write(ends[1], cost, 2 * sizeof *cost) < 0);
    }
    close(ends[1]);
    bool got = read(ends[0], cost, 2 * sizeof *cost) == 2 * sizeof *cost;
    close(ends[0]);
    waitpid(pid, &status, 0);
    return got && !status;
}

static bool add_cost(struct cost sum[2], void (*way)(struct cost *, size_t),
                     size_t jobs)
{
    struct cost cost[2];
    if (!cost_of(cost, way, jobs))
        return false;
    for (int i = 0; i < 2; i++) {
        sum[i].processors += cost[i].processors;
        sum[i].seconds += cost[i].seconds;
    }
    return true;
}

static void bench(void)
{
    size_t jobs = machines_number("JOBS", JOBS);
    struct cost one[2] = {{0, 0}}, two[2] = {{0, 0}};
    if (!postgres_there())
        return;
    for (int i = 0; i < ROUNDS; i++)
        if (!add_cost(one, one_process, jobs / ROUNDS) ||
            !add_cost(two, many, jobs / ROUNDS))
            exit(1);
    double each = 1 / (double)(jobs / ROUNDS * ROUNDS);
    const struct {
        const char *name, *unit;
        double alone, together;
    } line[] = {
        {"jobs", "s-cpu/job", one[0].processors, two[0].processors},
        {"jobs-wall", "s/job", one[0].seconds, two[0].seconds},
        {"tiny-jobs", "s-cpu/job", one[1].processors, two[1].processors},
    };
    for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
        char alone[64], together[64];
        snprintf(alone, sizeof alone, "one-process-%s", line[i].name);
        snprintf(together, sizeof together, "machines-2+2-%s", line[i].name);
        measure_print(alone, line[i].alone * each, line[i].unit, 0, NULL);
        measure_print(together, line[i].together * each, line[i].unit,
                      line[i].alone / line[i].together, alone);
    }
}

int main(void)
{
    return measure_main(bench);
}
