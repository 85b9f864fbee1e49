/* SPDX-License-Identifier: MIT
 *
 * Stored models: what goes in comes out, nothing half-written stays, bounds
 * hold. */
#include "server/model_store.h"

#include "tests/support/suite.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID                                                                     \
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char directory[64], complaint[512];
static struct lipd_store *store;
static struct api_problem problem;
static struct lip_ctx ctx;
static const struct api_query query = {
    .count = 2, .item = {{"activation", "tanh"}, {"x", "a\nb&="}}};

static void reopen(size_t quota)
{
    lipd_store_close(store);
    store = lipd_store_open(directory, quota, complaint, sizeof complaint);
    ck_assert_msg(store != NULL, "%s", complaint);
}

static void setup(void)
{
    snprintf(directory, sizeof directory, "/tmp/lipschitzd-store-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    reopen(1 << 20);
}

static int remove_entry(const char *path, const struct stat *status, int type,
                        struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

static void teardown(void)
{
    lipd_store_close(store);
    store = NULL;
    nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static struct lip_buffer *bytes_of(const char *text)
{
    return lip_buffer_take(lip_strdup(&ctx, text), strlen(text), &ctx);
}

static bool put(const char *id, const char *text)
{
    struct lip_buffer *body = bytes_of(text);
    bool stored = lipd_store_put(store, id, "text/x", &query, body, &problem);
    lip_buffer_put(body);
    return stored;
}

static void expect_stored(const char *text)
{
    struct lipd_stored out;
    ck_assert(lipd_store_get(&out, store, ID, &problem, &ctx));
    ck_assert_uint_eq(lip_buffer_size(out.body), strlen(text));
    ck_assert_mem_eq(lip_buffer_bytes(out.body), text, strlen(text));
    ck_assert_str_eq(out.content_type, "text/x");
    ck_assert_uint_eq(out.query.count, 2);
    ck_assert_str_eq(out.query.item[0].name, "activation");
    ck_assert_str_eq(out.query.item[1].value, "a\nb&=");
    lipd_stored_clear(&out);
}

START_TEST(bytes_and_options_come_back_after_a_restart)
{
    ck_assert(put(ID, "the model"));
    expect_stored("the model");
    size_t used = lipd_store_used(store);
    reopen(1 << 20);
    ck_assert_uint_eq(lipd_store_used(store), used);
    expect_stored("the model");
}
END_TEST

START_TEST(storing_twice_is_storing_once)
{
    ck_assert(put(ID, "the model"));
    size_t used = lipd_store_used(store);
    ck_assert(put(ID, "the model"));
    ck_assert_uint_eq(lipd_store_used(store), used);
    ck_assert(lipd_store_delete(store, ID));
    ck_assert_uint_eq(lipd_store_used(store), 0);
    ck_assert(!lipd_store_delete(store, ID));
}
END_TEST

START_TEST(a_missing_content_type_is_not_an_empty_one)
{
    struct lip_buffer *body = bytes_of("x");
    struct lipd_stored out;
    const struct api_query none = {.count = 0};
    ck_assert(lipd_store_put(store, ID, NULL, &none, body, &problem));
    ck_assert(lipd_store_get(&out, store, ID, &problem, &ctx));
    ck_assert_ptr_null(out.content_type);
    lipd_stored_clear(&out);
    lip_buffer_put(body);
}
END_TEST

START_TEST(only_digests_are_names)
{
    static const char *const names[] = {
        "",
        "sha256:",
        "../x",
        "sha256:../../etc/passwd",
        "sha256:"
        "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
        ID "0"};
    struct lipd_stored out;
    ck_assert(!lipd_store_id_valid(names[_i]));
    ck_assert(!lipd_store_get(&out, store, names[_i], &problem, &ctx));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(!lipd_store_delete(store, names[_i]));
    ck_assert(lipd_store_id_valid(ID));
}
END_TEST

static size_t entries(void)
{
    char path[128];
    size_t count = 0;
    snprintf(path, sizeof path, "ls -A %s/models", directory);
    FILE *list = popen(path, "r");
    for (int c; (c = fgetc(list)) != EOF;)
        count += c == '\n';
    pclose(list);
    return count;
}

START_TEST(over_the_quota_nothing_is_stored)
{
    reopen(100);
    char text[200];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert(!put(ID, text));
    ck_assert_int_eq(problem.code, API_PROBLEM_STORAGE_FULL);
    ck_assert_uint_eq(lipd_store_used(store), 0);
    ck_assert_uint_eq(entries(), 0);
}
END_TEST

/* A write that the system cuts short leaves no file. */
START_TEST(a_full_disk_leaves_nothing)
{
    static char text[100000];
    memset(text, 'a', sizeof text - 1);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {50000, 50000};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!put(ID, text));
    ck_assert_int_eq(problem.code, API_PROBLEM_STORAGE_FULL);
    ck_assert_uint_eq(entries(), 0);
    ck_assert_uint_eq(lipd_store_used(store), 0);
    ck_assert(put(ID, "small"));
    expect_stored("small");
}
END_TEST

START_TEST(what_an_interrupted_upload_left_is_removed)
{
    char path[128];
    snprintf(path, sizeof path, "%s/models/.new-1-2", directory);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    ck_assert_uint_eq(entries(), 1);
    reopen(1 << 20);
    ck_assert_uint_eq(entries(), 0);
}
END_TEST

/* Any change of length and any damage to the fixed part is noticed; damage to
 * the body is noticed by whoever reads the model. */
START_TEST(damage_is_noticed)
{
    char path[200];
    struct lipd_stored out;
    ck_assert(put(ID, "the model"));
    snprintf(path, sizeof path, "%s/models/%s", directory, ID + 7);
    size_t size = lipd_store_size(store, ID);
    if (_i < 43) {
        int fd = open(path, O_RDWR);
        unsigned char byte;
        ck_assert_int_eq(pread(fd, &byte, 1, _i), 1);
        byte ^= 0x81;
        ck_assert_int_eq(pwrite(fd, &byte, 1, _i), 1);
        close(fd);
    } else {
        ck_assert_int_eq(truncate(path, (off_t)(size - 1 - (size_t)(_i - 43))),
                         0);
    }
    ck_assert(!lipd_store_get(&out, store, ID, &problem, &ctx));
    ck_assert(problem.code == API_PROBLEM_INTERNAL ||
              problem.code == API_PROBLEM_MODEL_TOO_LARGE);
}
END_TEST

START_TEST(a_folder_that_cannot_be_used_is_told)
{
    ck_assert_ptr_null(
        lipd_store_open("/proc/1/nowhere", 1, complaint, sizeof complaint));
    ck_assert_ptr_nonnull(strstr(complaint, "/proc/1/nowhere"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/model_store");
    TCase *tcase = tcase_create("store");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, bytes_and_options_come_back_after_a_restart);
    tcase_add_test(tcase, storing_twice_is_storing_once);
    tcase_add_test(tcase, a_missing_content_type_is_not_an_empty_one);
    tcase_add_loop_test(tcase, only_digests_are_names, 0, 6);
    tcase_add_test(tcase, over_the_quota_nothing_is_stored);
    tcase_add_test(tcase, a_full_disk_leaves_nothing);
    tcase_add_test(tcase, what_an_interrupted_upload_left_is_removed);
    tcase_add_loop_test(tcase, damage_is_noticed, 0, 80);
    tcase_add_test(tcase, a_folder_that_cannot_be_used_is_told);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
