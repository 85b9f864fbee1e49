/* SPDX-License-Identifier: MIT
 *
 * Derivatives against difference quotients, and the power iteration against
 * norms computed from the whole Jacobian. */
#include "certify/walk.h"

#include "linalg/norm.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { IN = 4, OUT = 3 };

static const uint64_t seed = 20260715;
static struct lip_ctx none;

/* A network, its stages and a walk at a random point. */
struct scene {
    struct plain net;
    struct lip_network *network;
    struct lip_stages *stages;
    struct lip_walk walk;
    double x[IN];
};

static void begin(struct scene *s, const char *activation,
                  struct lip_norm_pair pair, uint64_t number)
{
    uint64_t state = seed + number;
    plain_random(&s->net, activation, (size_t[]){IN, 7, 6, OUT}, 3, number);
    s->network = plain_network(&s->net, &none);
    ck_assert_int_eq(lip_stages_new(&s->stages, s->network, &none), LIP_OK);
    ck_assert_int_eq(lip_walk_new(&s->walk, s->stages, pair, &none), LIP_OK);
    for (int k = 0; k < IN; k++)
        s->x[k] = plain_normal(&state);
    lip_walk_to(&s->walk, s->x, 0);
}

static void end(struct scene *s)
{
    lip_walk_clear(&s->walk);
    lip_stages_free(s->stages);
    lip_network_free(s->network);
    plain_clear(&s->net);
}

/* Column c of the Jacobian by central differences. */
static void column(double *out, const struct scene *s, int c)
{
    double x[IN], a[OUT], b[OUT], h = 0x1p-20;
    memcpy(x, s->x, sizeof x);
    x[c] = s->x[c] + h;
    ck_assert_int_eq(lip_network_eval(a, s->network, x, &none), LIP_OK);
    x[c] = s->x[c] - h;
    ck_assert_int_eq(lip_network_eval(b, s->network, x, &none), LIP_OK);
    for (int i = 0; i < OUT; i++)
        out[i] = (a[i] - b[i]) / (2 * h);
}

START_TEST(products_are_derivatives)
{
    struct scene s;
    begin(&s, lip_activations[_i]->name, PAIR_22, 3);
    const double *y = s.walk.tangent + s.walk.from[s.stages->count];
    const double *f = s.walk.value + s.walk.from[s.stages->count];
    double truth[OUT], back[OUT][IN], e[IN];
    ck_assert_int_eq(lip_network_eval(truth, s.network, s.x, &none), LIP_OK);
    for (int i = 0; i < OUT; i++) {
        ck_assert_double_eq_tol(f[i], truth[i], 1e-12);
        memset(s.walk.u, 0, OUT * sizeof(double));
        s.walk.u[i] = 1;
        lip_walk_adjoint(&s.walk);
        memcpy(back[i], s.walk.adjoint, sizeof back[i]);
    }
    for (int c = 0; c < IN; c++) {
        memset(e, 0, sizeof e);
        e[c] = 1;
        lip_walk_tangent(&s.walk, e);
        column(truth, &s, c);
        for (int i = 0; i < OUT; i++) {
            ck_assert_double_eq_tol(y[i], truth[i], 1e-6);
            ck_assert_double_eq_tol(y[i], back[i][c], 1e-12);
        }
    }
    end(&s);
}
END_TEST

/* The power iteration rises to a norm that no direction beats by much, and is
 * never above the norm of the Jacobian. */
