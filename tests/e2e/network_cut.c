/* SPDX-License-Identifier: MIT
 *
 * Networks between workers and their database that are cut without a word, or
 * slow: jobs go on elsewhere, end once, and nothing that comes late counts. */
#include "base/context.h"
#include "tests/support/http_client.h"
#include "tests/support/machines.h"
#include "tests/support/postgres.h"
#include "tests/support/proxy.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 64 };
static const double patience = 240;

static struct postgres server;
static struct daemon here, worker[2];
static struct proxy proxy;

static void empty(void)
{
    postgres_empty(&server);
}

static void submit(char id[JOB_ID], size_t epochs)
{
    const struct job_request request = {WIDTH, epochs, 1};
    char body[JOB_BODY];
    job_body(body, &request);
    machine_submit(id, &here, body);
}

/* Where the workers' network is one of its own. */
static char netns[40];

/* Runs a script in which $N is the network's name. */
static bool command(const char *script)
{
    char line[600];
    snprintf(line, sizeof line, "N=%s; %s", netns, script);
    return system(line) == 0;
}

/* Runs the worker from within: the daemon inherits what this process is in. */
static void work_inside(struct daemon *daemon, const char *url)
{
    char path[80];
    int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/var/run/netns/%s", netns);
    int inside = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(setns(inside, CLONE_NEWNET), 0);
    machine_work(daemon, url, NULL);
    ck_assert_int_eq(setns(before, CLONE_NEWNET), 0);
    close(inside);
    close(before);
}

static void cut(bool off)
{
    if (!*netns)
        proxy_set(&proxy, off ? PROXY_SILENT : PROXY_OPEN);
    else
        ck_assert(
            command(off ? "ip link set $N-o down" : "ip link set $N-o up"));
}

static void await_begun(const char *id, long times)
{
    for (double end = lip_now() + 60; machine_begun(&server, id) < times;
         usleep(100000))
        ck_assert_msg(lip_now() < end, "nobody takes the job over");
}

static void nothing_left(void)
{
    for (double end = lip_now() + 60; job_process(&worker[0]); usleep(100000))
        ck_assert_msg(lip_now() < end, "who was cut off goes on with the job");
    machine_nothing_left(&worker[0]);
    ck_assert_int_eq(postgres_number(&server,
                                     "SELECT count(*) FROM lipschitzd.blob "
                                     "WHERE kind = 'job'"),
                     0);
}

/* A worker that is cut off: its job goes on with another; whatever the first
 * has to say later, after the end or before, changes nothing, and it works
 * again when it is back. */
static void cut_off(bool late)
{
    char calm[JOB_ID], id[JOB_ID], after[JOB_ID];
    machine_serve(&here, server.url, NULL);
    if (*netns)
        work_inside(&worker[0], proxy.url);
    else
        machine_work(&worker[0], proxy.url, NULL);
    size_t epochs = machines_epochs(&here, WIDTH, 6);
    submit(calm, epochs);
    json_decref(machine_await(&here, calm, patience));
    submit(id, epochs);
    job_await_state(&here, id, "running", patience);
    usleep(1500000);
    cut(true);
    machine_work(&worker[1], server.url, NULL);
    await_begun(id, 2);
    if (late)
        machine_same_model(&here, id, calm);
    json_t *before = machine_look(&here, id);
    cut(false);
    machine_same_model(&here, id, calm);
    ck_assert_int_eq(machine_begun(&server, id), 2);
    nothing_left();
    json_t *now = machine_look(&here, id);
    ck_assert(!late || json_equal(now, before));
    json_decref(before);
    json_decref(now);
    daemon_end(&worker[1]);
    submit(after, epochs);
    machine_same_model(&here, after, calm);
    nothing_left();
    daemon_end(&worker[0]);
    daemon_end(&here);
}

START_TEST(a_worker_is_cut_off)
{
    empty();
    proxy_start(&proxy, &server, "127.0.0.1");
    cut_off(_i);
    proxy_end(&proxy);
}
END_TEST

/* The same with a network of the kernel's, whose packets are lost. */
START_TEST(a_cable_is_pulled)
{
    snprintf(netns, sizeof netns, "lip%d", (int)getpid());
    if (geteuid() || !command("ip netns add $N 2>/dev/null")) {
        printf("SKIP: no network of its own can be made here\n");
        return;
    }
    bool made = command("ip link add $N-o type veth peer name $N-i netns $N && "
                        "ip addr add 10.213.7.1/30 dev $N-o && "
                        "ip link set $N-o up && ip -n $N link set lo up && "
                        "ip -n $N addr add 10.213.7.2/30 dev $N-i && "
                        "ip -n $N link set $N-i up");
    if (made) {
        empty();
        proxy_start(&proxy, &server, "10.213.7.1");
        cut_off(true);
        proxy_end(&proxy);
    } else {
        printf("SKIP: no network of its own can be made here\n");
    }
    command("ip netns del $N; ip link del $N-o 2>/dev/null");
    *netns = '\0';
}
END_TEST

/* Far from the database everything takes longer, and works. */
START_TEST(a_slow_network)
{
    char one[JOB_ID], two[JOB_ID];
    empty();
    proxy_start(&proxy, &server, "127.0.0.1");
    machine_serve(&here, proxy.url, NULL);
    machine_work(&worker[0], proxy.url, (const char *[]){"--lease=20", NULL});
    submit(one, 50);
    json_decref(machine_await(&here, one, patience));
    proxy_set(&proxy, PROXY_SLOW);
    submit(two, 50);
    machine_same_model(&here, two, one);
    ck_assert_int_eq(machine_begun(&server, two), 1);
    proxy_set(&proxy, PROXY_OPEN);
    daemon_end(&here);
    daemon_end(&worker[0]);
    proxy_end(&proxy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/network_cut");
    TCase *test = tcase_create("network_cut");
    if (!postgres_there())
        return 0;
    postgres_start(&server);
    tcase_set_timeout(test, 600);
    tcase_add_loop_test(test, a_worker_is_cut_off, 0, 2);
    tcase_add_test(test, a_cable_is_pulled);
    tcase_add_test(test, a_slow_network);
    suite_add_tcase(suite, test);
    int status = run_suite(suite);
    postgres_end(&server);
    return status;
}
