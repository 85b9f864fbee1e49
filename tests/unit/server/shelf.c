/* SPDX-License-Identifier: MIT
 *
 * A shelf holds whole files under digests, counts them right, and keeps to its
 * quota, whoever else works on it. */
#include "server/shelf.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID "sha256:" NAME

static char folder[FOLDER_NAME], complaint[512];
static struct lipd_shelf shelf;
static bool fresh;

static void open_shelf(size_t quota)
{
    ck_assert_msg(lipd_shelf_open(&shelf, folder, "x", quota, complaint,
                                  sizeof complaint),
                  "%s", complaint);
}

static void setup(void)
{
    folder_make(folder);
    open_shelf(100);
}

static void teardown(void)
{
    lipd_shelf_close(&shelf);
    folder_remove(folder);
}

/* Booked and put. */
static bool put(const char *text)
{
    size_t size = strlen(text);
    const struct lipd_part part[] = {{text, size}, {NULL, 0}};
    const struct lipd_content content = {lipd_write_parts, part};
    ck_assert(lipd_shelf_book(&shelf, &shelf.used, size));
    return lipd_shelf_put(&shelf, ID, size, &content, &fresh);
}

static void expect(size_t used, size_t files)
{
    size_t found = 0;
    DIR *list = lipd_entries(shelf.folder);
    for (struct dirent *entry; (entry = readdir(list));)
        found += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(list);
    ck_assert_uint_eq(found, files);
    ck_assert_uint_eq(lipd_shelf_used(&shelf), used);
}

START_TEST(what_is_put_is_there_until_it_is_deleted)
{
    char byte;
    ck_assert_int_eq(lipd_shelf_get(&shelf, ID), -1);
    ck_assert(put("seven"));
    ck_assert(fresh);
    for (int again = 0; again < 2; again++) {
        expect(5, 1);
        ck_assert_uint_eq(lipd_shelf_size(&shelf, ID), 5);
        int fd = lipd_shelf_get(&shelf, ID);
        ck_assert(lipd_read_all(fd, &byte, 1) && byte == 's');
        close(fd);
        lipd_shelf_close(&shelf);
        open_shelf(100);
    }
    ck_assert(lipd_shelf_delete(&shelf, ID));
    ck_assert(!lipd_shelf_delete(&shelf, ID));
    ck_assert_uint_eq(lipd_shelf_size(&shelf, ID), 0);
    expect(0, 0);
}
END_TEST

START_TEST(who_comes_second_changes_nothing)
{
    ck_assert(put("first"));
    ck_assert(put("the second"));
    ck_assert(!fresh);
    ck_assert_uint_eq(lipd_shelf_size(&shelf, ID), 5);
    expect(5, 1);
}
END_TEST

/* What another file system or person left: no bytes are no file. */
START_TEST(an_empty_file_is_replaced)
{
    folder_write(folder, "x/" NAME, "", 0);
    ck_assert(put("first"));
    ck_assert(fresh);
    expect(5, 1);
}
END_TEST

static bool fail_after_some(int fd, const void *what)
{
    (void)what;
    lipd_write_all(fd, "some", 4);
    errno = ENOSPC;
    return false;
}

START_TEST(a_failure_leaves_nothing_and_says_why)
{
    const struct lipd_content content = {fail_after_some, NULL};
    ck_assert(lipd_shelf_book(&shelf, &shelf.used, 60));
    ck_assert(!lipd_shelf_put(&shelf, ID, 60, &content, &fresh));
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert(!fresh);
    expect(0, 0);
}
END_TEST

START_TEST(each_counter_keeps_to_the_quota)
{
    size_t other = 0;
    ck_assert(lipd_shelf_book(&shelf, &shelf.used, 60));
    ck_assert(!lipd_shelf_book(&shelf, &shelf.used, 41));
    ck_assert(!lipd_shelf_book(&shelf, &shelf.used, (size_t)-1));
    ck_assert(lipd_shelf_book(&shelf, &shelf.used, 40));
    ck_assert(lipd_shelf_book(&shelf, &other, 100));
    ck_assert(!lipd_shelf_book(&shelf, &other, 1));
    lipd_shelf_unbook(&shelf, &other, 101);
    ck_assert_uint_eq(other, 0);
    ck_assert_uint_eq(lipd_shelf_used(&shelf), 100);
}
END_TEST

START_TEST(stock_is_taken)
{
    folder_write(folder, "x/.new-1-2", "left over", 9);
    folder_write(folder, "x/README", "not ours", 8);
    folder_write(folder, "x/" NAME, "ours", 4);
    lipd_shelf_close(&shelf);
    open_shelf(1); /* more is there than may come */
    expect(4, 2);
    ck_assert(!lipd_shelf_book(&shelf, &shelf.used, 1));
    ck_assert(!folder_has(folder, "x/.new-1-2"));
}
END_TEST

