/* SPDX-License-Identifier: MIT
 *
 * Stored data sets: what goes in comes out, whole or not at all, within the
 * quota, whoever puts, loads and deletes at the same time. */
#include "server/dataset_store.h"

#include "tests/support/datasets.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[FOLDER_NAME], complaint[512];
static struct lipd_dataset_store *store;
static struct lipd_dataset about;
static struct api_problem problem;

static void reopen(size_t quota)
{
    lipd_dataset_store_close(store);
    store = lipd_dataset_store_open(folder, quota, complaint, sizeof complaint);
    ck_assert_msg(store != NULL, "%s", complaint);
}

static void setup(void)
{
    folder_make(folder);
    reopen(1 << 24);
}

static void teardown(void)
{
    lipd_dataset_store_close(store);
    store = NULL;
    folder_remove(folder);
}

/* Files in the folder, and their bytes. */
static size_t files(size_t *bytes)
{
    char path[128];
    size_t count = 0;
    *bytes = 0;
    snprintf(path, sizeof path, "%s/datasets", folder);
    DIR *list = opendir(path);
    for (struct dirent *entry; (entry = readdir(list));) {
        struct stat status;
        if (entry->d_name[0] == '.' && entry->d_name[1] != 'n')
            continue;
        ck_assert_int_eq(fstatat(dirfd(list), entry->d_name, &status, 0), 0);
        *bytes += (size_t)status.st_size;
        count++;
    }
    closedir(list);
    return count;
}

static void expect_files(size_t count)
{
    size_t bytes;
    ck_assert_uint_eq(files(&bytes), count);
    ck_assert_uint_eq(lipd_dataset_store_used(store), bytes);
}

static void put(const struct lip_data *data)
{
    ck_assert_msg(lipd_dataset_put(store, data, &about, &problem), "%s",
                  problem.detail);
}

static void expect_loads(struct lipd_dataset_store *from, const char *id,
                         const struct lip_data *data)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct lip_data *loaded;
    ck_assert_msg(lipd_dataset_load(&loaded, from, id, &problem, &ctx), "%s",
                  problem.detail);
    datasets_equal(loaded, data);
    lip_data_free(loaded);
}

/* Shapes: 40001 numbers cross the strips that are written at a time. */
static const struct {
    size_t rows, features, classes, targets;
} shapes[] = {{1, 1, 1, 0},   {7, 3, 4, 0},      {40001, 1, 3, 0},
              {1, 1, 0, 1},   {5, 2, 0, 3},      {20000, 2, 0, 2},
              {3, 300, 2, 0}, {100, 1, 65536, 0}};

START_TEST(numbers_come_back_after_a_restart)
{
    struct lip_data *data =
        dataset_of((unsigned)_i, shapes[_i].rows, shapes[_i].features,
                   shapes[_i].classes, shapes[_i].targets);
    char id[LIP_DIGEST_TEXT];
    lip_data_digest(id, data);
    put(data);
    ck_assert(about.fresh);
    ck_assert_str_eq(about.id, id);
    expect_loads(store, id, data);
    reopen(1 << 24);
    expect_loads(store, id, data);
    struct lipd_dataset shown;
    ck_assert(lipd_dataset_show(store, id, &shown, &problem));
    ck_assert_uint_eq(shown.rows, data->rows);
    ck_assert_uint_eq(shown.features, data->features);
    ck_assert_uint_eq(shown.classes, data->classes);
    ck_assert_uint_eq(shown.targets, data->targets);
    ck_assert_uint_eq(shown.bytes, about.bytes);
    ck_assert_double_eq_tol(shown.created, about.created, 2e-6);
    expect_files(1);
    lip_data_free(data);
}
END_TEST

START_TEST(storing_twice_is_storing_once)
{
    struct lip_data *data = dataset_of(1, 10, 2, 3, 0);
    put(data);
    double created = about.created;
    put(data);
    ck_assert(!about.fresh);
    ck_assert_double_eq_tol(about.created, created, 2e-6);
    expect_files(1);
    ck_assert(lipd_dataset_delete(store, about.id));
    ck_assert(!lipd_dataset_delete(store, about.id));
    expect_files(0);
    lip_data_free(data);
}
END_TEST

/* The digest takes -0 for +0: what is stored must not depend on who came
 * first. */
