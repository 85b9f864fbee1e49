/* SPDX-License-Identifier: MIT
 *
 * Data sets: shapes, checks, splits that lose and double nothing. */
#include "training/data.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <math.h>
#include <string.h>

START_TEST(refuses_shapes)
{
    struct lip_data *data;
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(lip_data_new(&data, 0, 1, 2, 0, &ctx), LIP_INVALID);
    ck_assert_int_eq(lip_data_new(&data, 1, 0, 2, 0, &ctx), LIP_INVALID);
    ck_assert_int_eq(lip_data_new(&data, 1, 1, 0, 0, &ctx), LIP_INVALID);
    ck_assert_int_eq(lip_data_new(&data, 1, 1, 2, 1, &ctx), LIP_INVALID);
    lip_error_clear(&ctx);
    ck_assert_int_eq(lip_data_new(&data, 1, SIZE_MAX / 2, 2, 0, &ctx),
                     LIP_TOO_LARGE);
    lip_error_clear(&ctx);
    ck_assert_int_eq(lip_data_new(&data, 2, SIZE_MAX / 2 + 1, 2, 0, &ctx),
                     LIP_TOO_LARGE);
    ck_assert_ptr_null(data);
}
END_TEST

START_TEST(names_what_is_not_finite)
{
    struct lip_ctx ctx = {0};
    struct lip_data *data = train_data("circles", 6, 1);
    ck_assert_int_eq(lip_data_check(data, &ctx), LIP_OK);
    data->x[7] = NAN;
    ck_assert_int_eq(lip_data_check(data, &ctx), LIP_INVALID);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "row 3, column 1"));
    data->x[7] = 0;
    data->label[5] = 2;
    lip_error_clear(&ctx);
    ck_assert_int_eq(lip_data_check(data, &ctx), LIP_INVALID);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "row 5 is 2"));
    lip_data_free(data);
}
END_TEST

/* Every row lands on one side; each class gives its share. */
START_TEST(splits)
{
    struct lip_data *data = train_data("two-moons", 101, 1), *a, *b;
    for (size_t i = 0; i < data->rows; i++)
        data->x[2 * i] = (float)i;
    ck_assert_int_eq(lip_data_split(&a, &b, data, 0.2, 5, NULL), LIP_OK);
    ck_assert_uint_eq(a->rows, 81);
    ck_assert_uint_eq(b->rows, 20);
    int seen[101] = {0}, first = 0;
    for (size_t i = 0; i < 101; i++) {
        const struct lip_data *part = i < 81 ? a : b;
        size_t row = i < 81 ? i : i - 81, from = (size_t)part->x[2 * row];
        seen[from]++;
        ck_assert_uint_eq(part->label[row], data->label[from]);
        first += i >= 81 && part->label[row] == 0;
    }
    for (size_t i = 0; i < 101; i++)
        ck_assert_int_eq(seen[i], 1);
    ck_assert_int_eq(first, 10);
    lip_data_free(a);
    lip_data_free(b);
    ck_assert_int_eq(lip_data_split(&a, &b, data, 0, 5, NULL), LIP_OK);
    ck_assert_ptr_null(b);
    lip_data_free(a);
    ck_assert_int_eq(lip_data_split(&a, &b, data, 1, 5, NULL), LIP_INVALID);
    ck_assert_int_eq(lip_data_split(&a, &b, data, 0.001, 5, NULL), LIP_INVALID);
    ck_assert_int_eq(lip_data_split(&a, &b, data, (double)NAN, 5, NULL),
                     LIP_INVALID);
    lip_data_free(data);
}
END_TEST

/* One changed number or label changes the digest; -0 does not. */
START_TEST(digests)
{
    char one[LIP_DIGEST_TEXT], two[LIP_DIGEST_TEXT];
    struct lip_data *data = train_data("spirals", 700, 1);
    data->x[3] = 0;
    lip_data_digest(one, data);
    data->x[3] = -0.0F;
    lip_data_digest(two, data);
    ck_assert_str_eq(one, two);
    data->x[1399] += 1;
    lip_data_digest(two, data);
    ck_assert_str_ne(one, two);
    data->x[1399] -= 1;
    data->label[0] ^= 1;
    lip_data_digest(two, data);
    ck_assert_str_ne(one, two);
    lip_data_free(data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/data");
    TCase *tc = tcase_create("data");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, refuses_shapes);
    tcase_add_test(tc, names_what_is_not_finite);
    tcase_add_test(tc, splits);
    tcase_add_test(tc, digests);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
