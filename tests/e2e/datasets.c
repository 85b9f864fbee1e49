/* SPDX-License-Identifier: MIT
 *
 * Data sets over real HTTP: every form, kept through kill -9, bounded on disk
 * and in memory, whole or not at all. MNIST where $MNIST or
 * ../shared/data/mnist has it. */
#include "tests/support/contract.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/suite.h"
#include "tests/support/upload.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct daemon daemon_;
static char data[80], id[128];

static void start(const char *flag, const char *value)
{
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    daemon_run(&daemon_,
               (const char *[]){"--data-dir", data, flag, value, NULL});
}

static void restart(void)
{
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, NULL});
}

/* Files in the folder of data sets. */
static size_t files(void)
{
    char path[128];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/datasets", data);
    DIR *list = opendir(path);
    ck_assert_ptr_nonnull(list);
    while (readdir(list))
        count++;
    closedir(list);
    return count - 2;
}

static void remember(const struct http_answer *answer)
{
    json_t *set = json_loads(answer->body, 0, NULL);
    ck_assert_msg(set != NULL, "%s", answer->body);
    snprintf(id, sizeof id, "%s",
             json_string_value(json_object_get(set, "id")));
    json_decref(set);
}

/* Sends a body; the answer must have this status and text. */
static void store(const char *target, const char *type, const void *body,
                  size_t size, int status, const char *text)
{
    struct http_answer answer;
    http_ask(&answer, daemon_.port, "POST", target, type, body, size);
    ck_assert_msg(answer.status == status, "%d: %s", answer.status,
                  answer.body);
    ck_assert_msg(http_has(&answer, text), "%s", answer.body);
    if (status / 100 == 2) {
        char location[160];
        remember(&answer);
        snprintf(location, sizeof location, "/datasets/%s", id);
        ck_assert_str_eq(http_field(&answer, "Location"), location);
    }
    contract_add(status / 100 == 2 ? "Dataset" : "Problem", answer.body);
    http_clear(&answer);
}

static void store_text(const char *target, const char *body, int status,
                       const char *text)
{
    store(target, "text/plain", body, strlen(body), status, text);
}

static int ask(const char *method)
{
    struct http_answer answer;
    char target[160];
    snprintf(target, sizeof target, "/datasets/%s", id);
    http_ask(&answer, daemon_.port, method, target, NULL, NULL, 0);
    int status = answer.status;
    if (status == 200)
        ck_assert(http_has(&answer, id));
    if (answer.size)
        contract_add(status == 200 ? "Dataset" : "Problem", answer.body);
    http_clear(&answer);
    return status;
}

#define TABLE "a,b,kind\n1,2,x\n3,4,y\n5,6,x\n"
#define INLINE "{\"x\":[[1,2],[3,4],[5,6]],\"y\":[0,1,0]}"

START_TEST(stored_shown_deleted)
{
    char first[128];
    start(NULL, NULL);
    store_text("/datasets?target=kind", TABLE, 201, "\"classes\":2");
    memcpy(first, id, sizeof first);
    ck_assert_int_eq(ask("GET"), 200);
    store_text("/datasets?target=kind", TABLE, 200, first);
    store_text("/datasets", INLINE, 200, first);
    ck_assert_uint_eq(files(), 1);
    ck_assert(daemon_metric(&daemon_, "stored_dataset_bytes") > 100);
    store_text("/datasets?task=regression", INLINE, 201, "\"targets\":1");
    ck_assert_uint_eq(files(), 2);
    ck_assert_int_eq(ask("DELETE"), 204);
    ck_assert_int_eq(ask("DELETE"), 404);
    ck_assert_int_eq(ask("GET"), 404);
    ck_assert_uint_eq(files(), 1);
    daemon_end(&daemon_);
}
END_TEST

START_TEST(kill_9_and_restart_keep_the_data_set)
{
    start(NULL, NULL);
    store_text("/datasets", INLINE, 201, "id");
    daemon_signal(&daemon_, SIGKILL);
    ck_assert_int_eq(daemon_wait(&daemon_), 128 + SIGKILL);
    restart();
    ck_assert(daemon_metric(&daemon_, "stored_dataset_bytes") > 100);
    ck_assert_int_eq(ask("GET"), 200);
    store_text("/datasets", INLINE, 200, id);
    daemon_end(&daemon_);
}
END_TEST

