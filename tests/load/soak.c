/* SPDX-License-Identifier: MIT
 *
 * SOAK_MINUTES of mixed load at SOAK_LOAD (0.8) of what the daemon can do,
 * which is measured first: bounds of six networks, training, uploads, cancels,
 * streams of events, clients that leave, bad input. Every answer is held
 * against what it was at the start; ten times on the way everybody rests, and
 * what the daemon then holds is counted: of memory, the median of the first
 * three times and of the last three. */
#include "tests/support/soak.h"
#include "tests/support/daemon.h"
#include "tests/support/load_figures.h"
#include "tests/support/measure.h"

#include "base/context.h"

#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HANDS = 12, MOST = 1 << 21, PARTS = 10, DOCUMENT = 1 << 16 };

/* A sanitizer keeps what is freed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { INSTRUMENTED = 1 };
#else
enum { INSTRUMENTED = 0 };
#endif

static struct daemon daemon_;
static struct soak_model model[SOAK_MODELS];
static char *job_reference, *data_reference;
static char data_id[SOAK_TARGET];

static _Atomic unsigned number; /* makes bodies differ */
static _Atomic size_t wrong, errors_5xx, unanswered;
static _Atomic int told;

/* When the next request is to begin: in steps of `every` seconds, or at once
 * where that is 0. Until `end`. */
static struct {
    pthread_mutex_t lock;
    double next, every, end;
} pace = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct hand {
    pthread_t thread;
    struct load_client client;
    uint64_t state;
};

static unsigned draw(struct hand *hand, unsigned below)
{
    hand->state = hand->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(hand->state >> 33) % below;
}

static void complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
    va_list args;
    atomic_fetch_add(&wrong, 1);
    if (atomic_fetch_add(&told, 1) >= 20)
        return;
    va_start(args, format);
    fprintf(stderr, "wrong: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
}

/* Asks; the status must be this. */
static bool expect(struct hand *hand, struct load_answer *answer, int status,
                   const struct load_ask *ask)
{
    if (!load_ask(&hand->client, answer, ask)) {
        atomic_fetch_add(&unanswered, 1);
        complain("%s %s was not answered", ask->method, ask->target);
        return false;
    }
    if (answer->status >= 500)
        atomic_fetch_add(&errors_5xx, 1);
    if (answer->status == status)
        return true;
    complain("%s %s: %d, not %d: %.300s", ask->method, ask->target,
             answer->status, status, answer->body);
    return false;
}

static bool just(struct hand *hand, int status, const char *method,
                 const char *target)
{
    struct load_answer answer;
    bool good = expect(hand, &answer, status,
                       &(struct load_ask){.method = method, .target = target});
    load_answer_clear(&answer);
    return good;
}

/* "id" of the document. */
static bool read_id(char out[SOAK_TARGET], const char *prefix,
                    const struct load_answer *answer)
{
    json_t *json = json_loads(answer->body, 0, NULL);
    const char *id = json_string_value(json_object_get(json, "id"));
    snprintf(out, SOAK_TARGET, "%s%s", prefix, id ? id : "");
    json_decref(json);
    if (!id)
        complain("no id: %.300s", answer->body);
    return id != NULL;
}

/* Holds a document against the one of the start, or becomes it. Numbers are
 * printed anew with all their digits: the same text is the same bits. */
static void compare(char **reference, const json_t *document, const char *what)
{
    char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
    if (!text) {
        complain("%s: no document", what);
        return;
    }
    soak_strip(text);
    if (!*reference) {
        *reference = text;
        return;
    }
    if (strcmp(*reference, text) != 0)
        complain("%s: %.1500s\ninstead of %.1500s", what, text, *reference);
    free(text);
}

static void compare_text(char **reference, const char *text, const char *what)
{
    json_t *document = json_loads(text, 0, NULL);
    compare(reference, document, what);
    json_decref(document);
}

/* --- jobs */

/* Waits for the end of a job; its document, or NULL. */
static json_t *await(struct hand *hand, const char *target)
{
    char waiting[SOAK_TARGET + 16];
    struct load_answer answer;
    json_t *job = NULL;
    snprintf(waiting, sizeof waiting, "%s?wait=30", target);
    for (double end = lip_now() + 300; lip_now() < end;) {
        bool good =
            expect(hand, &answer, 200,
                   &(struct load_ask){.method = "GET", .target = waiting});
        job = good ? json_loads(answer.body, 0, NULL) : NULL;
        load_answer_clear(&answer);
        const char *state = json_string_value(json_object_get(job, "state"));
        if (!state || (strcmp(state, "queued") && strcmp(state, "running")))
            return job;
        json_decref(job);
    }
    complain("%s does not end", target);
    return NULL;
}

