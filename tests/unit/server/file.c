/* SPDX-License-Identifier: MIT
 *
 * All bytes or a failure with its reason; a file has its old content or its
 * new one, and a failure leaves nothing beside it. */
#include "server/file.h"

#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { MANY = 1 << 20 };

static char directory[FOLDER_NAME], complaint[512];
static unsigned char many[MANY], back[MANY];
static int folder;

static void setup(void)
{
    folder_make(directory);
    folder = lipd_open_folder(directory, "x", complaint, sizeof complaint);
    ck_assert_msg(folder >= 0, "%s", complaint);
    for (size_t i = 0; i < MANY; i++)
        many[i] = (unsigned char)(i * 2654435761u >> 24);
}

static void teardown(void)
{
    close(folder);
    folder_remove(directory);
}

static bool put(const char *name, const char *text, bool sync)
{
    const struct lipd_part part[] = {
        {text, strlen(text)}, {"", 0}, {"!", 1}, {NULL, 0}};
    const struct lipd_content content = {lipd_write_parts, part};
    return lipd_put_file(folder, name, ".new", &content, sync);
}

static void expect(const char *path, const char *text)
{
    char *found = folder_read(directory, path);
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found, text);
    free(found);
}

static size_t entries(void)
{
    size_t count = 0;
    DIR *list = lipd_entries(folder);
    ck_assert_ptr_nonnull(list);
    while (readdir(list))
        count++;
    closedir(list);
    return count - 2;
}

static void *write_many(void *fd)
{
    bool written = lipd_write_all(*(int *)fd, many, MANY);
    close(*(int *)fd);
    return written ? fd : NULL;
}

/* A pipe takes and gives less than it is asked for. */
START_TEST(what_a_call_leaves_over_follows)
{
    int ends[2];
    pthread_t thread;
    void *written;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, write_many, &ends[1]), 0);
    ck_assert(lipd_read_all(ends[0], back, MANY));
    pthread_join(thread, &written);
    ck_assert_ptr_nonnull(written);
    ck_assert_mem_eq(back, many, MANY);
    errno = EIO;
    ck_assert(!lipd_read_all(ends[0], back, 1));
    ck_assert_int_eq(errno, 0);
    close(ends[0]);
    ck_assert(!lipd_write_all(-1, many, 1));
    ck_assert_int_eq(errno, EBADF);
}
END_TEST

static void hear(int number)
{
    (void)number;
}

static void *write_late(void *fd)
{
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    return write(*(int *)fd, "!", 1) == 1 ? fd : NULL;
}

/* The signals come to this thread, while it waits for the other. */
START_TEST(a_signal_is_no_failure)
{
    const struct itimerval often = {{0, 10000}, {0, 10000}};
    struct sigaction action = {.sa_handler = hear};
    sigset_t set;
    int ends[2];
    pthread_t thread;
    ck_assert_int_eq(pipe(ends), 0);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, write_late, &ends[1]), 0);
    sigaction(SIGALRM, &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    bool read = lipd_read_all(ends[0], back, 1);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
    pthread_join(thread, NULL);
    ck_assert(read && back[0] == '!');
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(the_parts_follow_each_other_in_place_of_the_old_file)
{
    folder_write(directory, "x/a.new", "what somebody was killed over", 29);
    ck_assert(put("a", "a longer text", _i));
    expect("x/a", "a longer text!");
    ck_assert(put("a", "short", _i));
    expect("x/a", "short!");
    ck_assert_uint_eq(entries(), 1);
}
END_TEST

START_TEST(a_failure_keeps_the_old_file)
{
    static char text[2000];
    struct rlimit limit = {1000, 1000};
    memset(text, 'a', sizeof text - 1);
    ck_assert(put("a", "old", true));
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!put("a", text, true));
    ck_assert_int_eq(errno, EFBIG);
    ck_assert(lipd_disk_full(errno));
    expect("x/a", "old!");
    ck_assert_uint_eq(entries(), 1);
    ck_assert_int_eq(mkdirat(folder, "b", 0700), 0);
    ck_assert(!put("b", "over a folder", false));
    ck_assert_int_eq(errno, EISDIR);
    ck_assert(!lipd_disk_full(errno));
    ck_assert_uint_eq(entries(), 2);
}
END_TEST

START_TEST(a_name_that_is_cut_would_be_another)
{
    char name[300];
    memset(name, 'n', sizeof name);
    name[252] = '\0'; /* with ".new" one byte too many */
    ck_assert(!put(name, "x", false));
    ck_assert_int_eq(errno, ENAMETOOLONG);
    name[251] = '\0';
    ck_assert(put(name, "x", false));
    ck_assert_uint_eq(entries(), 1);
}
END_TEST

START_TEST(a_file_is_read_whole_or_refused)
{
    unsigned char *bytes;
    size_t size;
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    ck_assert(put("a", "text", false));
    int fd = openat(folder, "a", O_RDONLY);
    ck_assert_int_eq(lipd_read_file(&bytes, &size, fd, 4, NULL), LIP_MALFORMED);
    ck_assert_ptr_null(bytes);
    lip_budget_init(&budget, 3);
    ck_assert_int_eq(lipd_read_file(&bytes, &size, fd, 5, &ctx), LIP_NO_MEMORY);
    ck_assert_int_ne(ctx.error.status, LIP_OK);
    ck_assert_int_eq(lipd_read_file(&bytes, &size, fd, 5, NULL), LIP_OK);
    ck_assert_uint_eq(size, 5);
    ck_assert_str_eq((char *)bytes, "text!");
    lip_free(bytes);
    close(fd);
    fd = open("/dev/zero", O_RDONLY);
    ck_assert_int_eq(lipd_read_file(&bytes, &size, fd, 5, NULL), LIP_MALFORMED);
    close(fd);
}
END_TEST

START_TEST(the_way_out_keeps_errno)
{
    errno = ENOSPC;
    lipd_close(-1);
    lipd_unlink(folder, "none");
    ck_assert_int_eq(errno, ENOSPC);
}
END_TEST

START_TEST(a_folder_that_cannot_be_used_is_told)
{
    char path[FOLDER_NAME + 16];
    ck_assert_int_eq(
        lipd_open_folder("/proc/1/none", "x", complaint, sizeof complaint), -1);
    ck_assert_ptr_nonnull(strstr(complaint, "Cannot make /proc/1/none: "));
    folder_write(directory, "file", "", 0);
    snprintf(path, sizeof path, "%s/file", directory);
    ck_assert_int_eq(lipd_open_directory(path, complaint, sizeof complaint),
                     -1);
    ck_assert_ptr_nonnull(strstr(complaint, "Cannot open "));
    ck_assert_ptr_nonnull(strstr(complaint, path));
    ck_assert_int_eq(
        lipd_open_folder(directory, "file", complaint, sizeof complaint), -1);
    ck_assert_ptr_nonnull(strstr(complaint, "the folder file in "));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/file");
    TCase *tcase = tcase_create("file");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_a_call_leaves_over_follows);
    tcase_add_test(tcase, a_signal_is_no_failure);
    tcase_add_loop_test(
        tcase, the_parts_follow_each_other_in_place_of_the_old_file, 0, 2);
    tcase_add_test(tcase, a_failure_keeps_the_old_file);
    tcase_add_test(tcase, a_name_that_is_cut_would_be_another);
    tcase_add_test(tcase, a_file_is_read_whole_or_refused);
    tcase_add_test(tcase, the_way_out_keeps_errno);
    tcase_add_test(tcase, a_folder_that_cannot_be_used_is_told);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