START_TEST(the_list_has_pages)
{
    struct http_answer answer;
    char text[64], target[200] = "/datasets?limit=2";
    size_t seen = 0;
    start(NULL, NULL);
    for (int i = 0; i < 5; i++) {
        snprintf(text, sizeof text, "{\"x\":[[%d]],\"y\":[0]}", i);
        store_text("/datasets", text, 201, "id");
    }
    while (*target) {
        http_get(&answer, daemon_.port, target);
        ck_assert_msg(answer.status == 200, "%s", answer.body);
        contract_add("Datasets", answer.body);
        json_t *page = json_loads(answer.body, 0, NULL);
        const char *next = json_string_value(json_object_get(page, "next"));
        seen += json_array_size(json_object_get(page, "datasets"));
        ck_assert_uint_le(seen, 5);
        snprintf(target, sizeof target,
                 next ? "/datasets?limit=2&after=%s" : "", next);
        json_decref(page);
        http_clear(&answer);
    }
    ck_assert_uint_eq(seen, 5);
    static const char *const wrong[] = {"limit=0", "limit=x", "limit=201",
                                        "after=x", "colour=red"};
    for (size_t i = 0; i < 5; i++) {
        snprintf(target, sizeof target, "/datasets?%s", wrong[i]);
        http_get(&answer, daemon_.port, target);
        ck_assert_msg(http_is_problem(&answer, 422, "invalid-option"), "%s",
                      answer.body);
        http_clear(&answer);
    }
    daemon_end(&daemon_);
}
END_TEST

START_TEST(refusals_name_the_place)
{
    static const struct {
        const char *target, *body;
        int status;
        const char *text;
    } cases[] = {
        {"/datasets?target=kind", "a,kind\n1,x\n2\n", 422, "Line 3"},
        {"/datasets?target=kind", "a,kind\n1,x\nnan,y\n", 422,
         "Line 3: cell 1"},
        {"/datasets", "a,kind\n1,x\n", 422, "\"parameter\":\"target\""},
        {"/datasets", "{\"x\":[[1],[2,3]],\"y\":[0,1]}", 422,
         "\"pointer\":\"/x/1"},
        {"/datasets", "{\"x\":[[1],[2]],\"y\":[0,70000]}", 422, "row 1"},
        {"/datasets", "{\"x\":[[1],[2]],\"y\":[0,-1]}", 422, "row 1"},
        {"/datasets", "{\"x\":[[1],", 400, "byte"},
        {"/datasets", "PAR1", 415, "Parquet"},
        {"/datasets", "nothing at all", 415, "no known format"},
    };
    start(NULL, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        store_text(cases[i].target, cases[i].body, cases[i].status,
                   cases[i].text);
    ck_assert_uint_eq(files(), 0);
    ck_assert(daemon_metric_rests(&daemon_, "reserved_bytes", 5));
    daemon_end(&daemon_);
}
END_TEST

START_TEST(without_a_folder_there_is_no_address)
{
    struct http_answer answer;
    daemon_start(&daemon_, (const char *[]){NULL});
    static const char *const methods[] = {"POST", "GET", "GET", "DELETE"};
    for (int i = 0; i < 4; i++) {
        http_ask(&answer, daemon_.port, methods[i],
                 i < 2 ? "/datasets" : "/datasets/x", NULL, i ? NULL : INLINE,
                 i ? 0 : sizeof INLINE - 1);
        ck_assert(http_is_problem(&answer, 404, "not-found"));
        ck_assert(http_has(&answer, "--data-dir"));
        http_clear(&answer);
    }
    daemon_end(&daemon_);
}
END_TEST

/* Rows of zeros and ones as csv text, to be freed. */
static char *table(size_t rows, size_t *size)
{
    char *text = malloc(16 + rows * 8);
    *size = (size_t)sprintf(text, "a,b,y\n");
    for (size_t i = 0; i < rows; i++)
        *size += (size_t)sprintf(text + *size, "%d,%d,%d\n", (int)(i & 1),
                                 (int)(i >> 1 & 1), (int)(i % 3));
    return text;
}

START_TEST(limits_are_told_with_their_figures)
{
    size_t size;
    char *text = table(20000, &size); /* 120 kB, 240 kB as stored */
    start("--max-dataset", "100000");
    store("/datasets?target=y", "text/csv", text, size, 413, "100000");
    daemon_end(&daemon_);
    start("--max-datasets", "200000");
    store("/datasets?target=y", "text/csv", text, size, 413, "200000");
    ck_assert_uint_eq(files(), 0);
    daemon_end(&daemon_);
    start("--max-datasets", "250000");
    store("/datasets?target=y", "text/csv", text, size, 201, "20000");
    store("/datasets?target=a", "text/csv", text, size, 507, "250000");
    ck_assert_uint_eq(files(), 1);
    daemon_end(&daemon_);
    start("--max-request-memory", "2M");
    store("/datasets?target=y", "text/csv", text, size, 413, "2097152");
    daemon_end(&daemon_);
    free(text);
}
END_TEST

/* The limit of a file's size stands for a full disk: announced, the upload is
 * refused at its head; in chunks, at its end. Nothing is left. */
START_TEST(a_full_disk_is_a_507)
{
    size_t size;
    char *text = table(20000, &size), head[160];
    struct http_client client;
    struct http_answer answer;
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    daemon_.file_limit = 100000;
    restart();
    store("/datasets?target=y", "text/csv", text, size, 507, "not stored");
    http_open(&client, daemon_.port);
    snprintf(head, sizeof head,
             "POST /datasets?target=y HTTP/1.1\r\nHost: x\r\n"
             "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
             size);
    ck_assert(http_say(&client, head));
    ck_assert(http_send(&client, text, size));
    ck_assert(http_say(&client, "\r\n0\r\n\r\n"));
    ck_assert(http_read(&answer, &client, false));
    ck_assert(http_is_problem(&answer, 507, "storage-full"));
    http_clear(&answer);
    http_close(&client);
    /* What arrives but is larger when stored. */
    store("/datasets?target=y", "text/csv", text, 80004, 507, "not stored");
    ck_assert_uint_eq(files(), 0);
    store_text("/datasets", INLINE, 201, "id");
    daemon_end(&daemon_);
    free(text);
}
END_TEST

/* A client that leaves in the middle, and a daemon that is killed there: no
 * file, no booked room. */
START_TEST(half_an_upload_leaves_nothing)
{
    start("--max-datasets", "1M");
    daemon_half_uploads(&daemon_, "/datasets", "{\"x\":[[");
    ck_assert_uint_eq(files(), 0);
    restart();
    ck_assert_uint_eq(files(), 0);
    daemon_end(&daemon_);
}
END_TEST

static void *send_table(void *arg)
{
    struct http_answer answer;
    const struct bytes *body = arg;
    http_ask(&answer, daemon_.port, "POST", "/datasets?target=y", "text/csv",
             body->data, body->size);
    intptr_t status = answer.status;
    http_clear(&answer);
    return (void *)status;
}

START_TEST(the_same_set_from_many_at_once)
{
    enum { CLIENTS = 8 };
    pthread_t thread[CLIENTS];
    struct bytes body = {0};
    int fresh = 0;
    body.data = (unsigned char *)table(20000, &body.size);
    start(NULL, NULL);
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&thread[i], NULL, send_table, &body);
    for (int i = 0; i < CLIENTS; i++) {
        void *status;
        pthread_join(thread[i], &status);
        ck_assert((intptr_t)status == 200 || (intptr_t)status == 201);
        fresh += (intptr_t)status == 201;
    }
    ck_assert_int_eq(fresh, 1);
    ck_assert_uint_eq(files(), 1);
    ck_assert_double_eq(daemon_metric(&daemon_, "stored_dataset_bytes"),
                        128 + 20000 * 12);
    daemon_end(&daemon_);
    free(body.data);
}
END_TEST

