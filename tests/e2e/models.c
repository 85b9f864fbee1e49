/* SPDX-License-Identifier: MIT
 *
 * Stored models over real HTTP: kept through kill -9, bounded, whole or not at
 * all. */
#include "tests/support/models.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/suite.h"
#include "tests/support/upload.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct daemon daemon_;
static char data[80], id[128];

static void prepare(void)
{
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
}

static void run(const char *flag, const char *value)
{
    daemon_run(&daemon_,
               (const char *[]){"--data-dir", data, flag, value, NULL});
}

static void store_tiny(const char *target)
{
    struct http_answer answer;
    http_post(&answer, daemon_.port, target, "{" TINY_LAYERS "}");
    ck_assert_int_eq(answer.status, 201);
    json_t *model = json_loads(answer.body, 0, NULL);
    snprintf(id, sizeof id, "%s",
             json_string_value(json_object_get(model, "id")));
    json_decref(model);
    char location[160];
    snprintf(location, sizeof location, "/models/%s", id);
    ck_assert_str_eq(http_field(&answer, "Location"), location);
    http_clear(&answer);
}

static int ask(const char *method)
{
    struct http_answer answer;
    char target[160];
    snprintf(target, sizeof target, "/models/%s", id);
    http_ask(&answer, daemon_.port, method, target, NULL, NULL, 0);
    int status = answer.status;
    if (status == 200)
        ck_assert(http_has(&answer, id));
    http_clear(&answer);
    return status;
}

static int bound_by_id(void)
{
    struct http_answer answer;
    char body[256];
    snprintf(body, sizeof body,
             "{\"model\":{\"id\":\"%s\"},\"methods\":[\"eclipse-fast\"]}", id);
    http_post(&answer, daemon_.port, "/bound", body);
    int status = answer.status;
    if (status == 200)
        ck_assert(http_has(&answer, id));
    http_clear(&answer);
    return status;
}

static size_t files(void)
{
    char path[128];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/models", data);
    DIR *list = opendir(path);
    ck_assert_ptr_nonnull(list);
    for (struct dirent *e; (e = readdir(list));)
        count += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(list);
    return count;
}

START_TEST(store_show_use_delete)
{
    prepare();
    run(NULL, NULL);
    store_tiny("/models");
    ck_assert_int_eq(ask("GET"), 200);
    ck_assert_int_eq(bound_by_id(), 200);
    char first[128];
    memcpy(first, id, sizeof first);
    store_tiny("/models");
    ck_assert_str_eq(first, id);
    ck_assert_uint_eq(files(), 1);
    ck_assert(daemon_metric(&daemon_, "stored_bytes") > 100);
    ck_assert_int_eq(ask("DELETE"), 204);
    ck_assert_int_eq(ask("DELETE"), 404);
    ck_assert_int_eq(ask("GET"), 404);
    ck_assert_int_eq(bound_by_id(), 404);
    ck_assert_uint_eq(files(), 0);
    daemon_end(&daemon_);
}
END_TEST

START_TEST(kill_9_and_restart_keep_the_model)
{
    prepare();
    run(NULL, NULL);
    store_tiny("/models");
    daemon_signal(&daemon_, SIGKILL);
    ck_assert_int_eq(daemon_wait(&daemon_), 128 + SIGKILL);
    run(NULL, NULL);
    ck_assert_int_eq(ask("GET"), 200);
    ck_assert_int_eq(bound_by_id(), 200);
    daemon_end(&daemon_);
}
END_TEST

/* A file of the model is the same model: its id, its metadata, its layers. */
static void send_back(const struct http_answer *file)
{
    struct http_answer answer;
    char before[128];
    memcpy(before, id, sizeof before);
    http_ask(&answer, daemon_.port, "POST", "/models",
             "application/octet-stream", file->body, file->size);
    ck_assert_int_eq(answer.status, 201);
    ck_assert_msg(http_has(&answer, before), "%s", answer.body);
    ck_assert_msg(http_has(&answer, "\"origin\":\"a test\""), "%s",
                  answer.body);
    http_clear(&answer);
}