static void check_result(const json_t *job, const char *state, char **reference,
                         const char *what)
{
    const char *is = json_string_value(json_object_get(job, "state"));
    if (is && !strcmp(is, state)) {
        compare(reference, json_object_get(job, "result"), what);
        return;
    }
    char *text = json_dumps(job, 0);
    complain("%s is %s: %.500s", what, is ? is : "nothing", text);
    free(text);
}

/* A training job; its address. */
static bool submit(struct hand *hand, char target[SOAK_TARGET],
                   const char *data, unsigned epochs)
{
    char body[2000];
    struct load_answer answer;
    soak_training(body, sizeof body, data, epochs);
    bool good = expect(hand, &answer, 202,
                       &(struct load_ask){"POST", "/train", NULL, body,
                                          strlen(body)}) &&
                read_id(target, "/jobs/", &answer);
    load_answer_clear(&answer);
    return good;
}

static void train(struct hand *hand)
{
    bool own = draw(hand, 2);
    char target[SOAK_TARGET];
    if (!submit(hand, target, own ? data_id : NULL, 3))
        return;
    json_t *job = await(hand, target);
    if (job)
        check_result(job, "succeeded", own ? &data_reference : &job_reference,
                     "training");
    json_decref(job);
}

/* The events of a job, to the end. */
static void follow(struct hand *hand)
{
    char target[SOAK_TARGET], events[SOAK_TARGET + 16];
    struct load_answer answer;
    if (!submit(hand, target, NULL, 3))
        return;
    snprintf(events, sizeof events, "%s/events", target);
    if (expect(hand, &answer, 200,
               &(struct load_ask){.method = "GET", .target = events})) {
        const char *first = strstr(answer.body, "id: 1\n");
        if (!first || !strstr(first, "{\"state\": \"running\"}") ||
            !strstr(first, "{\"state\": \"succeeded\"}"))
            complain("events: %.500s", answer.body);
    }
    load_answer_clear(&answer);
}

/* A long job that is not wanted any more, queued or running. */
static void cancel(struct hand *hand)
{
    char target[SOAK_TARGET], stored[SOAK_TARGET];
    struct load_answer answer;
    if (!submit(hand, target, NULL, 50000))
        return;
    usleep(draw(hand, 300000));
    if (load_ask(&hand->client, &answer,
                 &(struct load_ask){.method = "DELETE", .target = target}) &&
        answer.status != 200 && answer.status != 202)
        complain("cancel: %d %.300s", answer.status, answer.body);
    load_answer_clear(&answer);
    json_t *job = await(hand, target);
    const json_t *made =
        json_object_get(json_object_get(job, "result"), "model_id");
    if (job && strcmp(json_string_value(json_object_get(job, "state")),
                      "cancelled") != 0)
        complain("a job that was cancelled is not");
    snprintf(stored, sizeof stored, "/models/%s",
             made ? json_string_value(made) : "");
    if (made) /* it ran: what there was has been stored */
        just(hand, 204, "DELETE", stored);
    json_decref(job);
}

/* --- bounds */

static void take_bound(struct hand *hand, struct soak_model *of,
                       struct load_answer *answer)
{
    char target[SOAK_TARGET];
    if (answer->status == 200) {
        compare_text(&of->reference, answer->body, of->name);
        return;
    }
    if (!read_id(target, "/jobs/", answer)) /* it became a job */
        return;
    json_t *job = await(hand, target);
    if (job)
        check_result(job, "succeeded", &of->reference, of->name);
    json_decref(job);
}

static void bound_of(struct hand *hand, struct soak_model *of, unsigned variant)
{
    struct load_answer answer;
    void *body = soak_variant(of, variant);
    const struct load_ask ask = {"POST", of->query, of->fields, body,
                                 of->body.size};
    if (!load_ask(&hand->client, &answer, &ask)) {
        atomic_fetch_add(&unanswered, 1);
        complain("%s was not answered", of->name);
    } else if (answer.status == 200 || answer.status == 202) {
        take_bound(hand, of, &answer);
    } else {
        atomic_fetch_add(&errors_5xx, answer.status >= 500);
        complain("%s: %d %.300s", of->name, answer.status, answer.body);
    }
    load_answer_clear(&answer);
    free(body);
}

