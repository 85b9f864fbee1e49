/* SPDX-License-Identifier: MIT
 *
 * Tensors: storage orders agree, parts agree with the whole, the finite check
 * names the place, buffers are freed by the last holder and only then. */
#include "network/tensor.h"

#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void start(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static void nothing_is_left(void)
{
    size_t used = atomic_load(&budget.used);
    ck_assert_uint_eq(used, 0);
}

START_TEST(last_holder_frees)
{
    struct lip_buffer *a = lip_buffer_take(lip_alloc(&ctx, 10, 1), 10, &ctx);
    ck_assert_uint_eq(lip_buffer_size(a), 10);
    struct lip_buffer *b = lip_buffer_hold(a);
    lip_buffer_put(a);
    ck_assert(atomic_load(&budget.used) > 0);
    lip_buffer_put(b);
    lip_buffer_put(NULL);
    nothing_is_left();
}
END_TEST

/* A view of a view keeps the bytes alive, and lets them go. */
START_TEST(views_hold_the_whole)
{
    char *block = lip_strdup(&ctx, "0123456789");
    struct lip_buffer *whole = lip_buffer_take(block, 11, &ctx);
    struct lip_buffer *part = lip_buffer_view(whole, 2, 6, &ctx);
    lip_buffer_put(whole);
    struct lip_buffer *end = lip_buffer_view(part, 3, 2, &ctx);
    lip_buffer_put(part);
    ck_assert_uint_eq(lip_buffer_size(end), 2);
    ck_assert_int_eq(lip_buffer_bytes(end)[0], '5');
    lip_buffer_put(end);
    nothing_is_left();
}
END_TEST

static void count_call(void *arg)
{
    ++*(int *)arg;
}

/* What is lent goes back once, when nobody holds it or a part of it. */
START_TEST(what_is_lent_goes_back)
{
    static const char bytes[] = "0123456789";
    int released = 0;
    struct lip_buffer *whole =
        lip_buffer_lend(bytes, 10, count_call, &released, &ctx);
    ck_assert_ptr_eq(lip_buffer_bytes(whole), bytes);
    struct lip_buffer *part = lip_buffer_view(whole, 2, 6, &ctx);
    lip_buffer_put(whole);
    ck_assert_int_eq(released, 0);
    ck_assert_int_eq(lip_buffer_bytes(part)[0], '2');
    lip_buffer_put(part);
    ck_assert_int_eq(released, 1);
    lip_buffer_put(lip_buffer_lend(bytes, 10, NULL, NULL, &ctx));
    nothing_is_left();
}
END_TEST

START_TEST(take_frees_the_block_on_failure)
{
    void *block = lip_alloc(&ctx, 10, 1);
    atomic_store(&budget.fail_after, 0);
    ck_assert_ptr_null(lip_buffer_take(block, 10, &ctx));
    ck_assert_int_eq(ctx.error.status, LIP_NO_MEMORY);
    nothing_is_left();
}
END_TEST

static void *hold_and_put(void *arg)
{
    for (int i = 0; i < 20000; i++)
        lip_buffer_put(lip_buffer_hold(arg));
    lip_buffer_put(arg);
    return NULL;
}

START_TEST(threads_share_a_buffer)
{
    struct lip_buffer *b = lip_buffer_take(lip_alloc(&ctx, 10, 1), 10, &ctx);
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, hold_and_put, lip_buffer_hold(b));
    lip_buffer_put(b);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    nothing_is_left();
}
END_TEST

START_TEST(dtypes_have_names_and_sizes)
{
    static const char *const name[] = {"float64", "float32", "float16",
                                       "bfloat16"};
    static const size_t size[] = {8, 4, 2, 2};
    for (int d = LIP_F64; d <= LIP_BF16; d++) {
        ck_assert_str_eq(lip_dtype_name((enum lip_dtype)d), name[d]);
        ck_assert_uint_eq(lip_dtype_size((enum lip_dtype)d), size[d]);
    }
}
END_TEST

enum { MOST = 70 * 70 };

/* Whole, by parts that end anywhere, by strips of rows: all the same, in both
 * orders and every type. */
static void check_orders(enum lip_dtype dtype, size_t rows, size_t cols)
{
    static double value[MOST], out[MOST];
    size_t count = rows * cols;
    for (size_t i = 0; i < count; i++)
        value[i] = (double)(i % 251) - 125;
    for (int column_major = 0; column_major < 2; column_major++) {
        struct lip_tensor t =
            make_tensor(dtype, column_major, rows, cols, value, &ctx);
        ck_assert_uint_eq(lip_tensor_count(&t), count);
        lip_tensor_widen(out, &t);
        ck_assert_mem_eq(out, value, count * sizeof *out);
        size_t lengths[] = {7, cols, 3 * cols, lip_tensor_strip(&t)};
        for (size_t k = 0; k < 4; k++) {
            memset(out, 0, sizeof out);
            for (size_t i = 0; i < count; i += lengths[k])
                lip_tensor_widen_part(out + i, &t, i,
                                      count - i < lengths[k] ? count - i
                                                             : lengths[k]);
            ck_assert_mem_eq(out, value, count * sizeof *out);
        }
        lip_tensor_clear(&t);
        ck_assert_ptr_null(t.data);
    }
}

