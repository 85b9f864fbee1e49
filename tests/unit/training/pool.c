/* SPDX-License-Identifier: MIT
 *
 * The threads of a run: as many as asked for, and no bit of the result depends
 * on how many. */
#include "training/pool.h"

#include "linalg/blas.h"
#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <stdatomic.h>
#include <string.h>

static void count(void *arg, size_t i)
{
    atomic_int *done = arg;
    atomic_fetch_add(&done[i], 1);
}

START_TEST(every_task_once)
{
    for (unsigned threads = 0; threads < 5; threads++) {
        atomic_int done[100] = {0};
        struct lip_pool pool;
        lip_pool_begin(&pool, threads, NULL);
        for (size_t n = 0; n <= 100; n += 20)
            lip_work(&pool.workers, count, done, n);
        lip_pool_end(&pool);
        for (size_t i = 0; i < 100; i++)
            ck_assert_int_eq(atomic_load(&done[i]), (int)(5 - i / 20));
    }
}
END_TEST

/* The weights after training with `threads` threads; 0: without a pool. */
static float *train(const struct lip_train_options *options, unsigned threads,
                    size_t *size)
{
    struct lip_model *model =
        train_model(2,
                    "dense:300 groupsort:2 householder dense:130 relu "
                    "dense:2",
                    3);
    struct lip_data *data = train_data("spirals", 500, 1);
    struct lip_data *other = train_data("spirals", 300, 2);
    struct lip_run *run;
    struct lip_pool pool;
    lip_pool_begin(&pool, threads, NULL);
    ck_assert_int_eq(lip_run_new(&run, options, model, data, other, NULL, NULL),
                     LIP_OK);
    if (threads > 0)
        lip_run_share(run, &pool.workers);
    ck_assert_int_eq(lip_run_go(run, NULL, NULL, NULL), LIP_OK);
    *size = model->parameters * sizeof(float);
    float *weights = lip_alloc(NULL, model->parameters, sizeof *weights);
    memcpy(weights, model->value, *size);
    lip_run_free(run);
    lip_pool_end(&pool);
    lip_model_free(model);
    lip_data_free(data);
    lip_data_free(other);
    return weights;
}

START_TEST(threads_change_no_bit)
{
    static const char *const constraint[] = {"rank-one-clip", "projection",
                                             "none", "aol"};
    for (size_t o = 0; lip_optimisers[o]; o++)
        for (size_t c = 0; c < 4; c++) {
            struct lip_train_options options =
                train_options("hinge", constraint[c]);
            options.optimiser = lip_optimisers[o];
            options.step = options.optimiser->fallback;
            options.rate = 0.01;
            options.batch = 200;
            options.clip = c == 1 ? 0.1 : 0;
            options.augment = (struct lip_augment){1, 2, 0, 0, 0.2};
            size_t size;
            float *first = train(&options, 0, &size);
            for (unsigned threads = 1; threads < 5; threads++) {
                float *other = train(&options, threads, &size);
                ck_assert_msg(memcmp(first, other, size) == 0, "%s, %s, %u",
                              lip_optimisers[o]->name, constraint[c], threads);
                lip_free(other);
            }
            lip_free(first);
        }
}
END_TEST

int main(void)
{
    lip_blas_single_threaded();
    Suite *suite = suite_create("training/pool");
    TCase *tcase = tcase_create("pool");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, every_task_once);
    tcase_add_test(tcase, threads_change_no_bit);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