/* The same model again, or one that nobody has asked for. */
static unsigned variant(struct hand *hand)
{
    return draw(hand, 4) ? 16 + atomic_fetch_add(&number, 1) : draw(hand, 16);
}

static void bound_0(struct hand *hand)
{
    bound_of(hand, &model[0], variant(hand));
}

static void bound_1(struct hand *hand)
{
    bound_of(hand, &model[1], variant(hand));
}

static void bound_2(struct hand *hand)
{
    bound_of(hand, &model[2], variant(hand));
}

static void bound_3(struct hand *hand)
{
    bound_of(hand, &model[3], variant(hand));
}

static void bound_4(struct hand *hand)
{
    bound_of(hand, &model[4], variant(hand));
}

static void bound_5(struct hand *hand)
{
    bound_of(hand, &model[5], variant(hand));
}

static void bound_job(struct hand *hand)
{
    struct soak_model *of = &model[2];
    struct load_answer answer;
    char fields[200];
    void *body = soak_variant(of, variant(hand));
    snprintf(fields, sizeof fields, "%sPrefer: respond-async\r\n", of->fields);
    if (expect(
            hand, &answer, 202,
            &(struct load_ask){"POST", of->query, fields, body, of->body.size}))
        take_bound(hand, of, &answer);
    load_answer_clear(&answer);
    free(body);
}

/* --- uploads */

static void by_id(struct hand *hand, const char *target, int status)
{
    char body[300];
    struct load_answer answer;
    snprintf(body, sizeof body,
             "{\"model\":{\"id\":\"%s\"},\"methods\":[\"spectral\","
             "\"midpoint\",\"lipsdp\"],\"time_limit\":50}",
             target + strlen("/models/"));
    if (expect(hand, &answer, status,
               &(struct load_ask){"POST", "/bound",
                                  "Content-Type: application/json\r\n", body,
                                  strlen(body)}) &&
        status == 200)
        compare_text(&model[3].reference, answer.body, "a stored model");
    load_answer_clear(&answer);
}

static void store_model(struct hand *hand)
{
    struct soak_model *of = &model[3];
    struct load_answer answer;
    char target[SOAK_TARGET];
    void *body = soak_variant(of, 16 + atomic_fetch_add(&number, 1));
    bool stored = expect(hand, &answer, 201,
                         &(struct load_ask){"POST", "/models", of->fields, body,
                                            of->body.size}) &&
                  read_id(target, "/models/", &answer);
    load_answer_clear(&answer);
    free(body);
    if (!stored)
        return;
    by_id(hand, target, 200);
    just(hand, 200, "GET", target);
    just(hand, 204, "DELETE", target);
    by_id(hand, target, 404);
}

static bool upload_data(struct hand *hand, char target[SOAK_TARGET],
                        unsigned which)
{
    struct load_answer answer;
    char text[2000];
    soak_csv(text, sizeof text, which);
    bool good = expect(hand, &answer, 201,
                       &(struct load_ask){"POST", "/datasets?target=y",
                                          "Content-Type: text/csv\r\n", text,
                                          strlen(text)}) &&
                read_id(target, "/datasets/", &answer);
    load_answer_clear(&answer);
    return good;
}

static void store_data(struct hand *hand)
{
    char target[SOAK_TARGET];
    if (!upload_data(hand, target, 16 + atomic_fetch_add(&number, 1)))
        return;
    just(hand, 200, "GET", target);
    just(hand, 204, "DELETE", target);
    just(hand, 404, "GET", target);
}

/* --- the rest */

static void do_wrong(struct hand *hand)
{
    const struct soak_bad *bad =
        &soak_bad[draw(hand, (unsigned)soak_bad_count)];
    struct load_answer answer;
    if (expect(hand, &answer, bad->status, &bad->ask) &&
        !strstr(answer.head, "application/problem+json"))
        complain("%s: no problem document", bad->what);
    load_answer_clear(&answer);
}

/* Leaves in the middle of the body, or while the bound is computed. */
static void leave(struct hand *hand)
{
    const struct soak_model *of = &model[4];
    size_t size = draw(hand, 2) ? of->body.size : of->body.size / 2;
    char head[300];
    int n = snprintf(head, sizeof head,
                     "POST %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: "
                     "%zu\r\n\r\n",
                     of->query, of->fields, of->body.size);
    int fd = load_connect(daemon_.port);
    if (fd < 0)
        return;
    if (send(fd, head, (size_t)n, MSG_NOSIGNAL) == n)
        for (size_t at = 0; at < size;) {
            ssize_t sent =
                send(fd, of->body.data + at, size - at, MSG_NOSIGNAL);
            if (sent <= 0)
                break;
            at += (size_t)sent;
        }
    usleep(draw(hand, 50000));
    close(fd);
}