static void get_file(const char *format, const char *type)
{
    struct http_answer answer, head;
    char target[200], length[32], name[64];
    snprintf(target, sizeof target, "/models/%s?format=%s", id, format);
    http_get(&answer, daemon_.port, target);
    ck_assert_msg(answer.status == 200, "%s", answer.body);
    ck_assert_str_eq(http_field(&answer, "Content-Type"), type);
    snprintf(name, sizeof name, "attachment; filename=\"model-%.12s.%s\"",
             id + 7, format);
    ck_assert_str_eq(http_field(&answer, "Content-Disposition"), name);
    snprintf(length, sizeof length, "%zu", answer.size);
    struct http_client client;
    char request[300];
    http_open(&client, daemon_.port);
    snprintf(request, sizeof request, "HEAD %s HTTP/1.1\r\nHost: x\r\n\r\n",
             target);
    ck_assert(http_say(&client, request));
    ck_assert(http_read(&head, &client, true));
    ck_assert_int_eq(head.status, 200);
    ck_assert_str_eq(http_field(&head, "Content-Length"), length);
    http_clear(&head);
    http_close(&client);
    ck_assert_int_eq(ask("DELETE"), 204);
    send_back(&answer);
    http_clear(&answer);
}

/* One request with fields of its own. */
static void fetch(struct http_answer *answer, const char *method,
                  const char *target, const char *fields)
{
    struct http_client client;
    char request[600];
    http_open(&client, daemon_.port);
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n",
             method, target, fields);
    ck_assert(http_say(&client, request));
    bool bodiless = !strcmp(method, "HEAD") || strstr(fields, "If-None-Match");
    ck_assert(http_read(answer, &client, bodiless));
    http_close(&client);
}

static void expect_part(const char *target, const struct http_answer *whole,
                        size_t first, size_t last)
{
    struct http_answer part;
    char field[80], range[80];
    snprintf(field, sizeof field, "Range: bytes=%zu-%zu\r\n", first, last);
    fetch(&part, "GET", target, field);
    ck_assert_msg(part.status == 206, "%s", part.body);
    if (last >= whole->size)
        last = whole->size - 1;
    snprintf(range, sizeof range, "bytes %zu-%zu/%zu", first, last,
             whole->size);
    ck_assert_str_eq(http_field(&part, "Content-Range"), range);
    ck_assert_uint_eq(part.size, last - first + 1);
    ck_assert_mem_eq(part.body, whole->body + first, part.size);
    http_clear(&part);
}

/* Parts put together are the file, also after a restart; conditions hold. */
static void fetch_in_parts(const char *format)
{
    struct http_answer whole, answer;
    char target[200], etag[80], fields[400];
    snprintf(target, sizeof target, "/models/%s?format=%s", id, format);
    fetch(&whole, "GET", target, "");
    ck_assert_int_eq(whole.status, 200);
    ck_assert_str_eq(http_field(&whole, "Accept-Ranges"), "bytes");
    snprintf(etag, sizeof etag, "%s", http_field(&whole, "ETag"));
    ck_assert_uint_eq(strlen(etag), 34);
    daemon_signal(&daemon_, SIGKILL);
    daemon_wait(&daemon_);
    run(NULL, NULL);
    for (size_t first = 0; first < whole.size; first += whole.size / 3 + 1)
        expect_part(target, &whole, first, first + whole.size / 3);
    expect_part(target, &whole, whole.size - 1, 1000000);
    snprintf(fields, sizeof fields, "Range: bytes=0-9\r\nIf-Range: %s\r\n",
             etag);
    fetch(&answer, "GET", target, fields);
    ck_assert_int_eq(answer.status, 206);
    ck_assert_str_eq(http_field(&answer, "ETag"), etag);
    http_clear(&answer);
    static const char *const all[] = {
        "Range: bytes=0-9\r\nIf-Range: \"another\"\r\n",
        "Range: bytes=0-1,4-5\r\n", "Range: lines=0-1\r\n",
        "Range: bytes=0-1\r\nRange: bytes=2-3\r\n"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        fetch(&answer, "GET", target, all[i]);
        ck_assert_int_eq(answer.status, 200);
        ck_assert_uint_eq(answer.size, whole.size);
        ck_assert_mem_eq(answer.body, whole.body, whole.size);
        http_clear(&answer);
    }
    fetch(&answer, "HEAD", target, "Range: bytes=0-9\r\n");
    ck_assert_int_eq(answer.status, 200);
    snprintf(fields, sizeof fields, "%zu", whole.size);
    ck_assert_str_eq(http_field(&answer, "Content-Length"), fields);
    ck_assert_str_eq(http_field(&answer, "ETag"), etag);
    http_clear(&answer);
    fetch(&answer, "GET", target, "Range: bytes=1000000-\r\n");
    ck_assert(http_is_problem(&answer, 416, "range-not-satisfiable"));
    snprintf(fields, sizeof fields, "bytes */%zu", whole.size);
    ck_assert_str_eq(http_field(&answer, "Content-Range"), fields);
    http_clear(&answer);
    snprintf(fields, sizeof fields, "If-None-Match: \"x\", %s\r\n", etag);
    for (int i = 0; i < 2; i++) {
        fetch(&answer, i ? "HEAD" : "GET", target, fields);
        ck_assert_int_eq(answer.status, 304);
        ck_assert_str_eq(http_field(&answer, "ETag"), etag);
        ck_assert_uint_eq(answer.size, 0);
        http_clear(&answer);
    }
    http_clear(&whole);
}

