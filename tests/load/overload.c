/* SPDX-License-Identifier: MIT
 *
 * OVERLOAD (10) times what the daemon can do, for OVERLOAD_SECONDS (30):
 * requests come when they are due, whether answers came or not. The daemon,
 * with one worker, has processor 0 for itself and this program processor 1, so
 * that the load is not taken from the daemon's time. Figures are of the time
 * after the first third: before, the daemon takes a burst for what it may be.
 */
#include "tests/support/daemon.h"
#include "tests/support/load_client.h"
#include "tests/support/load_figures.h"
#include "tests/support/measure.h"
#include "tests/support/soak.h"

#include "base/context.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINES = 4000, ANSWER = 32768, MOST = 1 << 20, EVENTS = 256 };

static struct daemon daemon_;
static struct soak_model model[SOAK_MODELS];
static unsigned number;

/* A connection; one that is not asked anything is in the list of idle ones. */
struct line {
    int fd;
    double began;
    size_t size;
    char answer[ANSWER];
};
static struct line *line;
static size_t idle[LINES], idle_count;
static int poller;

/* What came back. */
struct sample {
    double *seconds;
    size_t count;
};
static struct sample accepted, refused;
static size_t untold, strange, broken, unsent;
static bool counting;

static void put(struct sample *sample, double seconds)
{
    if (counting && sample->count < MOST)
        sample->seconds[sample->count++] = seconds;
}

static char *request; /* head and body, as they are sent */
static size_t request_size, body_at;

/* A request for bounds of a model that nobody has asked for. */
static void next_request(void)
{
    const struct soak_model *of = &model[1];
    char head[200];
    void *body = soak_variant(of, number++);
    int size = snprintf(head, sizeof head,
                        "POST %s HTTP/1.1\r\nHost: a\r\n%sContent-Length: "
                        "%zu\r\n\r\n",
                        of->query, of->fields, of->body.size);
    body_at = (size_t)size;
    request_size = body_at + of->body.size;
    request = realloc(request, request_size);
    if (!request)
        abort();
    memcpy(request, head, body_at);
    memcpy(request + body_at, body, of->body.size);
    free(body);
}

static void drop(struct line *l)
{
    close(l->fd);
    l->fd = -1;
}

static bool connect_line(size_t i)
{
    line[i].fd = load_connect(daemon_.port);
    if (line[i].fd < 0)
        return false;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    fcntl(line[i].fd, F_SETFL, O_NONBLOCK);
    return !epoll_ctl(poller, EPOLL_CTL_ADD, line[i].fd, &event);
}

static void ask(void)
{
    if (!idle_count) {
        unsent += counting;
        return;
    }
    size_t i = idle[--idle_count];
    next_request();
    for (int attempt = 0; attempt < 2; attempt++) {
        if (line[i].fd < 0 && !connect_line(i))
            break;
        line[i].size = 0;
        line[i].began = lip_now();
        if (send(line[i].fd, request, request_size, MSG_NOSIGNAL) ==
            (ssize_t)request_size)
            return;
        drop(&line[i]); /* it was closed while it was idle */
    }
    idle[idle_count++] = i;
    unsent += counting;
}

/* The answer is complete: what is it? */
static void judge(struct line *l)
{
    struct load_answer answer = {.head = l->answer};
    double seconds = lip_now() - l->began;
    char value[32];
    int status = 0;
    sscanf(l->answer, "HTTP/1.1 %d", &status);
    load_field(value, sizeof value, &answer, "Retry-After");
    if (status == 200)
        put(&accepted, seconds);
    else if (status == 503 || status == 429)
        put(&refused, seconds);
    else
        strange++;
    untold += status != 200 && atoi(value) < 1;
    load_field(value, sizeof value, &answer, "Connection");
    if (!strcasecmp(value, "close"))
        drop(l);
}

static bool is_complete(struct line *l)
{
    char value[32];
    struct load_answer answer = {.head = l->answer};
    const char *end = strstr(l->answer, "\r\n\r\n");
    if (!end)
        return false;
    load_field(value, sizeof value, &answer, "Content-Length");
    return l->size >= (size_t)(end + 4 - l->answer) + strtoul(value, NULL, 10);
}

