/* SPDX-License-Identifier: MIT
 *
 * Uploads on the disk: the bytes come back, the room is given back, no file
 * stays. */
#include "server/spool.h"

#include "server/dataset_store.h"
#include "server/shelf.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static char folder[FOLDER_NAME];
static struct lipd_dataset_store *store;
static struct lipd_shelf *shelf;
static struct lipd_spool spool;
static struct lipd_upload upload;
static struct api_problem problem;

static void setup(void)
{
    char complaint[256];
    folder_make(folder);
    store =
        lipd_dataset_store_open(folder, 1 << 20, complaint, sizeof complaint);
    ck_assert_ptr_nonnull(store);
    shelf = lipd_dataset_shelf(store);
}

static bool room(size_t bytes)
{
    return lipd_shelf_book(shelf, &shelf->spooled, bytes);
}

static void unbook(size_t bytes)
{
    lipd_shelf_unbook(shelf, &shelf->spooled, bytes);
}

/* All room is there again, and no file. */
static void teardown(void)
{
    lipd_upload_clear(&upload);
    lipd_spool_clear(&spool);
    ck_assert(room(1 << 20));
    lipd_dataset_store_close(store);
    folder_remove(folder);
}

static size_t files(void)
{
    char path[128];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/datasets", folder);
    DIR *list = opendir(path);
    while (readdir(list))
        count++;
    closedir(list);
    return count - 2;
}

static bool feed(size_t total, size_t step)
{
    static unsigned char bytes[1 << 20];
    for (size_t i = 0; i < total; i++)
        bytes[i] = (unsigned char)(i * 31 + i / 251);
    for (size_t i = 0; i < total; i += step)
        if (!lipd_spool_add(&spool, bytes + i,
                            total - i < step ? total - i : step, &problem))
            return false;
    return true;
}

/* Announced or not, in steps of any size. */
START_TEST(bytes_come_back)
{
    size_t announced = _i % 2 ? 100000 : 0;
    ck_assert(lipd_spool_begin(&spool, shelf, NULL, 0, announced, &problem));
    ck_assert(feed(100000, _i < 2 ? 777 : 65536));
    ck_assert(lipd_spool_map(&upload, &spool, &problem));
    ck_assert_ptr_null(spool.shelf);
    ck_assert_uint_eq(upload.size, 100000);
    for (size_t i = 0; i < upload.size; i++)
        ck_assert(upload.bytes[i] == (unsigned char)(i * 31 + i / 251));
    ck_assert_uint_eq(files(), 0);
    /* What is booked is what arrived. */
    ck_assert(!room((1 << 20) - 99999));
    ck_assert(room((1 << 20) - 100000));
    unbook((1 << 20) - 100000);
}
END_TEST

START_TEST(uploads_together_are_within_the_quota)
{
    struct lipd_spool other = {0};
    ck_assert(lipd_spool_begin(&spool, shelf, NULL, 0, 1 << 19, &problem));
    ck_assert(
        !lipd_spool_begin(&other, shelf, NULL, 0, (1 << 19) + 1, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    ck_assert(lipd_spool_begin(&other, shelf, NULL, 0, 1 << 19, &problem));
    lipd_spool_clear(&other);
    ck_assert(feed(1 << 19, 65536));
    ck_assert(room(1 << 19));
    ck_assert(!feed(1, 1));
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    unbook(1 << 19);
}
END_TEST

START_TEST(nothing_at_all_is_no_upload)
{
    ck_assert(lipd_spool_begin(&spool, shelf, NULL, 0, 0, &problem));
    ck_assert(!lipd_spool_map(&upload, &spool, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_MALFORMED_BODY);
}
END_TEST

/* The head is in the file and not in the body; linked, it is the file of the
 * name and outlives the upload. */
START_TEST(a_head_comes_first_and_a_name_last)
{
    static const char id[] = "sha256:0123456789abcdef0123456789abcdef"
                             "0123456789abcdef0123456789abcdef";
    char path[200], text[16] = "";
    bool fresh;
    ck_assert(lipd_spool_begin(&spool, shelf, "head", 4, _i ? 4 : 0, &problem));
    ck_assert(!lipd_spool_map(&upload, &spool, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_MALFORMED_BODY);
    ck_assert(lipd_spool_add(&spool, "body", 4, &problem));
    ck_assert(lipd_spool_map(&upload, &spool, &problem));
    ck_assert_uint_eq(upload.size, 4);
    ck_assert_mem_eq(upload.bytes, "body", 4);
    ck_assert_uint_eq(files(), 0);
    ck_assert(lipd_shelf_book(shelf, &shelf->used, 8));
    ck_assert(lipd_shelf_link(shelf, id, upload.fd, 8, &fresh));
    ck_assert(fresh);
    ck_assert_uint_eq(files(), 1);
    lipd_upload_clear(&upload);
    snprintf(path, sizeof path, "%s/datasets/%s", folder, id + 7);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
    fclose(file);
    ck_assert_str_eq(text, "headbody");
    ck_assert_uint_eq(lipd_shelf_used(shelf), 8);
}
END_TEST

/* The second of the same name stays away, and so does what it had booked. A
 * file that cannot be linked (it had a name) is copied. */
START_TEST(a_name_is_given_once)
{
    static const char *const id[] = {
        "sha256:"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "sha256:"
        "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
    char path[200];
    bool fresh;
    for (int i = 0; i < 2; i++) {
        ck_assert(lipd_spool_begin(&spool, shelf, NULL, 0, 100, &problem));
        ck_assert(feed(100, 100));
        ck_assert(lipd_spool_map(&upload, &spool, &problem));
        ck_assert(lipd_shelf_book(shelf, &shelf->used, 100));
        ck_assert(lipd_shelf_link(shelf, id[0], upload.fd, 100, &fresh));
        ck_assert_int_eq(fresh, i == 0);
        lipd_upload_clear(&upload);
    }
    ck_assert_uint_eq(lipd_shelf_used(shelf), 100);
    snprintf(path, sizeof path, "%s/gone", folder);
    FILE *file = fopen(path, "w+");
    ck_assert_int_eq(remove(path), 0);
    fputs("copied", file);
    fflush(file);
    ck_assert(lipd_shelf_book(shelf, &shelf->used, 6));
    ck_assert(lipd_shelf_link(shelf, id[1], fileno(file), 6, &fresh));
    ck_assert(fresh);
    fclose(file);
    ck_assert_uint_eq(lipd_shelf_size(shelf, id[1]), 6);
    ck_assert_uint_eq(lipd_shelf_used(shelf), 106);
    ck_assert_uint_eq(files(), 2);
}
END_TEST

/* Announced, the full disk is told before the first byte; else when it is
 * reached. */
START_TEST(a_full_disk_is_told)
{
    struct rlimit limit = {50000, 50000};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!lipd_spool_begin(&spool, shelf, NULL, 0, 100000, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_STORAGE_FULL);
    ck_assert(lipd_spool_begin(&spool, shelf, NULL, 0, 0, &problem));
    ck_assert(!feed(100000, 4096));
    ck_assert_int_eq(problem.code, API_PROBLEM_STORAGE_FULL);
    ck_assert_uint_eq(files(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/spool");
    TCase *tcase = tcase_create("spool");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, bytes_come_back, 0, 4);
    tcase_add_test(tcase, uploads_together_are_within_the_quota);
    tcase_add_test(tcase, nothing_at_all_is_no_upload);
    tcase_add_loop_test(tcase, a_head_comes_first_and_a_name_last, 0, 2);
    tcase_add_test(tcase, a_name_is_given_once);
    tcase_add_test(tcase, a_full_disk_is_told);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