static void look(struct hand *hand)
{
    static const char *const address[] = {
        "/healthz", "/readyz",  "/methods",  "/jobs",        "/version",
        "/",        "/metrics", "/datasets", "/openapi.yaml"};
    just(hand, 200, "GET", address[draw(hand, 9)]);
}

static const struct work {
    const char *name;
    unsigned weight;
    void (*run)(struct hand *hand);
} work[] = {
    {"bound 2-3-1", 220, bound_0},
    {"bound 20-48-48-10", 150, bound_1},
    {"bound 784-50-50-50-10 tanh", 80, bound_2},
    {"bound 784-128-64-10", 40, bound_3},
    {"bound 784-128-64-10, more methods", 8, bound_4},
    {"bound of a CNN", 2, bound_5},
    {"bound as a job", 10, bound_job},
    {"training", 12, train},
    {"events of a job", 8, follow},
    {"cancel", 5, cancel},
    {"model: store, use, delete", 20, store_model},
    {"data set: store, use, delete", 30, store_data},
    {"bad input", 150, do_wrong},
    {"client that leaves", 15, leave},
    {"lists, health, metrics", 250, look},
};
enum { WORK = sizeof work / sizeof *work };

static double *taken[WORK];
static _Atomic size_t done[WORK];

/* Waits for its turn; false where time is up. */
static bool next_turn(void)
{
    pthread_mutex_lock(&pace.lock);
    double now = lip_now(), turn = now;
    bool go = now < pace.end;
    if (pace.every > 0) {
        turn = pace.next;
        pace.next += pace.every;
        if (pace.next < now - 1) /* behind: what is missed stays missed */
            pace.next = now;
    }
    pthread_mutex_unlock(&pace.lock);
    if (go && turn > now)
        usleep((useconds_t)(1e6 * (turn - now)));
    return go;
}

static void *labour(void *arg)
{
    struct hand *hand = arg;
    unsigned sum = 0;
    for (size_t i = 0; i < WORK; i++)
        sum += work[i].weight;
    while (next_turn()) {
        unsigned at = draw(hand, sum);
        size_t i = 0;
        for (; at >= work[i].weight; i++)
            at -= work[i].weight;
        double start = lip_now();
        work[i].run(hand);
        size_t n = atomic_fetch_add(&done[i], 1);
        if (n < MOST / WORK)
            taken[i][n] = lip_now() - start;
    }
    load_client_close(&hand->client);
    return NULL;
}

static size_t all_done(void)
{
    size_t sum = 0;
    for (size_t i = 0; i < WORK; i++)
        sum += atomic_load(&done[i]);
    return sum;
}

/* Everybody works for so long, and comes to rest; requests a second. */
static double run(double seconds, double every)
{
    static struct hand hand[HANDS];
    static uint64_t seed = 20261121;
    size_t before = all_done();
    double start = lip_now();
    pace.next = start;
    pace.every = every;
    pace.end = start + seconds;
    for (size_t i = 0; i < HANDS; i++) {
        load_client_init(&hand[i].client, daemon_.port);
        hand[i].state = seed++ * 0x9e3779b97f4a7c15u;
        pthread_create(&hand[i].thread, NULL, labour, &hand[i]);
    }
    for (size_t i = 0; i < HANDS; i++)
        pthread_join(hand[i].thread, NULL);
    return (double)(all_done() - before) / (lip_now() - start);
}

/* Every kind of answer once, with nobody beside. */
static void take_references(void)
{
    struct hand hand = {.state = 1};
    char target[SOAK_TARGET];
    load_client_init(&hand.client, daemon_.port);
    if (upload_data(&hand, target, 1))
        snprintf(data_id, sizeof data_id, "%s", target + strlen("/datasets/"));
    for (size_t i = 0; i < SOAK_MODELS; i++)
        bound_of(&hand, &model[i], 0);
    for (int i = 0; i < 8; i++)
        train(&hand);
    load_client_close(&hand.client);
}

static void rest(struct load_figures *out)
{
    for (int i = 0; i < 50; i++) {
        load_figures_read(out, daemon_.pid);
        if (!out->children && i >= 15)
            break;
        usleep(200000);
    }
}

