/* SPDX-License-Identifier: MIT
 *
 * The database's disk is full: what cannot be kept is refused with a sentence,
 * what was accepted stays, jobs wait, and with room again all go on. Where
 * this may be done, the disk is a small file system in memory. */
#include "base/context.h"
#include "tests/support/http_client.h"
#include "tests/support/machines.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static const double patience = 240;

static struct postgres server;
static struct daemon here, worker;
static bool mounted;

/* In a namespace of this test's own, gone with it. */
static void small_disk(const char *directory)
{
    mounted = !unshare(CLONE_NEWNS) &&
              !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
              !mount("tmpfs", directory, "tmpfs", 0, "size=160m");
}

/* Writes a file until nothing more goes in. */
static void fill_up(const char *path)
{
    static char block[65536];
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    ck_assert_int_ge(fd, 0);
    for (size_t size = sizeof block; size > 0;)
        if (write(fd, block, size) <= 0)
            size /= 2;
    close(fd);
}

/* Jobs with a request of some size, until no more fit: each is accepted, or
 * refused with a sentence and a time to come again. */
static size_t submit_many(const char *filler)
{
    size_t refused = 0;
    for (int i = 0; i < 40 && refused < 3; i++) {
        const struct job_request request = {8, 3, (unsigned)i};
        struct http_answer answer;
        char body[JOB_BODY];
        static char padded[JOB_BODY + (1 << 20)];
        job_body(body, &request);
        /* Blanks are kept with the request. */
        snprintf(padded, sizeof padded, "%-1000000s", body);
        fill_up(filler);
        http_post(&answer, here.port, "/train", padded);
        refused += answer.status != 202;
        if (answer.status != 202) {
            ck_assert_msg(answer.status == 507 || answer.status == 503, "%d %s",
                          answer.status, answer.body);
            ck_assert(http_has(&answer, "\"detail\""));
        }
        http_clear(&answer);
    }
    return refused;
}

/* A database that could not write its log has stopped: somebody starts it. */
static void again(void)
{
    char command[200];
    snprintf(command, sizeof command,
             "/usr/lib/postgresql/*/bin/pg_isready -q -t 10 -U lipschitzd "
             "-h %s",
             server.directory);
    for (int i = 0; i < 20; i++, usleep(500000))
        if (!system(command))
            return;
    printf("the database has stopped\n");
    postgres_again(&server);
}

START_TEST(no_room)
{
    const struct job_request request = {64, 400, 1};
    char body[JOB_BODY], id[JOB_ID], filler[100];
    postgres_start_on(&server, small_disk);
    if (!mounted) {
        printf("SKIP: no file system can be mounted here\n");
        postgres_end(&server);
        return;
    }
    machine_serve(&here, server.url, NULL);
    machine_work(&worker, server.url, (const char *[]){"--lease=20", NULL});
    snprintf(filler, sizeof filler, "%s/filler", server.directory);
    job_body(body, &request);
    job_submit(id, &here, body);
    job_await_state(&here, id, "running", patience);
    ck_assert_uint_gt(submit_many(filler), 0);
    usleep(5000000); /* while heartbeats and a checkpoint are due */
    unlink(filler);
    again();
    json_t *job = machine_await(&here, id, patience);
    if (strcmp(job_state(job), "succeeded") != 0)
        ck_abort_msg("%s", json_dumps(job, 0));
    json_decref(job);
    for (double end = lip_now() + patience;
         postgres_number(&server, "SELECT count(*) FROM lipschitzd.job "
                                  "WHERE state < 2") > 0;
         usleep(200000))
        ck_assert_double_lt(lip_now(), end);
    ck_assert_int_eq(postgres_number(&server,
                                     "SELECT count(*) FROM lipschitzd.job "
                                     "WHERE state <> 2"),
                     0);
    daemon_end(&here);
    machine_nothing_left(&worker);
    daemon_end(&worker);
    postgres_kill(&server);
    umount2(server.directory, MNT_DETACH);
    rmdir(server.directory);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/full_disk_database");
    TCase *test = tcase_create("full disk");
    if (!postgres_there())
        return 0;
    tcase_set_timeout(test, 600);
    tcase_add_test(test, no_room);
    suite_add_tcase(suite, test);
    return run_suite(suite);
}