START_TEST(orders_and_parts_agree)
{
    static const size_t shape[][2] = {{1, 1},   {1, 70},  {70, 1},  {2, 3},
                                      {16, 16}, {17, 33}, {70, 70}, {5, 64}};
    for (int d = LIP_F64; d <= LIP_BF16; d++)
        for (size_t k = 0; k < sizeof shape / sizeof *shape; k++)
            check_orders((enum lip_dtype)d, shape[k][0], shape[k][1]);
    nothing_is_left();
}
END_TEST

/* 2 x 3 x 4, first index fastest: element (i, j, k) = 100 i + 10 j + k is
 * stored at i + 2 j + 6 k. */
START_TEST(column_major_of_rank_three)
{
    double stored[24], out[24];
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 3; j++)
            for (size_t k = 0; k < 4; k++)
                stored[i + 2 * j + 6 * k] = (double)(100 * i + 10 * j + k);
    struct lip_tensor t = make_tensor(LIP_F64, false, 24, 0, stored, &ctx);
    t.rank = 3;
    t.dim[0] = 2, t.dim[1] = 3, t.dim[2] = 4;
    t.column_major = true;
    lip_tensor_widen(out, &t);
    for (size_t n = 0; n < 24; n++)
        ck_assert_double_eq(
            out[n], (double)(100 * (n / 12) + 10 * (n / 4 % 3) + n % 4));
    lip_tensor_clear(&t);
    nothing_is_left();
}
END_TEST

START_TEST(elements_are_in_storage_order)
{
    static const double value[] = {1, 2, 3, 4, 5, 6};
    struct lip_tensor t = make_tensor(LIP_F32, true, 2, 3, value, &ctx);
    ck_assert_double_eq(lip_tensor_at(&t, 1), 4);
    double two[2];
    lip_tensor_widen_stored(two, &t, 3, 2);
    ck_assert_double_eq(two[0], 5);
    ck_assert_double_eq(two[1], 3);
    lip_tensor_clear(&t);
}
END_TEST

START_TEST(scalar_has_one_element)
{
    struct lip_tensor t = {0};
    ck_assert_uint_eq(lip_tensor_count(&t), 1);
}
END_TEST

/* Row and column, not a storage index, in both orders. */
START_TEST(finite_check_names_row_and_column)
{
    double value[12] = {0};
    value[1 * 4 + 2] = INFINITY;
    value[2 * 4 + 3] = NAN;
    for (int column_major = 0; column_major < 2; column_major++) {
        struct lip_tensor t =
            make_tensor(LIP_F64, column_major, 3, 4, value, &ctx);
        lip_error_clear(&ctx);
        ck_assert_int_eq(
            lip_tensor_check_finite(&t, LIP_AT_TENSOR, "fc1.weight", &ctx),
            LIP_INVALID);
        ck_assert_str_eq(ctx.error.where, "fc1.weight");
        ck_assert_ptr_nonnull(
            strstr(ctx.error.detail, "fc1.weight/1/2 is infinite"));
        lip_error_clear(&ctx);
        lip_tensor_check_finite(&t, LIP_AT_POINTER, "/layers/0/weight", &ctx);
        ck_assert_str_eq(ctx.error.where, "/layers/0/weight/1/2");
        lip_tensor_clear(&t);
    }
    nothing_is_left();
}
END_TEST

START_TEST(finite_check_tells_nan_and_passes_the_rest)
{
    double value[2] = {1, NAN};
    struct lip_tensor t = make_tensor(LIP_BF16, false, 2, 0, value, &ctx);
    ck_assert_int_eq(lip_tensor_check_finite(&t, LIP_NOWHERE, "b", &ctx),
                     LIP_INVALID);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "b/1 is NaN"));
    t.dim[0] = 1;
    ck_assert_int_eq(lip_tensor_check_finite(&t, LIP_NOWHERE, "b", NULL),
                     LIP_OK);
    lip_tensor_clear(&t);
    ck_assert_int_eq(lip_tensor_check_finite(&t, LIP_NOWHERE, "b", NULL),
                     LIP_OK);
}
END_TEST

/* A name longer than any buffer is cut, not overrun. */
START_TEST(finite_check_survives_long_names)
{
    char name[5000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    double value = NAN;
    struct lip_tensor t = make_tensor(LIP_F64, false, 1, 1, &value, &ctx);
    ck_assert_int_eq(lip_tensor_check_finite(&t, LIP_AT_POINTER, name, &ctx),
                     LIP_INVALID);
    lip_tensor_clear(&t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/tensor");
    TCase *tc = tcase_create("tensor");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, last_holder_frees);
    tcase_add_test(tc, views_hold_the_whole);
    tcase_add_test(tc, what_is_lent_goes_back);
    tcase_add_test(tc, take_frees_the_block_on_failure);
    tcase_add_test(tc, threads_share_a_buffer);
    tcase_add_test(tc, dtypes_have_names_and_sizes);
    tcase_add_test(tc, orders_and_parts_agree);
    tcase_add_test(tc, column_major_of_rank_three);
    tcase_add_test(tc, elements_are_in_storage_order);
    tcase_add_test(tc, scalar_has_one_element);
    tcase_add_test(tc, finite_check_names_row_and_column);
    tcase_add_test(tc, finite_check_tells_nan_and_passes_the_rest);
    tcase_add_test(tc, finite_check_survives_long_names);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
