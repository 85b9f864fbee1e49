/* SPDX-License-Identifier: MIT
 *
 * Sorts and mirrors at a point: values, errors, derivatives there and back. */
#include "certify/mirrors.h"

#include "tests/support/graph.h"
#include "tests/support/shaped.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

enum { N = 6 };

static struct lip_layer draw(int which, uint64_t *seed)
{
    double angle[N / 2];
    for (int k = 0; k < N / 2; k++)
        angle[k] = 5 * shaped_uniform(seed);
    struct lip_layer layer =
        make_kind(which ? &lip_layer_group_sort : &lip_layer_householder);
    layer.group = which % 2 ? 3 : 0;
    if (!which)
        layer.weight = make_array((size_t[]){N / 2, 0}, angle, NULL);
    ck_assert_int_eq(layer.kind->infer(&layer, N, NULL), LIP_OK);
    return layer;
}

/* The layer's values, ties included; its derivative along the line to a point
 * near by, and u' (D v) = (D' u)' v; errors no less than what a change of x by
 * as much does. */
START_TEST(values_and_derivatives)
{
    uint64_t seed = 8;
    for (int t = 0; t < 600; t++) {
        struct lip_layer layer = draw(t % 3, &seed);
        struct lip_mirrors m;
        double x[N], y[N], z[N], v[N], u[N], near[N], error[N];
        double left = 0, right = 0, h = 1e-7;
        ck_assert_int_eq(lip_mirrors_new(&m, &layer, NULL), LIP_OK);
        ck_assert_uint_eq(m.count, lip_mirrors_count(&layer));
        for (int k = 0; k < N; k++) {
            x[k] = shaped_uniform(&seed);
            x[k] = t % 5 ? x[k] : nearbyint(2 * x[k]);
            v[k] = shaped_uniform(&seed);
            u[k] = shaped_uniform(&seed);
            near[k] = x[k] + h * v[k];
            error[k] = h * fabs(v[k]);
        }
        layer.kind->eval(y, &layer, x);
        layer.kind->eval(z, &layer, near);
        lip_mirrors_to(&m, x, error);
        memcpy(near, v, sizeof v);
        lip_mirrors_push(v, &m);
        for (int k = 0; k < N; k++) {
            ck_assert_double_le(fabs(x[k] - y[k]), t % 3 ? 0 : 1e-14);
            ck_assert_double_ge(error[k], fabs(z[k] - y[k]) - 1e-14);
            if (t % 5)
                ck_assert_double_eq_tol((z[k] - y[k]) / h, v[k], 1e-6);
            left += u[k] * v[k];
        }
        lip_mirrors_pull(u, &m);
        for (int k = 0; k < N; k++)
            right += u[k] * near[k];
        ck_assert_double_eq_tol(left, right, 1e-13);
        lip_mirrors_clear(&m);
        lip_layer_clear(&layer);
    }
    struct lip_layer other = make_activation("relu");
    ck_assert_uint_eq(lip_mirrors_count(&other), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("certify/mirrors");
    TCase *tc = tcase_create("mirrors");
    tcase_add_test(tc, values_and_derivatives);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