static void tell_works(void)
{
    printf("  %-36s %9s %9s %9s %9s\n", "what", "count", "median s", "p99 s",
           "longest s");
    for (size_t i = 0; i < WORK; i++) {
        size_t n = done[i] < MOST / WORK ? done[i] : MOST / WORK;
        double half = load_quantile(taken[i], n, 0.5);
        double tail = load_quantile(taken[i], n, 0.99);
        printf("  %-36s %9zu %9.4f %9.4f %9.4f\n", work[i].name,
               (size_t)done[i], half, tail, load_quantile(taken[i], n, 1));
    }
}

static void tell(const struct load_figures *first,
                 const struct load_figures *last, double disk_first,
                 double disk_last)
{
    double flat = 100 * (last->resident / first->resident - 1);
    load_line("wrong answers", (double)wrong, "", "0", !wrong);
    load_line("not answered", (double)unanswered, "", "0", !unanswered);
    load_line("5xx, as counted by the clients", (double)errors_5xx, "", "0",
              !errors_5xx);
    load_line("crashed processes of jobs",
              daemon_metric(&daemon_, "job_crashes_total"), "", "", true);
    load_line("memory at rest, the first three times", first->resident / 1e6,
              "MB", "", true);
    load_line("memory at rest, the last three times", last->resident / 1e6,
              "MB", "", true);
    load_line("change", flat, "%", INSTRUMENTED ? "" : "+-5, or 2 MB",
              fabs(flat) <= 5 || fabs(last->resident - first->resident) < 2e6);
    load_line("descriptors, after warm-up", (double)first->descriptors, "", "",
              true);
    load_line("descriptors, at the end", (double)last->descriptors, "",
              "no more", last->descriptors <= first->descriptors);
    load_line("threads, at the end", (double)last->threads, "", "no more",
              last->threads <= first->threads);
    load_line("processes left over", (double)last->children, "", "0",
              !last->children);
    load_line("on the disk, after warm-up", disk_first / 1e6, "MB", "", true);
    load_line("on the disk, at the end", disk_last / 1e6, "MB", "", true);
}

static void soak(void)
{
    double minutes = load_setting("SOAK_MINUTES", 30);
    double load = load_setting("SOAK_LOAD", 0.8), rate = 0;
    double begin = 60 * minutes / PARTS, first_disk = 0, disk = 0;
    struct load_figures first = {0}, last = {0};
    double resident[PARTS];
    char folder[80], title[100];
    daemon_prepare(&daemon_);
    snprintf(folder, sizeof folder, "%s/data", daemon_.directory);
    mkdir(folder, 0700);
    daemon_run(&daemon_,
               (const char *[]){"--data-dir", folder, "--job-history", "100",
                                "--log-level", "warning", NULL});
    take_references();
    double capacity = run(begin < 60 ? begin : 60, 0);
    for (int part = 0; part < PARTS; part++) {
        rate += run(60 * minutes / PARTS, 1 / (load * capacity)) / PARTS;
        rest(&last);
        resident[part] = last.resident;
        disk = load_disk_use(folder);
        fprintf(stderr,
                "%2d/%d: %.1f MB, %zu descriptors, %zu threads, %zu children, "
                "%.1f MB on the disk, %zu wrong\n",
                part + 1, PARTS, last.resident / 1e6, last.descriptors,
                last.threads, last.children, disk / 1e6, (size_t)wrong);
        if (!part) {
            first = last;
            first_disk = disk;
        }
    }
    first.resident = measure_median(resident, 3);
    last.resident = measure_median(resident + PARTS - 3, 3);
    snprintf(title, sizeof title, "soak: %g minutes at %g of capacity", minutes,
             load);
    load_table(title);
    tell_works();
    load_line("capacity", capacity, "1/s", "", true);
    load_line("load", rate, "1/s", "", true);
    tell(&first, &last, first_disk, disk);
    daemon_end(&daemon_);
}

int main(void)
{
    for (size_t i = 0; i < WORK; i++) {
        taken[i] = malloc(MOST / WORK * sizeof(double));
        if (!taken[i])
            return 2;
    }
    soak_models(model);
    int failed = measure_main(soak);
    soak_models_clear(model);
    for (size_t i = 0; i < WORK; i++)
        free(taken[i]);
    free(job_reference);
    free(data_reference);
    return failed || load_missed();
}