/* A 304 has no body, and the connection goes on. */
static void one_connection(const char *target)
{
    struct http_client client;
    struct http_answer answer;
    char request[600];
    http_open(&client, daemon_.port);
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\n\r\n"
             "GET %s HTTP/1.1\r\nHost: x\r\n\r\n",
             target, target);
    ck_assert(http_say(&client, request));
    ck_assert(http_read(&answer, &client, true));
    ck_assert_int_eq(answer.status, 304);
    http_clear(&answer);
    ck_assert(http_read(&answer, &client, false));
    ck_assert_int_eq(answer.status, 200);
    ck_assert(http_has(&answer, id));
    http_clear(&answer);
    http_close(&client);
}

START_TEST(files_come_in_parts)
{
    static const char *const formats[] = {"json", "safetensors", "npz", "onnx"};
    struct http_answer answer;
    char target[200];
    prepare();
    run(NULL, NULL);
    store_tiny("/models");
    for (int i = 0; i < 4; i++)
        fetch_in_parts(formats[i]);
    snprintf(target, sizeof target, "/models/%s", id);
    fetch(&answer, "GET", target, "Range: bytes=0-9\r\n");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_str_eq(http_field(&answer, "Accept-Ranges"), "");
    ck_assert_uint_eq(strlen(http_field(&answer, "ETag")), 34);
    http_clear(&answer);
    one_connection(target);
    daemon_end(&daemon_);
}
END_TEST

START_TEST(models_leave_as_files)
{
    static const char model[] =
        "{\"metadata\":{\"origin\":\"a test\"},\"layers\":["
        "{\"type\":\"dense\",\"weight\":[[1,0.1],[2,3]],"
        "\"dtype\":\"float32\"},{\"type\":\"max-min\"},"
        "{\"type\":\"householder\",\"angles\":[1.5]},"
        "{\"type\":\"tanh\"},{\"type\":\"dense\",\"weight\":[[1,2]]}]}";
    struct http_answer answer;
    prepare();
    run(NULL, NULL);
    http_post(&answer, daemon_.port, "/models", model);
    ck_assert_msg(answer.status == 201, "%s", answer.body);
    json_t *root = json_loads(answer.body, 0, NULL);
    snprintf(id, sizeof id, "%s",
             json_string_value(json_object_get(root, "id")));
    json_decref(root);
    http_clear(&answer);
    get_file("json", "application/json");
    get_file("safetensors", "application/vnd.safetensors");
    get_file("npz", "application/x-npz");
    get_file("onnx", "application/x-onnx");
    char target[200];
    snprintf(target, sizeof target, "/models/%s?format=gguf", id);
    http_get(&answer, daemon_.port, target);
    ck_assert(http_is_problem(&answer, 422, "invalid-option"));
    ck_assert(http_has(&answer, "json, safetensors, npz, onnx"));
    http_clear(&answer);
    daemon_end(&daemon_);
}
END_TEST