static void hear(size_t i)
{
    struct line *l = &line[i];
    ssize_t n = recv(l->fd, l->answer + l->size, ANSWER - 1 - l->size, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    bool asked = l->began > 0;
    if (n <= 0) {
        broken += asked;
        drop(l);
    } else {
        l->size += (size_t)n;
        l->answer[l->size] = '\0';
        if (!is_complete(l))
            return;
        judge(l);
    }
    l->began = 0;
    if (asked)
        idle[idle_count++] = i;
}

/* Waits so long for something to come, and hears it. */
static void hear_some(double seconds)
{
    struct epoll_event event[EVENTS];
    int wait = seconds > 0.001 ? (int)(1e3 * seconds) : 0;
    int n = epoll_wait(poller, event, EVENTS, wait);
    for (int i = 0; i < n; i++)
        hear(event[i].data.u64);
}

/* Hears what comes until a time. */
static void hear_until(double time)
{
    do {
        hear_some(time - lip_now());
    } while (lip_now() < time);
}

/* So many requests a second. */
static void flood(double rate, double seconds)
{
    double start = lip_now();
    for (size_t k = 0; (double)k < rate * seconds; k++) {
        hear_until(start + (double)k / rate);
        ask();
    }
}

/* As fast as answers come, with so many at a time; answers a second. */
static double in_turn(size_t lines, double seconds)
{
    double start = lip_now();
    size_t before = accepted.count;
    counting = true;
    while (lip_now() < start + seconds) {
        while (LINES - idle_count < lines)
            ask();
        hear_some(0.1);
    }
    double rate = (double)(accepted.count - before) / (lip_now() - start);
    while (idle_count < LINES)
        hear_until(lip_now() + 0.01);
    counting = false;
    return rate;
}

/* --- what readiness says, asked ten times a second */

static _Atomic bool watching, end_watch;
static _Atomic size_t ready, not_ready, mute;

static void *watch(void *arg)
{
    struct load_client client;
    struct load_answer answer;
    (void)arg;
    load_client_init(&client, daemon_.port);
    while (!atomic_load(&end_watch)) {
        bool heard =
            load_ask(&client, &answer,
                     &(struct load_ask){.method = "GET", .target = "/readyz"});
        if (atomic_load(&watching))
            atomic_fetch_add(!heard                 ? &mute
                             : answer.status == 200 ? &ready
                                                    : &not_ready,
                             1);
        load_answer_clear(&answer);
        usleep(100000);
    }
    load_client_close(&client);
    return NULL;
}

static double seconds_until_ready(void)
{
    struct load_client client;
    struct load_answer answer;
    double start = lip_now();
    int status = 0;
    load_client_init(&client, daemon_.port);
    while (status != 200 && lip_now() < start + 60) {
        load_ask(&client, &answer,
                 &(struct load_ask){.method = "GET", .target = "/readyz"});
        status = answer.status;
        load_answer_clear(&answer);
        usleep(10000);
    }
    load_client_close(&client);
    return lip_now() - start;
}

static void tell(double calm, double capacity, double seconds)
{
    double slow = load_quantile(accepted.seconds, accepted.count, 0.99);
    double told = load_quantile(refused.seconds, refused.count, 0.99);
    size_t asked = not_ready + ready + mute;
    load_line("answered, of capacity",
              100 * (double)accepted.count / seconds / capacity, "%", "", true);
    load_line("refused", (double)refused.count / seconds, "1/s", "", true);
    load_line("refused, p99", 1e3 * told, "ms", "<= 50", told <= 0.05);
    load_line("refused without Retry-After", (double)untold, "", "0", !untold);
    load_line("other answers, broken connections", (double)(strange + broken),
              "", "0", !strange && !broken);
    load_line("not sent, all connections busy", (double)unsent, "", "", true);
    load_line("answered, median",
              1e3 * load_quantile(accepted.seconds, accepted.count, 0.5), "ms",
              "", true);
    load_line("answered, p99", 1e3 * slow, "ms", "", true);
    load_line("answered, p99 of that without load", slow / calm, "x", "<= 3",
              slow <= 3 * calm);
    load_line("GET /readyz says 503",
              100 * (double)not_ready / fmax(1, (double)asked), "%", ">= 90",
              (double)not_ready >= 0.9 * (double)asked);
}

static void overload(void)
{
    double times = load_setting("OVERLOAD", 10), seconds;
    char title[100];
    pthread_t watcher;
    seconds = load_setting("OVERLOAD_SECONDS", 30);
    bool pinned = load_pin(0, 1);
    daemon_start(&daemon_,
                 (const char *[]){"--workers", "1", "--connections-per-ip", "0",
                                  "--log-level", "warning", NULL});
    pinned = load_pin(1, 1) && pinned;
    snprintf(title, sizeof title, "overload: %g times capacity, %s", times,
             pinned ? "daemon on processor 0, load on processor 1"
                    : "daemon and load on the same processors");
    load_table(title);
    in_turn(1, 1); /* warm */
    accepted.count = 0;
    in_turn(1, fmax(5, seconds / 3));
    double calm = load_quantile(accepted.seconds, accepted.count, 0.99);
    load_line("one at a time, median",
              1e3 * load_quantile(accepted.seconds, accepted.count, 0.5), "ms",
              "", true);
    load_line("one at a time, p99", 1e3 * calm, "ms", "", true);
    double capacity = in_turn(16, 5);
    load_line("capacity, 16 at a time", capacity, "1/s", "", true);
    pthread_create(&watcher, NULL, watch, NULL);
    flood(times * capacity, seconds / 3);
    accepted.count = 0;
    counting = watching = true;
    flood(times * capacity, 2 * seconds / 3);
    counting = watching = false;
    tell(calm, capacity, 2 * seconds / 3);
    double back = seconds_until_ready();
    load_line("until it is ready again", back, "s", "<= 5", back <= 5);
    hear_until(lip_now() + 1);
    atomic_store(&end_watch, true);
    pthread_join(watcher, NULL);
    double after = in_turn(16, 3);
    load_line("capacity after", after, "1/s", "", true);
    daemon_end(&daemon_);
}

int main(void)
{
    struct rlimit files = {2 * LINES, 2 * LINES};
    setrlimit(RLIMIT_NOFILE, &files);
    line = calloc(LINES, sizeof *line);
    accepted.seconds = malloc(MOST * sizeof(double));
    refused.seconds = malloc(MOST * sizeof(double));
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!line || !accepted.seconds || !refused.seconds || poller < 0)
        return 2;
    for (size_t i = 0; i < LINES; i++) {
        line[i].fd = -1;
        idle[idle_count++] = i;
    }
    soak_models(model);
    int failed = measure_main(overload);
    soak_models_clear(model);
    free(line);
    free(accepted.seconds);
    free(refused.seconds);
    free(request);
    return failed || load_missed();
}
