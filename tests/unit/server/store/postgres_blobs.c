/* SPDX-License-Identifier: MIT
 *
 * Files in the database come back byte for byte, of any size; shelves of
 * different machines show the same files. */
#include "server/shelf.h"
#include "server/store/postgres.h"
#include "tests/support/folder.h"
#include "tests/support/postgres.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID "sha256:" NAME

static struct postgres server;
static struct lipd_pg *pg;
static struct lipd_blobs *blobs;
static struct api_problem problem;

static void setup(void)
{
    postgres_empty(&server);
    pg = postgres_pool(&server);
    blobs = lipd_pg_blobs(pg);
}

static void teardown(void)
{
    blobs->ops->close(blobs);
    lipd_pg_close(pg);
}

static void fill(unsigned char *bytes, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)((i + seed) * 2654435761u >> 11);
}

static void put(const char *name, const unsigned char *bytes, size_t size)
{
    FILE *file = tmpfile();
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fflush(file), 0);
    ck_assert_msg(
        blobs->ops->put(blobs, "model", name, fileno(file), size, &problem),
        "%s", problem.detail);
    fclose(file);
}

static void expect(const char *name, const unsigned char *bytes, size_t size)
{
    FILE *file = tmpfile();
    size_t got;
    unsigned char *back = malloc(size + 1);
    fputs("what was there before", file);
    fflush(file);
    ck_assert_msg(
        blobs->ops->get(blobs, "model", name, fileno(file), &got, &problem),
        "%s", problem.detail);
    ck_assert_uint_eq(got, size);
    ck_assert_int_eq(lseek(fileno(file), 0, SEEK_END), (off_t)size);
    ck_assert_int_eq(pread(fileno(file), back, size, 0), (ssize_t)size);
    ck_assert_mem_eq(back, bytes, size);
    free(back);
    fclose(file);
}

/* Around the size of a part, and a longer one that a shorter one replaces. */
START_TEST(bytes_come_back)
{
    static const size_t sizes[] = {0, 1, 1 << 20, (1 << 20) + 1, 5 << 20, 7};
    static unsigned char bytes[5 << 20];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fill(bytes, sizes[i], (unsigned)i);
        put("name", bytes, sizes[i]);
        expect("name", bytes, sizes[i]);
    }
    ck_assert(blobs->ops->remove(blobs, "model", "name", &problem));
    ck_assert(blobs->ops->remove(blobs, "model", "name", &problem));
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
    FILE *file = tmpfile();
    size_t size;
    ck_assert(!blobs->ops->get(blobs, "model", "none", fileno(file), &size,
                               &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    put("none", (const unsigned char *)"x", 1);
    ck_assert(!blobs->ops->get(blobs, "dataset", "none", fileno(file), &size,
                               &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    fclose(file);
}
END_TEST

/* A file that is shorter than was said is not kept in part. */
START_TEST(half_a_file_is_none)
{
    FILE *file = tmpfile();
    put("name", (const unsigned char *)"before", 6);
    fputs("half", file);
    fflush(file);
    ck_assert(
        !blobs->ops->put(blobs, "model", "name", fileno(file), 8, &problem));
    expect("name", (const unsigned char *)"before", 6);
    fclose(file);
}
END_TEST

START_TEST(a_gone_database_is_told)
{
    FILE *file = tmpfile();
    size_t size;
    put("name", (const unsigned char *)"x", 1);
    postgres_kill(&server);
    ck_assert(!blobs->ops->get(blobs, "model", "name", fileno(file), &size,
                               &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    postgres_again(&server);
    sleep(2);
    expect("name", (const unsigned char *)"x", 1);
    fclose(file);
}
END_TEST

static void put_on(struct lipd_shelf *shelf, const char *id, const char *text)
{
    size_t size = strlen(text);
    bool fresh;
    const struct lipd_part part[] = {{text, size}, {NULL, 0}};
    const struct lipd_content content = {lipd_write_parts, part};
    ck_assert(lipd_shelf_book(shelf, &shelf->used, size));
    ck_assert(lipd_shelf_put(shelf, id, size, &content, &fresh));
    ck_assert_msg(lipd_shelf_share(shelf, id, &problem), "%s", problem.detail);
}

/* Copies make room for one another; what was put is never lost by that. */
START_TEST(shelves_show_the_same_files)
{
    static char one[FOLDER_NAME], other[FOLDER_NAME];
    struct lipd_shelf here, there;
    char complaint[512], id[3][LIP_DIGEST_TEXT];
    folder_make(one);
    folder_make(other);
    ck_assert(lipd_shelf_open(&here, one, "x", 100, complaint, 512));
    ck_assert(lipd_shelf_open(&there, other, "x", 12, complaint, 512));
    here.blobs = there.blobs = blobs;
    here.kind = there.kind = "model";
    for (int i = 0; i < 3; i++) {
        snprintf(id[i], LIP_DIGEST_TEXT, "%s", ID);
        id[i][LIP_DIGEST_TEXT - 2] = (char)('0' + i);
        put_on(&here, id[i], "eight by");
        usleep(20000);
        ck_assert_msg(lipd_shelf_fetch(&there, id[i], &problem), "%s",
                      problem.detail);
        ck_assert_uint_eq(lipd_shelf_size(&there, id[i]), 8);
        ck_assert_uint_eq(lipd_shelf_used(&there), 8);
    }
    ck_assert_uint_eq(lipd_shelf_size(&there, id[0]), 0);
    ck_assert(lipd_shelf_fetch(&there, id[0], &problem));
    ck_assert(blobs->ops->remove(blobs, "model", id[1] + 7, &problem));
    ck_assert(!lipd_shelf_fetch(&there, id[1], &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert_uint_eq(lipd_shelf_size(&there, id[1]), 0);
    lipd_shelf_close(&here);
    lipd_shelf_close(&there);
    folder_remove(one);
    folder_remove(other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("postgres_blobs");
    TCase *tests = tcase_create("postgres_blobs");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, bytes_come_back);
    tcase_add_test(tests, what_is_not_there_is_not_found);
    tcase_add_test(tests, half_a_file_is_none);
    tcase_add_test(tests, a_gone_database_is_told);
    tcase_add_test(tests, shelves_show_the_same_files);
    suite_add_tcase(suite, tests);
    return postgres_suite(&server, suite);
}