/* Bounds of networks that sort: products, and no word from the others. */
START_TEST(sorting_networks_are_bounded)
{
    struct http_answer answer;
    char body[300];
    prepare();
    run(NULL, NULL);
    http_post(&answer, daemon_.port, "/bound",
              "{\"model\":{\"layers\":["
              "{\"type\":\"dense\",\"weight\":[[3,0,0],[0,4,0],[0,0,1]]},"
              "{\"type\":\"groupsort\"},"
              "{\"type\":\"dense\",\"weight\":[[1,0,0],[0,1,0],[0,0,1]]}]},"
              "\"methods\":\"all\",\"certificate\":true}");
    ck_assert_msg(answer.status == 200, "%s", answer.body);
    json_t *root = json_loads(answer.body, 0, NULL), *bound;
    size_t i, given = 0;
    json_array_foreach(json_object_get(root, "bounds"), i, bound)
    {
        json_t *upper = json_object_get(bound, "upper_bound");
        given += upper != NULL;
        ck_assert(upper ? json_number_value(upper) >= 4
                        : json_object_get(bound, "skipped") != NULL);
    }
    ck_assert_uint_ge(given, 2);
    json_t *best = json_object_get(root, "best");
    snprintf(body, sizeof body, "%s",
             json_string_value(json_object_get(best, "method")));
    ck_assert_str_eq(body, "spectral");
    ck_assert(json_number_value(json_object_get(best, "upper_bound")) < 4.001);
    ck_assert(json_number_value(json_object_get(
                  json_object_get(root, "lower_bound"), "value")) <= 4);
    json_decref(root);
    http_clear(&answer);
    daemon_end(&daemon_);
}
END_TEST

/* How a file is to be read is stored with it. */
START_TEST(the_way_of_reading_is_kept)
{
    static const double first[] = {1, 2, 3, 4, 5, 6}, second[] = {1, -1, 1};
    const struct array arrays[] = {{"1.weight", 2, {2, 3}, first},
                                   {"2.weight", 2, {3, 1}, second}};
    struct bytes file = {NULL, 0, 0};
    struct http_answer answer;
    prepare();
    run(NULL, NULL);
    bytes_safetensors(&file, arrays, 2, "F32");
    http_ask(&answer, daemon_.port, "POST", "/models?activation=tanh&layout=io",
             "application/octet-stream", file.data, file.size);
    ck_assert_int_eq(answer.status, 201);
    json_t *model = json_loads(answer.body, 0, NULL);
    snprintf(id, sizeof id, "%s",
             json_string_value(json_object_get(model, "id")));
    json_decref(model);
    http_clear(&answer);
    bytes_clear(&file);
    daemon_signal(&daemon_, SIGKILL);
    daemon_wait(&daemon_);
    run(NULL, NULL);
    char target[160];
    snprintf(target, sizeof target, "/models/%s", id);
    http_get(&answer, daemon_.port, target);
    ck_assert_int_eq(answer.status, 200);
    ck_assert(http_has(&answer, "\"tanh\""));
    ck_assert(http_has(&answer, "\"inputs\":2"));
    http_clear(&answer);
    ck_assert_int_eq(bound_by_id(), 200);
    daemon_end(&daemon_);
}
END_TEST

START_TEST(without_a_folder_it_says_how)
{
    struct http_answer answer;
    daemon_start(&daemon_, NULL);
    http_post(&answer, daemon_.port, "/models", "{" TINY_LAYERS "}");
    ck_assert(http_is_problem(&answer, 404, "not-found"));
    ck_assert(http_has(&answer, "--data-dir"));
    http_clear(&answer);
    snprintf(id, sizeof id, "sha256:%064d", 0);
    ck_assert_int_eq(ask("GET"), 404);
    ck_assert_int_eq(ask("DELETE"), 404);
    ck_assert_int_eq(bound_by_id(), 404);
    daemon_end(&daemon_);
}
END_TEST