START_TEST(a_reader_makes_and_removes_nothing)
{
    struct lipd_shelf reader;
    folder_write(folder, "x/.new-1-2", "on its way", 10);
    ck_assert(put("first"));
    ck_assert(lipd_shelf_read_only(&reader, folder, "x", complaint,
                                   sizeof complaint));
    ck_assert_uint_eq(lipd_shelf_size(&reader, ID), 5);
    lipd_shelf_close(&reader);
    ck_assert(folder_has(folder, "x/.new-1-2"));
    ck_assert(!lipd_shelf_read_only(&reader, folder, "y", complaint,
                                    sizeof complaint));
    ck_assert_ptr_nonnull(strstr(complaint, "the folder y in /"));
    ck_assert(!folder_has(folder, "y"));
}
END_TEST

START_TEST(scratch_has_no_name)
{
    int fd = lipd_shelf_scratch(&shelf);
    ck_assert_int_ge(fd, 0);
    ck_assert(lipd_write_all(fd, "bytes", 5));
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 5);
    expect(0, 0);
    close(fd);
}
END_TEST

START_TEST(only_digests_are_names)
{
    static const char *const ids[] = {
        "",
        "sha256:",
        "sha256:../x",
        NAME,
        ID "0",
        "sha256:" NAME "/..",
        "sha256:A123456789abcdef0123456789abcdef0123456789abcdef0123456789ab"
        "cdef"};
    folder_write(folder, "x/README", "not ours", 8);
    ck_assert(lipd_shelf_is_id(ID));
    ck_assert(!lipd_shelf_is_id(ids[_i]));
    ck_assert_int_eq(lipd_shelf_get(&shelf, ids[_i]), -1);
    ck_assert_uint_eq(lipd_shelf_size(&shelf, ids[_i]), 0);
    ck_assert(!lipd_shelf_delete(&shelf, ids[_i]));
}
END_TEST

START_TEST(links_are_not_followed)
{
    folder_write(folder, "secret", "of somebody", 11);
    ck_assert_int_eq(symlinkat("../secret", shelf.folder, NAME), 0);
    ck_assert_int_eq(lipd_shelf_get(&shelf, ID), -1);
}
END_TEST

enum { THREADS = 4, ROUNDS = 3000 };
static pthread_barrier_t line;

/* All of them have their file ready at once. */
static bool write_together(int fd, const void *what)
{
    bool written = lipd_write_all(fd, what, 5);
    pthread_barrier_wait(&line);
    return written;
}

/* Counts in *arg how often this thread came first. */
static void *put_and_delete(void *arg)
{
    const struct lipd_content content = {write_together, "first"};
    for (int i = 0; i < ROUNDS; i++) {
        bool first;
        ck_assert(lipd_shelf_book(&shelf, &shelf.used, 5));
        ck_assert(lipd_shelf_put(&shelf, ID, 5, &content, &first));
        *(int *)arg += first;
        pthread_barrier_wait(&line);
        lipd_shelf_delete(&shelf, ID);
        pthread_barrier_wait(&line);
    }
    return NULL;
}

START_TEST(one_at_a_time_comes_first)
{
    pthread_t thread[THREADS];
    int firsts[THREADS] = {0}, sum = 0;
    pthread_barrier_init(&line, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&thread[i], NULL, put_and_delete, &firsts[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        sum += firsts[i];
    }
    pthread_barrier_destroy(&line);
    ck_assert_int_eq(sum, ROUNDS);
    expect(0, 0);
}
END_TEST

static void write_copy(char digit, const char *text, long second)
{
    char path[2 + 64 + 1] = "x/" NAME;
    const struct timespec time[2] = {{.tv_sec = second}, {.tv_sec = second}};
    path[2] = digit;
    folder_write(folder, path, text, strlen(text));
    ck_assert_int_eq(utimensat(shelf.folder, path + 2, time, 0), 0);
}

/* A job that was told that its model is here finds it. */
START_TEST(the_copy_used_last_makes_room_last)
{
    static struct lipd_blobs blobs;
    struct api_problem problem;
    char id[] = ID;
    write_copy('1', "first", 1000);
    write_copy('2', "second", 2000);
    lipd_shelf_close(&shelf);
    open_shelf(12);
    shelf.blobs = &blobs;
    id[7] = '1';
    ck_assert(lipd_shelf_fetch(&shelf, id, &problem));
    ck_assert(lipd_shelf_make_room(&shelf, 5));
    ck_assert_uint_eq(lipd_shelf_size(&shelf, id), 5);
    id[7] = '2';
    ck_assert_uint_eq(lipd_shelf_size(&shelf, id), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/shelf");
    TCase *tcase = tcase_create("shelf");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_put_is_there_until_it_is_deleted);
    tcase_add_test(tcase, who_comes_second_changes_nothing);
    tcase_add_test(tcase, an_empty_file_is_replaced);
    tcase_add_test(tcase, the_copy_used_last_makes_room_last);
    tcase_add_test(tcase, a_failure_leaves_nothing_and_says_why);
    tcase_add_test(tcase, each_counter_keeps_to_the_quota);
    tcase_add_test(tcase, stock_is_taken);
    tcase_add_test(tcase, a_reader_makes_and_removes_nothing);
    tcase_add_test(tcase, scratch_has_no_name);
    tcase_add_loop_test(tcase, only_digests_are_names, 0, 7);
    tcase_add_test(tcase, links_are_not_followed);
    tcase_add_test(tcase, one_at_a_time_comes_first);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
