/* SPDX-License-Identifier: MIT
 *
 * idx pairs: plain and gzip, right and damaged. */
#include "training/idx.h"

#include "tests/support/suite.h"

#include <string.h>
#include <zlib.h>

/* Three images of 2 x 2, labels 1, 0, 4. */
static const unsigned char images[] = {0,  0,  8,  3,  0,  0,   0,  3,  0,  0,
                                       0,  2,  0,  0,  0,  2,   10, 20, 30, 40,
                                       50, 60, 70, 80, 90, 100, 0,  255};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 1, 0, 4};

static struct lip_bytes all(const unsigned char *data, size_t size)
{
    return (struct lip_bytes){data, size};
}

static size_t gzip(unsigned char *out, size_t room, const unsigned char *data,
                   size_t size)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)data,
                       .avail_in = (uInt)size,
                       .next_out = out,
                       .avail_out = (uInt)room};
    deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, 0);
    ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t used = stream.total_out;
    deflateEnd(&stream);
    return used;
}

static void check(const struct lip_data *data)
{
    ck_assert_uint_eq(data->rows, 3);
    ck_assert_uint_eq(data->features, 4);
    ck_assert_uint_eq(data->classes, 5);
    ck_assert_float_eq(data->x[0], 10.0F / 255);
    ck_assert_float_eq(data->x[11], 1);
    ck_assert_uint_eq(data->label[2], 4);
}

START_TEST(reads_plain_and_gzip)
{
    unsigned char zipped[200];
    struct lip_data *data;
    ck_assert_int_eq(lip_idx_read(&data, all(images, sizeof images),
                                  all(labels, sizeof labels), 0, NULL),
                     LIP_OK);
    check(data);
    lip_data_free(data);
    size_t size = gzip(zipped, sizeof zipped, images, sizeof images);
    ck_assert_int_eq(lip_idx_read(&data, all(zipped, size),
                                  all(labels, sizeof labels), sizeof images,
                                  NULL),
                     LIP_OK);
    check(data);
    lip_data_free(data);
}
END_TEST

/* Every proper beginning and every flipped bit of the header: refused or read,
 * with a sentence and without a leak. */
START_TEST(damage)
{
    unsigned char copy[200], zipped[200];
    struct lip_data *data;
    size_t size = gzip(zipped, sizeof zipped, images, sizeof images);
    for (size_t cut = 0; cut < sizeof images; cut++) {
        struct lip_ctx ctx = {0};
        ck_assert_int_ne(lip_idx_read(&data, all(images, cut),
                                      all(labels, sizeof labels), 0, &ctx),
                         LIP_OK);
        ck_assert_uint_gt(strlen(ctx.error.detail), 10);
    }
    for (size_t cut = 0; cut < size; cut++)
        ck_assert_int_ne(lip_idx_read(&data, all(zipped, cut),
                                      all(labels, sizeof labels), 0, NULL),
                         LIP_OK);
    for (size_t bit = 0; bit < 8 * 16; bit++) {
        memcpy(copy, images, sizeof images);
        copy[bit / 8] ^= (unsigned char)(1 << bit % 8);
        ck_assert_int_ne(lip_idx_read(&data, all(copy, sizeof images),
                                      all(labels, sizeof labels), 0, NULL),
                         LIP_OK);
    }
}
END_TEST

/* A bomb stops at the limit. */
START_TEST(inflates_to_the_limit_only)
{
    static unsigned char zero[1 << 20], zipped[4096];
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_data *data;
    lip_budget_init(&budget, 0);
    size_t size = gzip(zipped, sizeof zipped, zero, sizeof zero);
    ck_assert_int_eq(lip_idx_read(&data, all(zipped, size),
                                  all(labels, sizeof labels), 100000, &ctx),
                     LIP_TOO_LARGE);
    ck_assert_uint_lt(budget.peak, 200000);
    ck_assert_uint_eq(budget.used, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/idx");
    TCase *tc = tcase_create("idx");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, reads_plain_and_gzip);
    tcase_add_test(tc, damage);
    tcase_add_test(tc, inflates_to_the_limit_only);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