START_TEST(no_negative_zero_is_stored)
{
    struct lip_data *data = dataset_of(1, 2, 2, 0, 1);
    struct lip_data *plain = dataset_of(1, 2, 2, 0, 1);
    data->x[3] = -0.0F;
    plain->x[3] = 0;
    data->y[1] = -0.0F;
    plain->y[1] = 0;
    put(data);
    expect_loads(store, about.id, plain);
    lip_data_free(data);
    lip_data_free(plain);
}
END_TEST

START_TEST(only_digests_are_names)
{
    static const char *const names[] = {
        "", "sha256:", "../x", "sha256:../../etc/passwd",
        "sha256:"
        "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"};
    struct lip_data *data;
    struct lip_ctx ctx = {.budget = NULL};
    ck_assert(!lipd_dataset_id_valid(names[_i]));
    ck_assert(!lipd_dataset_load(&data, store, names[_i], &problem, &ctx));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert(!lipd_dataset_delete(store, names[_i]));
}
END_TEST

START_TEST(the_quota_holds_and_is_told)
{
    struct lip_data *one = dataset_of(1, 100, 1, 2, 0);
    struct lip_data *two = dataset_of(2, 100, 1, 2, 0);
    struct lip_data *big = dataset_of(3, 1000, 1, 2, 0);
    reopen(1500); /* a set of 100 rows takes 928 bytes */
    put(one);
    ck_assert_uint_eq(about.bytes, 928);
    put(one);
    ck_assert(!lipd_dataset_put(store, two, &about, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_STORAGE_FULL);
    ck_assert_ptr_nonnull(strstr(problem.detail, "1500"));
    ck_assert(!lipd_dataset_put(store, big, &about, &problem));
    ck_assert_int_eq(api_problem_status(problem.code), 413);
    ck_assert_ptr_nonnull(strstr(problem.detail, "1500"));
    expect_files(1);
    lip_data_free(one);
    lip_data_free(two);
    lip_data_free(big);
}
END_TEST

/* A write that the system cuts short leaves no file, wherever it happens. */
START_TEST(a_full_disk_leaves_nothing)
{
    struct lip_data *big = dataset_of(1, 50000, 1, 2, 0);
    struct lip_data *small = dataset_of(2, 10, 1, 2, 0);
    struct rlimit limit = {(rlim_t)(100 + 40000 * _i),
                           (rlim_t)(100 + 40000 * _i)};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!lipd_dataset_put(store, big, &about, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_STORAGE_FULL);
    expect_files(0);
    if (_i)
        put(small);
    expect_files(_i > 0);
    lip_data_free(big);
    lip_data_free(small);
}
END_TEST

/* Every byte of the head but the time, and a number, damaged. */
START_TEST(damage_is_noticed_and_healed)
{
    enum { CREATED = 64 };
    struct lip_data *data = dataset_of(1, 5, 2, 3, 0), *loaded;
    struct lip_ctx ctx = {.budget = NULL};
    char path[256];
    unsigned char byte;
    put(data);
    snprintf(path, sizeof path, "%s/datasets/%s", folder, about.id + 7);
    int fd = open(path, O_RDWR);
    ck_assert_int_eq(pread(fd, &byte, 1, _i), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(fd, &byte, 1, _i), 1);
    close(fd);
    if (_i < CREATED || _i >= CREATED + 8) {
        ck_assert(!lipd_dataset_load(&loaded, store, about.id, &problem, &ctx));
        ck_assert_int_eq(problem.code, API_PROBLEM_INTERNAL);
        ck_assert_ptr_null(loaded);
    }
    if (_i < 128) {
        put(data); /* the head says it: stored anew */
        expect_loads(store, about.id, data);
    }
    lip_data_free(data);
}
END_TEST

START_TEST(cut_files_are_noticed)
{
    struct lip_data *data = dataset_of(1, 5, 2, 3, 0), *loaded;
    struct lip_ctx ctx = {.budget = NULL};
    char path[256];
    put(data);
    snprintf(path, sizeof path, "%s/datasets/%s", folder, about.id + 7);
    ck_assert_int_eq(truncate(path, _i < 5 ? _i * 37 : 189), 0);
    ck_assert(!lipd_dataset_load(&loaded, store, about.id, &problem, &ctx));
    ck_assert_int_eq(problem.code, API_PROBLEM_INTERNAL);
    lip_data_free(data);
}
END_TEST

START_TEST(lack_of_memory_leaves_nothing)
{
    struct lip_data *data = dataset_of(1, 50, 20, 3, 0), *loaded;
    struct lip_budget budget;
    put(data);
    for (long most = 0;; most++) {
        struct lip_ctx ctx = {.budget = &budget};
        lip_budget_init(&budget, 0);
        atomic_store(&budget.fail_after, most);
        if (lipd_dataset_load(&loaded, store, about.id, &problem, &ctx))
            break;
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
        ck_assert_int_lt(most, 10);
    }
    lip_data_free(loaded);
    struct lip_ctx ctx = {.budget = &budget};
    lip_budget_init(&budget, 3000);
    ck_assert(!lipd_dataset_load(&loaded, store, about.id, &problem, &ctx));
    ck_assert_int_eq(problem.code, API_PROBLEM_MODEL_TOO_LARGE);
    lip_data_free(data);
}
END_TEST

START_TEST(a_job_reads_and_makes_nothing)
{
    char none[FOLDER_NAME];
    struct lip_data *data = dataset_of(1, 5, 2, 3, 0);
    put(data);
    folder_write(folder, "datasets/.new-1-1", "x", 1);
    struct lipd_dataset_store *job =
        lipd_dataset_store_read_only(folder, complaint, sizeof complaint);
    ck_assert_ptr_nonnull(job);
    expect_loads(job, about.id, data);
    ck_assert(folder_has(folder, "datasets/.new-1-1"));
    ck_assert(lipd_dataset_delete(store, about.id));
    ck_assert(!lipd_dataset_show(job, about.id, &about, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    lipd_dataset_store_close(job);
    reopen(1 << 20);
    ck_assert(!folder_has(folder, "datasets/.new-1-1"));
    folder_make(none);
    ck_assert_ptr_null(
        lipd_dataset_store_read_only(none, complaint, sizeof complaint));
    ck_assert_ptr_nonnull(strstr(complaint, none));
    ck_assert(!folder_has(none, "datasets"));
    folder_remove(none);
    lip_data_free(data);
}
END_TEST

START_TEST(the_list_has_pages)
{
    enum { SETS = 23, PAGE = 5 };
    struct lipd_dataset page[PAGE];
    char last[LIP_DIGEST_TEXT] = "";
    size_t seen = 0, pages = 0;
    bool more = true;
    for (unsigned i = 0; i < SETS; i++) {
        struct lip_data *data = dataset_of(i, 3, 2, 2, 0);
        put(data);
        lip_data_free(data);
    }
    folder_write(folder, "datasets/README", "x", 1);
    while (more) {
        size_t count = lipd_dataset_list(store, last, page, PAGE, &more);
        for (size_t i = 0; i < count; i++) {
            ck_assert_int_gt(strcmp(page[i].id, last), 0);
            ck_assert_uint_eq(page[i].rows, 3);
            memcpy(last, page[i].id, sizeof last);
        }
        seen += count;
        ck_assert_uint_le(++pages, 5);
    }
    ck_assert_uint_eq(seen, SETS);
}
END_TEST

/* Threads put, load and delete the same few sets: a load gives the right
 * numbers or finds nothing, and in the end the bytes are counted right. */
static void *disturb(void *arg)
{
    unsigned state = *(unsigned *)arg;
    for (int i = 0; i < 150; i++) {
        state = state * 1664525 + 1013904223;
        struct lip_data *data = dataset_of(state >> 30, 200, 5, 3, 0), *loaded;
        struct lip_ctx ctx = {.budget = NULL};
        struct lipd_dataset mine;
        struct api_problem trouble;
        char id[LIP_DIGEST_TEXT];
        lip_data_digest(id, data);
        switch (state >> 27 & 3) {
        case 0:
            lipd_dataset_delete(store, id);
            break;
        case 1:
            /* Another thread may delete what this one found there. */
            if (!lipd_dataset_put(store, data, &mine, &trouble))
                ck_assert_int_eq(trouble.code, API_PROBLEM_NOT_FOUND);
            break;
        default:
            if (lipd_dataset_load(&loaded, store, id, &trouble, &ctx))
                datasets_equal(loaded, data);
            else
                ck_assert_int_eq(trouble.code, API_PROBLEM_NOT_FOUND);
            lip_data_free(loaded);
        }
        lip_data_free(data);
    }
    return NULL;
}

START_TEST(at_the_same_time)
{
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    unsigned seed[THREADS];
    size_t bytes;
    for (unsigned i = 0; i < THREADS; i++) {
        seed[i] = i * 977 + 1;
        ck_assert_int_eq(pthread_create(&thread[i], NULL, disturb, &seed[i]),
                         0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    expect_files(files(&bytes));
}
END_TEST

static pthread_barrier_t line;

static void *put_new(void *arg)
{
    struct lipd_dataset mine = {.fresh = false};
    struct api_problem trouble;
    pthread_barrier_wait(&line);
    ck_assert(lipd_dataset_put(store, arg, &mine, &trouble));
    return mine.fresh ? arg : NULL;
}

START_TEST(one_of_many_brings_a_new_set)
{
    enum { THREADS = 6 };
    pthread_t thread[THREADS];
    struct lip_data *data = dataset_of((unsigned)_i, 100000, 10, 3, 0);
    size_t fresh = 0;
    reopen(1 << 28); /* room for all of them while they are written */
    pthread_barrier_init(&line, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, put_new, data);
    for (size_t i = 0; i < THREADS; i++) {
        void *brought;
        pthread_join(thread[i], &brought);
        fresh += brought != NULL;
    }
    pthread_barrier_destroy(&line);
    ck_assert_uint_eq(fresh, 1);
    expect_files(1);
    lip_data_free(data);
}
END_TEST

/* A process that is killed while it stores: what is there afterwards is whole.
 */
START_TEST(killed_in_the_middle)
{
    for (int round = 0; round < 20; round++) {
        pid_t child = fork();
        if (child == 0)
            for (unsigned i = 0;; i++) {
                struct lip_data *data =
                    dataset_of((unsigned)round * 1000 + i, 20000, 3, 3, 0);
                lipd_dataset_put(store, data, &about, &problem);
                lip_data_free(data);
            }
        usleep((useconds_t)(1000 + round * 1700));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    reopen((size_t)1 << 40);
    struct lipd_dataset *all = calloc(100000, sizeof *all);
    bool more;
    size_t bytes, count = lipd_dataset_list(store, "", all, 100000, &more);
    ck_assert_uint_gt(count, 0);
    ck_assert_uint_eq(files(&bytes), count);
    ck_assert_uint_eq(lipd_dataset_store_used(store), bytes);
    for (size_t i = 0; i < count; i++) {
        struct lip_ctx ctx = {.budget = NULL};
        struct lip_data *data;
        ck_assert(lipd_dataset_load(&data, store, all[i].id, &problem, &ctx));
        lip_data_free(data);
    }
    free(all);
}
END_TEST

START_TEST(a_folder_that_cannot_be_used_is_told)
{
    ck_assert_ptr_null(lipd_dataset_store_open("/proc/1/nowhere", 1, complaint,
                                               sizeof complaint));
    ck_assert_ptr_nonnull(strstr(complaint, "/proc/1/nowhere"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/dataset_store");
    TCase *tcase = tcase_create("store");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, numbers_come_back_after_a_restart, 0,
                        sizeof shapes / sizeof *shapes);
    tcase_add_test(tcase, storing_twice_is_storing_once);
    tcase_add_test(tcase, no_negative_zero_is_stored);
    tcase_add_loop_test(tcase, only_digests_are_names, 0, 5);
    tcase_add_test(tcase, the_quota_holds_and_is_told);
    tcase_add_loop_test(tcase, a_full_disk_leaves_nothing, 0, 10);
    tcase_add_loop_test(tcase, damage_is_noticed_and_healed, 0, 130);
    tcase_add_loop_test(tcase, cut_files_are_noticed, 0, 6);
    tcase_add_test(tcase, lack_of_memory_leaves_nothing);
    tcase_add_test(tcase, a_job_reads_and_makes_nothing);
    tcase_add_test(tcase, the_list_has_pages);
    tcase_add_test(tcase, at_the_same_time);
    tcase_add_loop_test(tcase, one_of_many_brings_a_new_set, 0, 3);
    tcase_add_test(tcase, killed_in_the_middle);
    tcase_add_test(tcase, a_folder_that_cannot_be_used_is_told);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