START_TEST(norm_is_reached)
{
    static const char *const name[] = {"relu", "tanh", "silu"};
    for (int round = 0; round < 60; round++) {
        struct scene s;
        struct lip_norm_pair pair = nth_pair(_i);
        begin(&s, name[round % 3], pair, 100 + (uint64_t)round);
        struct lip_matrix j; /* transposed: inputs x outputs */
        double upper, best = 0;
        ck_assert_int_eq(lip_matrix_new(&j, IN, OUT, &none), LIP_OK);
        for (int i = 0; i < OUT; i++) {
            memset(s.walk.u, 0, OUT * sizeof(double));
            s.walk.u[i] = 1;
            lip_walk_adjoint(&s.walk);
            memcpy(j.data + i * IN, s.walk.adjoint, IN * sizeof(double));
        }
        ck_assert_int_eq(lip_norm_upper(&upper, &j, pair, &none), LIP_OK);
        lip_matrix_clear(&j);
        uint64_t state = seed;
        for (int start = 0; start < 12; start++) {
            double size = 0;
            for (int k = 0; k < IN; k++)
                s.walk.v[k] = plain_normal(&state);
            size = vector_norm(s.walk.v, IN, pair.input);
            for (int k = 0; k < IN; k++)
                s.walk.v[k] /= size;
            double value = lip_walk_norm(&s.walk, 300, 0);
            ck_assert_double_le(value, upper * (1 + 1e-12));
            ck_assert_double_eq_tol(vector_norm(s.walk.v, IN, pair.input), 1,
                                    1e-12);
            lip_walk_tangent(&s.walk, s.walk.v);
            double again =
                vector_norm(s.walk.tangent + s.walk.from[s.stages->count], OUT,
                            pair.output);
            ck_assert_double_eq_tol(again, value, 1e-9 * value);
            best = fmax(best, value);
        }
        if (lip_norm_pair_easy(pair))
            ck_assert_double_ge(best, upper * (1 - 1e-6));
        end(&s);
    }
}
END_TEST

/* The gradient of u^T J v against difference quotients of it. */
START_TEST(gradient_is_the_derivative)
{
    static const char *const name[] = {"tanh", "sigmoid", "sin", "softplus"};
    for (uint64_t round = 0; round < 8; round++) {
        struct scene s;
        double window = 1e-4, g[IN], v[IN], u[OUT], h = 1e-5;
        begin(&s, name[round % 4], PAIR_22, 200 + round);
        memset(s.walk.v, 0, sizeof v);
        s.walk.v[0] = 1;
        lip_walk_to(&s.walk, s.x, window);
        lip_walk_norm(&s.walk, 20, 0);
        memcpy(g, lip_walk_gradient(&s.walk, window), sizeof g);
        memcpy(v, s.walk.v, sizeof v);
        memcpy(u, s.walk.u, sizeof u);
        for (int k = 0; k < IN; k++) {
            double x[IN], value[2];
            for (int side = 0; side < 2; side++) {
                memcpy(x, s.x, sizeof x);
                x[k] += side ? h : -h;
                lip_walk_to(&s.walk, x, 0);
                lip_walk_tangent(&s.walk, v);
                value[side] = 0;
                for (int i = 0; i < OUT; i++)
                    value[side] +=
                        u[i] *
                        s.walk
                            .tangent[s.walk.from[s.stages->count] + (size_t)i];
            }
            ck_assert_double_eq_tol(g[k], (value[1] - value[0]) / (2 * h),
                                    1e-5);
        }
        end(&s);
    }
}
END_TEST

/* Up to the distance told, the Jacobian is the same; just after it, a neuron
 * has changed its piece. */