START_TEST(a_bad_model_is_not_stored)
{
    struct http_answer answer;
    prepare();
    run(NULL, NULL);
    http_post(&answer, daemon_.port, "/models",
              "{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":"
              "[[1,2],[3]]}]}}");
    ck_assert_int_eq(answer.status, 422);
    http_clear(&answer);
    http_post(&answer, daemon_.port, "/models",
              "{\"model\":{\"id\":\"sha256:"
              "0000000000000000000000000000000000000000000000000000000000000000"
              "\"}}");
    ck_assert_int_eq(answer.status, 422);
    http_clear(&answer);
    ck_assert_uint_eq(files(), 0);
    daemon_end(&daemon_);
}
END_TEST

/* In chunks, so that nobody knows how much comes. */
static void store_wide_chunked(struct http_answer *answer)
{
    struct bytes model = {NULL, 0, 0};
    struct http_client client;
    char head[120];
    bytes_wide_model(&model, 200, 2);
    http_open(&client, daemon_.port);
    snprintf(head, sizeof head,
             "POST /models HTTP/1.1\r\nHost: x\r\n"
             "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
             model.size);
    ck_assert(http_say(&client, head));
    ck_assert(http_send(&client, model.data, model.size));
    ck_assert(http_say(&client, "\r\n0\r\n\r\n"));
    ck_assert(http_read(answer, &client, false));
    http_close(&client);
    bytes_clear(&model);
}

static void store_wide(struct http_answer *answer)
{
    struct bytes model = {NULL, 0, 0};
    bytes_wide_model(&model, 200, 2);
    http_ask(answer, daemon_.port, "POST", "/models", NULL, model.data,
             model.size);
    bytes_clear(&model);
}

START_TEST(over_the_quota)
{
    struct http_answer answer;
    prepare();
    run("--max-stored", "100000");
    store_wide(&answer);
    ck_assert(http_is_problem(&answer, 507, "storage-full"));
    http_clear(&answer);
    ck_assert_uint_eq(files(), 0);
    store_tiny("/models");
    ck_assert_uint_eq(files(), 1);
    daemon_end(&daemon_);
}
END_TEST

/* A client that leaves in the middle, and a daemon that is killed there: no
 * file, no booked room. */
START_TEST(half_an_upload_leaves_nothing)
{
    prepare();
    run("--max-stored", "1M");
    daemon_half_uploads(&daemon_, "/models", "{\"layers\":[");
    ck_assert_uint_eq(files(), 0);
    run(NULL, NULL);
    ck_assert_uint_eq(files(), 0);
    daemon_end(&daemon_);
}
END_TEST

static void store_form(const struct bytes *model)
{
    struct bytes form = {NULL, 0, 0};
    struct http_answer answer;
    upload_part(&form, "model", model);
    upload_form_end(&form);
    http_ask(&answer, daemon_.port, "POST", "/models", upload_form, form.data,
             form.size);
    ck_assert_msg(answer.status == 201, "%s", answer.body);
    http_clear(&answer);
    bytes_clear(&form);
}

/* A file of tensors is read where it lies: memory that is booked and used is a
 * small part of it, and the file on the disk is the one that arrived. A form
 * around it is no other model. */