/* The real thing. */
START_TEST(mnist)
{
    static const char *const names[] = {"t10k-images-idx3-ubyte.gz",
                                        "t10k-labels-idx1-ubyte.gz"};
    const char *folder = getenv("MNIST");
    struct bytes part[2] = {{0}, {0}}, body = {0};
    char path[512];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s",
                 folder ? folder : "../shared/data/mnist", names[i]);
        if (bytes_load(&part[i], path))
            continue;
        printf("SKIP: no MNIST: %s is not there\n", path);
        bytes_clear(&part[0]);
        return;
    }
    upload_part(&body, "images", &part[0]);
    upload_part(&body, "labels", &part[1]);
    upload_form_end(&body);
    start(NULL, NULL);
    store("/datasets", upload_form, body.data, body.size, 201,
          "\"rows\":10000,\"features\":784,\"classes\":10");
    store("/datasets", upload_form, body.data, body.size, 200, id);
    ck_assert_int_eq(ask("GET"), 200);
    daemon_end(&daemon_);
    for (int i = 0; i < 2; i++)
        bytes_clear(&part[i]);
    bytes_clear(&body);
}
END_TEST

START_TEST(answers_follow_the_document)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/datasets");
    TCase *tcase = tcase_create("datasets");
    tcase_set_timeout(tcase, 60);
    tcase_add_unchecked_fixture(tcase, contract_open, NULL);
    tcase_add_test(tcase, stored_shown_deleted);
    tcase_add_test(tcase, kill_9_and_restart_keep_the_data_set);
    tcase_add_test(tcase, the_list_has_pages);
    tcase_add_test(tcase, refusals_name_the_place);
    tcase_add_test(tcase, without_a_folder_there_is_no_address);
    tcase_add_test(tcase, limits_are_told_with_their_figures);
    tcase_add_test(tcase, a_full_disk_is_a_507);
    tcase_add_test(tcase, half_an_upload_leaves_nothing);
    tcase_add_test(tcase, the_same_set_from_many_at_once);
    tcase_add_test(tcase, mnist);
    tcase_add_test(tcase, answers_follow_the_document);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