START_TEST(free_way_ends_at_a_kink)
{
    static const char *const name[] = {
        "relu", "abs", "relu6", "soft-shrink", "hard-tanh", "leaky-relu"};
    for (uint64_t round = 0; round < 60; round++) {
        struct scene s;
        begin(&s, name[round % 6], PAIR_22, 300 + round);
        double line[IN] = {1, -0.5, 0.25, 2}, x[IN], before[100], after[100];
        size_t n = s.walk.from[s.stages->count];
        ck_assert_uint_le(n, 100);
        lip_walk_tangent(&s.walk, line);
        for (int way = -1; way <= 1; way += 2) {
            lip_walk_to(&s.walk, s.x, 0);
            lip_walk_tangent(&s.walk, line);
            memcpy(before, s.walk.slope, n * sizeof *before);
            double reach = lip_walk_free(&s.walk, way);
            if (!isfinite(reach))
                continue;
            for (int k = 0; k < IN; k++)
                x[k] = s.x[k] + way * reach * (1 - 1e-6) * line[k];
            lip_walk_to(&s.walk, x, 0);
            memcpy(after, s.walk.slope, n * sizeof *after);
            ck_assert_int_eq(memcmp(before, after, n * sizeof *after), 0);
            for (int k = 0; k < IN; k++)
                x[k] = s.x[k] + way * reach * (1 + 1e-6) * line[k];
            lip_walk_to(&s.walk, x, 0);
            memcpy(after, s.walk.slope, n * sizeof *after);
            ck_assert_int_ne(memcmp(before, after, n * sizeof *after), 0);
        }
        end(&s);
    }
}
END_TEST

/* The number that goes into a neuron, moved along its gradient. */
START_TEST(pull_is_a_gradient)
{
    struct scene s;
    begin(&s, "tanh", PAIR_22, 400);
    for (size_t i = 1; i < s.stages->count; i += 2)
        for (size_t k = 0; k < s.stages->stage[i].inputs; k++) {
            double g[IN], x[IN], h = 1e-6, value[2];
            lip_walk_to(&s.walk, s.x, 0);
            lip_walk_pull(&s.walk, i, k);
            memcpy(g, s.walk.adjoint, sizeof g);
            for (int c = 0; c < IN; c++) {
                for (int side = 0; side < 2; side++) {
                    memcpy(x, s.x, sizeof x);
                    x[c] += side ? h : -h;
                    lip_walk_to(&s.walk, x, 0);
                    value[side] = s.walk.value[s.walk.from[i] + k];
                }
                ck_assert_double_eq_tol(g[c], (value[1] - value[0]) / (2 * h),
                                        1e-7);
            }
        }
    end(&s);
}
END_TEST

START_TEST(length_of_all_sizes)
{
    static const double size[] = {1, 1e-300, 1e300, 5e-324, 1e-170, 1e170};
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        double x[] = {3 * size[i], 0, -4 * size[i], 12 * size[i]};
        ck_assert_double_eq_tol(lip_length(x, 4) / size[i], 13, 1e-13);
    }
    ck_assert_double_eq(lip_length((double[]){0, 0}, 2), 0);
    ck_assert(isinf(lip_length((double[]){1, INFINITY}, 2)));
}
END_TEST

START_TEST(memory_may_run_out)
{
    struct scene s;
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_walk walk;
    begin(&s, "relu", PAIR_22, 1);
    lip_budget_init(&budget, 0);
    for (long n = 0; n < 2; n++) {
        atomic_store(&budget.fail_after, n);
        ck_assert_int_eq(lip_walk_new(&walk, s.stages, PAIR_22, &ctx),
                         LIP_NO_MEMORY);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
    lip_error_clear(&ctx);
    atomic_store(&budget.fail_after, -1);
    ck_assert_int_eq(lip_walk_new(&walk, s.stages, PAIR_22, &ctx), LIP_OK);
    ck_assert_double_le((double)atomic_load(&budget.used),
                        lip_walk_bytes(s.network) + 256);
    lip_walk_clear(&walk);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    end(&s);
}
END_TEST

int main(void)
{
    int count = 0;
    while (lip_activations[count])
        count++;
    printf("seed %llu\n", (unsigned long long)seed);
    Suite *suite = suite_create("certify/walk");
    TCase *tc = tcase_create("walk");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, products_are_derivatives, 0, count);
    tcase_add_loop_test(tc, norm_is_reached, 0, 9);
    tcase_add_test(tc, gradient_is_the_derivative);
    tcase_add_test(tc, free_way_ends_at_a_kink);
    tcase_add_test(tc, pull_is_a_gradient);
    tcase_add_test(tc, length_of_all_sizes);
    tcase_add_test(tc, memory_may_run_out);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
