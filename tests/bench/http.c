/* SPDX-License-Identifier: MIT
 *
 * The daemon's own cost: CPU time of the server a request with 32 connections
 * that stay open, time from start to ready, memory at rest. The bound is that
 * of a 2-3-1 network; what the numerics of it take is in there. */
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/measure.h"
#include "tests/support/models.h"

#include "base/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS = 32, ROUNDS = 300, STARTS = 9 };

static struct daemon daemon_;

/* One round: a request on every connection, then every answer. */
static void one_round(struct http_client *client, const char *request)
{
    struct http_answer answer;
    for (int i = 0; i < CONNECTIONS; i++)
        http_say(&client[i], request);
    for (int i = 0; i < CONNECTIONS; i++) {
        if (!http_read(&answer, &client[i], false) || answer.status != 200) {
            fprintf(stderr, "an answer is missing or not 200\n");
            exit(1);
        }
        http_clear(&answer);
    }
}

static void measure_request(const char *name, const char *request)
{
    struct http_client client[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++)
        http_open(&client[i], daemon_.port);
    for (int i = 0; i < 10; i++)
        one_round(client, request);
    double before = measure_process(daemon_.pid);
    for (int i = 0; i < ROUNDS; i++)
        one_round(client, request);
    double seconds = measure_process(daemon_.pid) - before;
    for (int i = 0; i < CONNECTIONS; i++)
        http_close(&client[i]);
    measure_print(name, 1e6 * seconds / (ROUNDS * CONNECTIONS), "us-cpu", 0,
                  NULL);
}

static void measure_start(void)
{
    double seconds[STARTS];
    for (int i = 0; i < STARTS; i++) {
        double start = lip_now();
        daemon_start(&daemon_, NULL);
        seconds[i] = lip_now() - start;
        if (i < STARTS - 1)
            daemon_end(&daemon_);
    }
    measure_print("daemon-start-to-ready",
                  1e3 * measure_median(seconds, STARTS), "ms", 0, NULL);
}

/* The same answer, kept: requests a second, too, of both sides on one machine.
 */
static void measure_kept(const char *request)
{
    char data[80];
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, NULL});
    double start = lip_now();
    measure_request("server-cpu-bound-kept", request);
    measure_print("bound-kept-per-second",
                  (ROUNDS + 10) * CONNECTIONS / (lip_now() - start), "req/s", 0,
                  NULL);
    daemon_end(&daemon_);
}

static void bench(void)
{
    char post[1024];
    snprintf(post, sizeof post,
             "POST /bound HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(TINY_BOUND), TINY_BOUND);
    measure_start();
    measure_print("daemon-idle-resident",
                  measure_memory(daemon_.pid, "VmRSS:") / 1e6, "MB", 0, NULL);
    measure_request("server-cpu-healthz",
                    "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    measure_request("server-cpu-bound-2-3-1", post);
    daemon_end(&daemon_);
    measure_kept(post);
}

int main(void)
{
    return measure_main(bench);
}