START_TEST(a_large_model_takes_no_memory)
{
    enum { WIDTH = 1500 };
    static double weight[WIDTH * WIDTH];
    struct array arrays[4];
    struct bytes file = {NULL, 0, 0};
    struct http_answer answer;
    for (size_t i = 0; i < WIDTH * WIDTH; i++)
        weight[i] = 1e-3 * (double)(i % 1000);
    for (size_t i = 0; i < 4; i++) {
        static const char *const names[] = {"1.weight", "2.weight", "3.weight",
                                            "4.weight"};
        arrays[i] = (struct array){names[i], 2, {WIDTH, WIDTH}, weight};
    }
    bytes_safetensors(&file, arrays, 4, "F64");
    ck_assert_uint_gt(file.size, 70000000);
    prepare();
    run("--max-request-memory", "2M"); /* the description is not small */
    http_ask(&answer, daemon_.port, "POST", "/models", NULL, file.data,
             file.size);
    ck_assert_msg(answer.status == 201, "%s", answer.body);
    http_clear(&answer);
    ck_assert_uint_eq(files(), 1);
    double stored = daemon_metric(&daemon_, "stored_bytes");
    ck_assert(stored > (double)file.size);
    ck_assert(stored < (double)file.size + 1000);
    store_form(&file);
    ck_assert_uint_eq(files(), 1);
    ck_assert(daemon_metric_rests(&daemon_, "reserved_bytes", 5));
    bytes_clear(&file);
    daemon_end(&daemon_);
}
END_TEST

/* The disk fills up in the middle of the file. */
START_TEST(a_full_disk)
{
    struct http_answer answer;
    prepare();
    daemon_.file_limit = 100000;
    run(NULL, NULL);
    store_wide(&answer);
    ck_assert(http_is_problem(&answer, 507, "storage-full"));
    http_clear(&answer);
    store_wide_chunked(&answer);
    ck_assert(http_is_problem(&answer, 507, "storage-full"));
    http_clear(&answer);
    ck_assert_uint_eq(files(), 0);
    store_tiny("/models");
    ck_assert_int_eq(ask("GET"), 200);
    daemon_end(&daemon_);
}
END_TEST

/* A byte of the weights has changed on the disk: the id does not fit. */
START_TEST(a_damaged_model_is_not_used)
{
    char path[256];
    struct bytes file = {NULL, 0, 0};
    prepare();
    run(NULL, NULL);
    store_tiny("/models");
    snprintf(path, sizeof path, "%s/models/%s", data, id + 7);
    ck_assert(bytes_load(&file, path));
    char *six = memmem(file.data, file.size, "[5,6]", 5);
    ck_assert_ptr_nonnull(six);
    int fd = open(path, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "7", 1, six + 3 - (char *)file.data), 1);
    close(fd);
    bytes_clear(&file);
    ck_assert_int_eq(ask("GET"), 500);
    ck_assert_int_eq(bound_by_id(), 500);
    ck_assert_int_eq(ask("DELETE"), 204);
    daemon_end(&daemon_);
}
END_TEST

START_TEST(names_that_are_no_digests)
{
    static const char *const targets[] = {
        "/models/x", "/models/..", "/models/sha256:..%2f..%2fetc%2fpasswd",
        "/models/%2e%2e", "/models/sha256:"};
    struct http_answer answer;
    prepare();
    run(NULL, NULL);
    for (int i = 0; i < 5; i++) {
        http_get(&answer, daemon_.port, targets[i]);
        ck_assert(http_is_problem(&answer, 404, "not-found"));
        http_clear(&answer);
        http_ask(&answer, daemon_.port, "DELETE", targets[i], NULL, NULL, 0);
        ck_assert_int_eq(answer.status, 404);
        http_clear(&answer);
    }
    daemon_end(&daemon_);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/models");
    TCase *tcase = tcase_create("models");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, models_leave_as_files);
    tcase_add_test(tcase, files_come_in_parts);
    tcase_add_test(tcase, sorting_networks_are_bounded);
    tcase_add_test(tcase, store_show_use_delete);
    tcase_add_test(tcase, kill_9_and_restart_keep_the_model);
    tcase_add_test(tcase, the_way_of_reading_is_kept);
    tcase_add_test(tcase, without_a_folder_it_says_how);
    tcase_add_test(tcase, a_bad_model_is_not_stored);
    tcase_add_test(tcase, over_the_quota);
    tcase_add_test(tcase, half_an_upload_leaves_nothing);
    tcase_add_test(tcase, a_large_model_takes_no_memory);
    tcase_add_test(tcase, a_full_disk);
    tcase_add_test(tcase, a_damaged_model_is_not_used);
    tcase_add_test(tcase, names_that_are_no_digests);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
