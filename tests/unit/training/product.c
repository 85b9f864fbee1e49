/* SPDX-License-Identifier: MIT
 *
 * Products against sums in double, for all shapes of blocks; cutting a product
 * changes no bit. */
#include "training/product.h"

#include "tests/support/suite.h"
#include "tests/support/training.h"
#include "training/random.h"

#include <math.h>
#include <string.h>

enum { MOST = 330 };

static float *make(size_t count, uint64_t seed)
{
    float *x = lip_alloc(NULL, count, sizeof *x);
    train_fill(x, count, 1, seed);
    return x;
}

/* Sizes that leave every rest of 8 rows, 16, 32, 48 columns, 256 terms. */
static size_t size_of(uint64_t i, uint64_t which)
{
    static const size_t some[] = {1,  2,  3,   7,   8,   10,  15,  16,  17, 31,
                                  33, 47, 48,  49,  64,  65,  79,  80,  81, 95,
                                  96, 97, 128, 255, 256, 257, 300, MOST};
    uint64_t draw = lip_draw(3, which, i);
    return some[draw % (sizeof some / sizeof *some)];
}

struct shape {
    size_t rows, in, out;
    float *x, *w, *dy;
};

static struct shape draw_shape(uint64_t i)
{
    struct shape s = {size_of(i, 1), size_of(i, 2), size_of(i, 3),
                      NULL,          NULL,          NULL};
    s.x = make(s.rows * s.in, 3 * i);
    s.w = make(s.out * s.in, 3 * i + 1);
    s.dy = make(s.rows * s.out, 3 * i + 2);
    return s;
}

static void clear(struct shape *s)
{
    lip_free(s->x);
    lip_free(s->w);
    lip_free(s->dy);
}

/* sum a[k * along_a] b[k * along_b] and the sum of the sizes of its terms. */
static void check_sum(float value, const float *a, size_t along_a,
                      const float *b, size_t along_b, size_t terms)
{
    double sum = 0, size = 0;
    for (size_t k = 0; k < terms; k++) {
        double term = (double)a[k * along_a] * (double)b[k * along_b];
        sum += term;
        size += fabs(term);
    }
    ck_assert_double_le(fabs((double)value - sum),
                        (double)(terms + 1) * 0x1p-24 * size);
}

enum { SHAPES = 60 };

START_TEST(forward)
{
    for (uint64_t i = 0; i < SHAPES; i++) {
        struct shape s = draw_shape(i);
        float *y = make(s.rows * s.out + 1, 1), guard = y[s.rows * s.out];
        lip_product_forward(y, s.x, s.w, s.rows, s.in, s.out, s.out);
        for (size_t r = 0; r < s.rows; r++)
            for (size_t o = 0; o < s.out; o++)
                check_sum(y[r * s.out + o], s.x + r * s.in, 1, s.w + o * s.in,
                          1, s.in);
        ck_assert_float_eq(y[s.rows * s.out], guard);
        lip_free(y);
        clear(&s);
    }
}
END_TEST

START_TEST(backward)
{
    for (uint64_t i = 0; i < SHAPES; i++) {
        struct shape s = draw_shape(i);
        float *dx = make(s.rows * s.in + 1, 1), guard = dx[s.rows * s.in];
        lip_product_backward(dx, s.dy, s.w, s.rows, s.in, s.out);
        for (size_t r = 0; r < s.rows; r++)
            for (size_t j = 0; j < s.in; j++)
                check_sum(dx[r * s.in + j], s.dy + r * s.out, 1, s.w + j, s.in,
                          s.out);
        ck_assert_float_eq(dx[s.rows * s.in], guard);
        lip_free(dx);
        clear(&s);
    }
}
END_TEST

/* Some of the outputs only; what is announced changes nothing. */
START_TEST(gradient)
{
    for (uint64_t i = 0; i < SHAPES; i++) {
        struct shape s = draw_shape(i);
        size_t first = s.out / 3, count = s.out - first - (s.out > 2);
        float *g = make(count * s.in + 1, 1), guard = g[count * s.in];
        for (uint64_t k = 0; k < i % 6; k++)
            lip_product_soon(s.w, s.in);
        lip_product_gradient(g, s.dy, s.x, first, count, s.rows, s.in, s.out);
        for (size_t o = 0; o < count; o++)
            for (size_t j = 0; j < s.in; j++)
                check_sum(g[o * s.in + j], s.dy + first + o, s.out, s.x + j,
                          s.in, s.rows);
        ck_assert_float_eq(g[count * s.in], guard);
        lip_free(g);
        clear(&s);
    }
}
END_TEST

START_TEST(cutting_changes_no_bit)
{
    if (!lip_product_is_own())
        return;
    for (uint64_t i = 0; i < SHAPES; i++) {
        struct shape s = draw_shape(i);
        size_t most = (s.rows > s.in ? s.rows : s.in) * MOST;
        float *whole = make(most, 1), *parts = make(most, 2);
        lip_product_forward(whole, s.x, s.w, s.rows, s.in, s.out, s.out);
        for (size_t r = 0, n; r < s.rows; r += n) {
            n = 1 + (r + i) % 13 < s.rows - r ? 1 + (r + i) % 13 : s.rows - r;
            lip_product_forward(parts + r * s.out, s.x + r * s.in, s.w, n, s.in,
                                s.out, s.out);
        }
        ck_assert_mem_eq(whole, parts, s.rows * s.out * sizeof *whole);
        memset(parts, 0, s.rows * s.out * sizeof *parts);
        for (size_t o = 0, n; o < s.out; o += n) {
            n = 1 + (o + i) % 50 < s.out - o ? 1 + (o + i) % 50 : s.out - o;
            lip_product_forward(parts + o, s.x, s.w + o * s.in, s.rows, s.in, n,
                                s.out);
        }
        ck_assert_mem_eq(whole, parts, s.rows * s.out * sizeof *whole);
        lip_product_gradient(whole, s.dy, s.x, 0, s.out, s.rows, s.in, s.out);
        for (size_t o = 0, n; o < s.out; o += n) {
            n = 1 + (o + i) % 13 < s.out - o ? 1 + (o + i) % 13 : s.out - o;
            lip_product_gradient(parts + o * s.in, s.dy, s.x, o, n, s.rows,
                                 s.in, s.out);
        }
        ck_assert_mem_eq(whole, parts, s.out * s.in * sizeof *whole);
        lip_free(whole);
        lip_free(parts);
        clear(&s);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("training/product");
    TCase *tcase = tcase_create("product");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, forward);
    tcase_add_test(tcase, backward);
    tcase_add_test(tcase, gradient);
    tcase_add_test(tcase, cutting_changes_no_bit);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
