/* SPDX-License-Identifier: MIT
 *
 * From layers to the chain: every stored matrix is within its radius of the
 * exact product of the layers it stands for, whatever the sizes of the
 * weights; activations are composed outward; identities appear and disappear
 * where they should; zeros are seen. */
#include "network/chain.h"

#include "linalg/random.h"
#include "tests/support/exact.h"
#include "tests/support/layers.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>
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

static struct lip_chain *chain_of(const struct lip_layer *layer, size_t count)
{
    struct lip_network *network;
    struct lip_chain *chain;
    ck_assert_int_eq(make_network(&network, layer, count, &ctx), LIP_OK);
    enum lip_status status = lip_chain_new(&chain, network, &ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    lip_network_free(network);
    return chain;
}

/* exact <- W exact for W by rows; the first one is taken as it is. */
static void times(arb_mat_t exact, const double *w, size_t rows, size_t cols,
                  bool first)
{
    arb_mat_t a, b;
    arb_mat_init(a, (slong)rows, (slong)cols);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            arb_set_d(arb_mat_entry(a, i, j), w[i * cols + j]);
    if (first) {
        arb_mat_init(exact, (slong)rows, (slong)cols);
        arb_mat_set(exact, a);
    } else {
        arb_mat_init(b, (slong)rows, arb_mat_ncols(exact));
        arb_mat_mul(b, a, exact, EXACT_PREC);
        arb_mat_swap(b, exact);
        arb_mat_clear(b);
    }
    arb_mat_clear(a);
}

/* |exact 2^-exponent - stored|_F <= radius; the largest entry is in range. */
static void check_link(const struct lip_link *link, const arb_mat_t exact)
{
    arb_mat_t stored;
    arb_t error, radius;
    double most = 0;
    const struct lip_matrix *t = &link->transposed;
    arb_init(error);
    arb_init(radius);
    exact_matrix(stored, t, true);
    ck_assert_int_eq(arb_mat_nrows(stored), arb_mat_nrows(exact));
    ck_assert_int_eq(arb_mat_ncols(stored), arb_mat_ncols(exact));
    arb_mat_scalar_mul_2exp_si(stored, stored, link->exponent);
    arb_mat_sub(stored, stored, exact, EXACT_PREC);
    arb_mat_scalar_mul_2exp_si(stored, stored, -link->exponent);
    exact_frobenius(error, stored);
    arb_set_d(radius, link->radius);
    ck_assert_msg(arb_le(error, radius), "an error beyond the radius %g",
                  link->radius);
    for (size_t k = 0; k < t->rows * t->cols; k++)
        most = fmax(most, fabs(t->data[k]));
    ck_assert(most == 0 ? link->exponent == 0 || link->radius > 0
                        : most >= 0.5 && most < 1);
    arb_mat_clear(stored);
    arb_clear(error);
    arb_clear(radius);
}

/* Random weights of the sizes 2^low to 2^high. */
static void fill(double *w, size_t count, int low, int high, uint64_t *state)
{
    for (size_t k = 0; k < count; k++)
        w[k] =
            ldexp(plain_normal(state), low + (int)(lip_random_next(state) %
                                                   (uint64_t)(high - low + 1)));
}

/* Single matrices: scaled by a power of two, so exact, but for what falls off
 * below the smallest double. */
START_TEST(one_matrix_of_any_size)
{
    static const int range[][2] = {
        {0, 0},        {-3, 3},  {1000, 1020},   {-1074, -1060}, {-1100, -1040},
        {-1074, 1020}, {-60, 0}, {-1022, -1000}, {-540, 540}};
    uint64_t state = 1;
    for (size_t r = 0; r < sizeof range / sizeof *range; r++)
        for (int k = 0; k < 20; k++) {
            double w[12];
            arb_mat_t exact;
            fill(w, 12, range[r][0], range[r][1], &state);
            struct lip_layer layer[] = {make_dense(3, 4, w, NULL, &ctx)};
            struct lip_chain *chain = chain_of(layer, 1);
            times(exact, w, 3, 4, true);
            ck_assert_uint_eq(chain->count, 1);
            check_link(&chain->link[0], exact);
            if (range[r][1] - range[r][0] <= 60)
                ck_assert_double_eq(chain->link[0].radius, 0);
            ck_assert_double_le(chain->link[0].radius, 0x1p-1060);
            arb_mat_clear(exact);
            lip_chain_free(chain);
        }
    nothing_is_left();
}
END_TEST

/* Two to four linear layers in a row, with flatten and identity between. */
START_TEST(linear_layers_are_multiplied_out)
{
    static const int range[][2] = {
        {0, 0}, {-30, 30}, {900, 1000}, {-1074, -1000}, {-600, 600}};
    static const size_t width[] = {4, 3, 6, 2, 5};
    uint64_t state = 2;
    for (int k = 0; k < 150; k++) {
        const int *r = range[k % 5];
        size_t links = 2 + (size_t)k % 3, count = 0;
        struct lip_layer layer[12];
        arb_mat_t exact;
        for (size_t i = 0; i < links; i++) {
            double w[40];
            size_t m = width[i + 1], n = width[i];
            fill(w, m * n, r[0], r[1], &state);
            times(exact, w, m, n, i == 0);
            layer[count++] = make_dense(m, n, w, NULL, &ctx);
            layer[count++] = make_flatten();
            layer[count++] = make_activation("identity");
        }
        struct lip_chain *chain = chain_of(layer, count);
        ck_assert_uint_eq(chain->count, 1);
        check_link(&chain->link[0], exact);
        if (k % 5 == 0) {
            ck_assert_double_gt(chain->link[0].radius, 0);
            ck_assert_double_le(chain->link[0].radius, 1e-13);
        }
        ck_assert_uint_eq(chain->inputs, 4);
        ck_assert_uint_eq(chain->outputs, width[links]);
        arb_mat_clear(exact);
        lip_chain_free(chain);
    }
    nothing_is_left();
}
END_TEST

/* One number times one number: the error of the product itself. */
START_TEST(the_radius_covers_single_roundings)
{
    uint64_t state = 3;
    for (int k = 0; k < 500; k++) {
        double a = plain_normal(&state), b = plain_normal(&state);
        arb_mat_t exact;
        struct lip_layer layer[] = {make_dense(1, 1, &a, NULL, &ctx),
                                    make_dense(1, 1, &b, NULL, &ctx)};
        struct lip_chain *chain = chain_of(layer, 2);
        times(exact, &a, 1, 1, true);
        times(exact, &b, 1, 1, false);
        check_link(&chain->link[0], exact);
        ck_assert_double_le(chain->link[0].radius, 1e-15);
        arb_mat_clear(exact);
        lip_chain_free(chain);
    }
}
END_TEST

/* W_2 W_1 = 0 exactly, but for rounding unknown: the radius says so. */
START_TEST(products_that_cancel)
{
    const double third = 1.0 / 3;
    const double w1[] = {third, -third}, w2[] = {third, third};
    struct lip_layer layer[] = {make_dense(2, 1, w1, NULL, &ctx),
                                make_dense(1, 2, w2, NULL, &ctx)};
    struct lip_chain *chain = chain_of(layer, 2);
    ck_assert_double_gt(chain->link[0].radius, 0);
    ck_assert(!chain->zero);
    double bound = ldexp(chain->link[0].radius, (int)chain->link[0].exponent);
    ck_assert_double_le(bound, 1e-15);
    for (size_t i = 0; direct_methods[i]; i++) {
        double got = bound_or_nan(direct_methods[i], chain, PAIR_22);
        ck_assert(got <= 1e-14); /* and not NaN */
    }
    lip_chain_free(chain);
}
END_TEST

/* The same with numbers whose product is zero to the last bit. */
START_TEST(products_that_vanish)
{
    const double w1[] = {1, -1}, w2[] = {1, 1};
    struct lip_layer layer[] = {make_dense(2, 1, w1, NULL, &ctx),
                                make_dense(1, 2, w2, NULL, &ctx)};
    struct lip_chain *chain = chain_of(layer, 2);
    ck_assert_double_eq(chain->link[0].transposed.data[0], 0);
    ck_assert_double_gt(chain->link[0].radius, 0);
    ck_assert(!chain->zero);
    lip_chain_free(chain);
}
END_TEST

/* Products of 2^-45 of their factors: the radius grows as the scale shrinks. */
START_TEST(products_that_nearly_cancel)
{
    uint64_t state = 6;
    for (int k = 0; k < 200; k++) {
        double a = plain_uniform(&state, 0.5, 1);
        double b = plain_uniform(&state, 0.5, 1);
        const double w1[] = {a, b}, w2[] = {b, -a * (1 + 0x1p-45)};
        struct lip_layer layer[] = {make_dense(2, 1, w1, NULL, &ctx),
                                    make_dense(1, 2, w2, NULL, &ctx)};
        struct lip_chain *chain = chain_of(layer, 2);
        arb_mat_t exact;
        times(exact, w1, 2, 1, true);
        times(exact, w2, 1, 2, false);
        check_link(&chain->link[0], exact);
        ck_assert_double_ge(chain->link[0].radius, 0x1p-12);
        arb_mat_clear(exact);
        lip_chain_free(chain);
    }
}
END_TEST

/* Hundreds of products: the errors of all of them add up. */
START_TEST(many_linear_layers)
{
    enum { DEPTH = 400 };
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct lip_layer layer[DEPTH];
        arb_mat_t exact;
        uint64_t state = seed;
        for (int i = 0; i < DEPTH; i++) {
            double w = plain_uniform(&state, 0.5, 1);
            times(exact, &w, 1, 1, i == 0);
            layer[i] = make_dense(1, 1, &w, NULL, &ctx);
        }
        struct lip_chain *chain = chain_of(layer, DEPTH);
        ck_assert_uint_eq(chain->count, 1);
        ck_assert_double_le(chain->link[0].radius, 4 * DEPTH * 0x1p-53);
        /* The oracle rounds too, at 6400 bits. */
        arb_mat_t check;
        arb_mat_init(check, 1, 1);
        arb_set_d(arb_mat_entry(check, 0, 0),
                  chain->link[0].transposed.data[0]);
        arb_mat_scalar_mul_2exp_si(exact, exact, -chain->link[0].exponent);
        arb_mat_sub(check, check, exact, EXACT_PREC);
        arb_t size;
        arb_init(size);
        exact_frobenius(size, check);
        ck_assert(exact_not_below(chain->link[0].radius, size));
        arb_clear(size);
        arb_mat_clear(check);
        arb_mat_clear(exact);
        lip_chain_free(chain);
    }
}
END_TEST

/* Slopes, one neuron each. */
static void check_slopes(const struct lip_chain *chain, size_t i, double lo,
                         double hi, double tolerance)
{
    for (size_t k = 0; k < lip_chain_width(chain, i + 1); k++) {
        struct lip_slopes s = chain->slopes[i][k];
        ck_assert(s.lo <= lo && s.lo >= lo - tolerance);
        ck_assert(s.hi >= hi && s.hi <= hi + tolerance);
    }
}

START_TEST(activations_are_composed)
{
    const double w[] = {1, 2, 3, 4};
    struct lip_layer layer[] = {
        make_dense(2, 2, w, NULL, &ctx), make_activation("abs"),
        make_activation("relu"),         make_dense(2, 2, w, NULL, &ctx),
        make_activation("leaky-relu"),   make_activation("leaky-relu"),
        make_activation("abs"),          make_dense(2, 2, w, NULL, &ctx),
        make_activation("sigmoid"),      make_activation("sigmoid"),
        make_dense(2, 2, w, NULL, &ctx)};
    layer[4].parameter[0] = -0.3;
    layer[5].parameter[0] = 0.1;
    struct lip_chain *chain = chain_of(layer, 11);
    ck_assert_uint_eq(chain->count, 4);
    check_slopes(chain, 0, -1, 1, 0);
    /* [-.3, 1] [.1, 1] [-1, 1] */
    check_slopes(chain, 1, -1, 1, 1e-15);
    check_slopes(chain, 2, 0, 0.0625, 1e-16);
    ck_assert_double_ge(lip_chain_steepest(chain, 1), 1);
    lip_chain_free(chain);
    nothing_is_left();
}
END_TEST

/* Products of random slope intervals, outward of the exact ones. */
START_TEST(composition_rounds_outward)
{
    uint64_t state = 5;
    const double one = 1;
    for (int k = 0; k < 500; k++) {
        struct lip_layer layer[] = {
            make_dense(1, 1, &one, NULL, &ctx), make_activation("prelu"),
            make_activation("prelu"), make_dense(1, 1, &one, NULL, &ctx)};
        double a = plain_uniform(&state, -2, 2),
               b = plain_uniform(&state, -2, 2);
        layer[1].parameter[0] = a;
        layer[2].parameter[0] = b;
        struct lip_chain *chain = chain_of(layer, 4);
        struct lip_slopes s = chain->slopes[0][0];
        arb_t x, y, product;
        arb_init(x);
        arb_init(y);
        arb_init(product);
        for (int corner = 0; corner < 4; corner++) {
            arb_set_d(x, corner & 1 ? a : 1);
            arb_set_d(y, corner & 2 ? b : 1);
            arb_mul(product, x, y, EXACT_PREC);
            arb_set_d(x, s.lo);
            arb_set_d(y, s.hi);
            ck_assert(arb_le(x, product) && arb_ge(y, product));
        }
        arb_clear(x);
        arb_clear(y);
        arb_clear(product);
        lip_chain_free(chain);
    }
}
END_TEST

START_TEST(slopes_that_overflow)
{
    struct lip_layer layer[70];
    const double one = 1;
    struct lip_network *network;
    struct lip_chain *chain;
    layer[0] = make_dense(1, 1, &one, NULL, &ctx);
    for (int i = 1; i < 70; i++) {
        layer[i] = make_activation("prelu");
        layer[i].parameter[0] = -1e6;
    }
    ck_assert_int_eq(make_network(&network, layer, 70, &ctx), LIP_OK);
    ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_UNPROVEN);
    ck_assert_ptr_nonnull(strstr(ctx.error.detail, "overflow"));
    lip_network_free(network);
    nothing_is_left();
}
END_TEST

/* An activation at either end gets an identity matrix beside it. */
START_TEST(identities_at_the_ends)
{
    const double w[] = {1, 2, 3, 4, 5, 6};
    struct lip_layer layer[] = {make_flatten(), make_activation("tanh"),
                                make_dense(2, 3, w, NULL, &ctx),
                                make_activation("relu")};
    struct lip_chain *chain = chain_of(layer, 4);
    ck_assert_uint_eq(chain->count, 3);
    static const size_t at[] = {0, 2}, size[] = {3, 2};
    for (int e = 0; e < 2; e++) {
        arb_mat_t exact;
        arb_mat_init(exact, (slong)size[e], (slong)size[e]);
        arb_mat_one(exact);
        check_link(&chain->link[at[e]], exact);
        ck_assert_double_eq(chain->link[at[e]].radius, 0);
        arb_mat_clear(exact);
    }
    ck_assert_uint_eq(chain->inputs, 3);
    ck_assert_uint_eq(chain->outputs, 2);
    ck_assert_uint_eq(chain->widest, 3);
    lip_chain_free(chain);
}
END_TEST

START_TEST(slopes_of_their_own)
{
    const double w[] = {1, 2, 3, 4}, slope[] = {-2, 0.5};
    struct lip_layer layer[] = {
        make_dense(2, 2, w, NULL, &ctx), make_activation("prelu"),
        make_dense(2, 2, w, NULL, &ctx), make_activation("prelu"),
        make_dense(2, 2, w, NULL, &ctx)};
    layer[1].weight = make_tensor(LIP_F64, false, 2, 0, slope, &ctx);
    layer[3].weight = make_tensor(LIP_F32, false, 1, 0, slope, &ctx);
    struct lip_chain *chain = chain_of(layer, 5);
    ck_assert_double_eq(chain->slopes[0][0].lo, -2);
    ck_assert_double_eq(chain->slopes[0][0].hi, 1);
    ck_assert_double_eq(chain->slopes[0][1].lo, 0.5);
    ck_assert_double_eq(chain->slopes[0][1].hi, 1);
    check_slopes(chain, 1, -2, 1, 0);
    ck_assert_double_eq(lip_chain_steepest(chain, 0), 2);
    lip_chain_free(chain);
    nothing_is_left();
}
END_TEST

START_TEST(zeros_are_seen)
{
    const double w[] = {1, 2, 3, 4}, zero[] = {0, -0.0, 0, 0};
    const double tiny[] = {0, 5e-324, 0, 0};
    for (int way = 0; way < 4; way++) {
        struct lip_layer layer[] = {
            make_dense(2, 2, way == 1 ? zero : w, NULL, &ctx),
            make_activation("relu"),
            make_dense(2, 2,
                       way == 2   ? zero
                       : way == 3 ? tiny
                                  : w,
                       NULL, &ctx)};
        struct lip_chain *chain = chain_of(layer, 3);
        ck_assert(chain->zero == (way == 1 || way == 2));
        lip_chain_free(chain);
    }
}
END_TEST

START_TEST(transposed)
{
    struct plain net;
    static const size_t width[] = {2, 5, 4, 3};
    plain_random(&net, "silu", width, 3, 9);
    struct lip_chain *chain = plain_chain(&net, &ctx), *back, *again;
    chain->link[1].radius = 0.25;
    chain->slopes[0][3].lo = -0.5;
    ck_assert_int_eq(lip_chain_transpose(&back, chain, &ctx), LIP_OK);
    ck_assert_int_eq(lip_chain_transpose(&again, back, &ctx), LIP_OK);
    ck_assert_uint_eq(back->inputs, 3);
    ck_assert_uint_eq(back->outputs, 2);
    ck_assert_uint_eq(back->widest, 5);
    for (size_t i = 0; i < 3; i++) {
        const struct lip_link *a = &chain->link[i], *b = &back->link[2 - i];
        const struct lip_matrix *x = &a->transposed, *y = &b->transposed;
        ck_assert_int_eq(a->exponent, b->exponent);
        ck_assert_double_eq(a->radius, b->radius);
        for (size_t r = 0; r < x->rows; r++)
            for (size_t c = 0; c < x->cols; c++)
                ck_assert_double_eq(x->data[r + c * x->rows],
                                    y->data[c + r * y->rows]);
        ck_assert_mem_eq(x->data, again->link[i].transposed.data,
                         x->rows * x->cols * sizeof(double));
    }
    ck_assert_double_eq(back->slopes[1][3].lo, -0.5);
    ck_assert_double_eq(again->slopes[0][3].lo, -0.5);
    lip_chain_free(chain);
    lip_chain_free(back);
    lip_chain_free(again);
    plain_clear(&net);
    nothing_is_left();
}
END_TEST

/* A network with all that a chain has to build. */
static struct lip_network *sample(struct lip_ctx *own)
{
    const double w[] = {1, 2, 3, 4}, slope[] = {0.1, 0.2};
    struct lip_layer layer[] = {
        make_activation("relu"),        make_dense(2, 2, w, NULL, own),
        make_dense(2, 2, w, NULL, own), make_activation("prelu"),
        make_activation("abs"),         make_dense(2, 2, w, NULL, own),
        make_activation("tanh")};
    layer[3].weight = make_tensor(LIP_F64, false, 2, 0, slope, own);
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 7, own), LIP_OK);
    return network;
}

START_TEST(memory_may_run_out_anywhere)
{
    struct lip_ctx unlimited = {0};
    struct lip_network *network = sample(&unlimited);
    long allowed = 0;
    for (;; allowed++) {
        struct lip_chain *chain, *back;
        start();
        atomic_store(&budget.fail_after, allowed);
        enum lip_status status = lip_chain_new(&chain, network, &ctx);
        bool built = status == LIP_OK;
        if (built)
            status = lip_chain_transpose(&back, chain, &ctx);
        if (status == LIP_OK)
            lip_chain_free(back);
        if (built)
            lip_chain_free(chain);
        nothing_is_left();
        if (status == LIP_OK)
            break;
        ck_assert_int_eq(status, LIP_NO_MEMORY);
        ck_assert_int_lt(allowed, 60);
    }
    ck_assert_int_gt(allowed, 12);
    lip_network_free(network);
}
END_TEST

/* What was announced covers what is taken. */
START_TEST(takes_the_bytes_it_says)
{
    uint64_t state = 4;
    double *w = calloc(64 * 64, sizeof *w);
    fill(w, 64 * 64, 0, 0, &state);
    for (int way = 0; way < 4; way++) {
        struct lip_ctx unlimited = {0};
        struct lip_layer layer[] = {
            make_activation(way & 1 ? "relu" : "identity"),
            make_dense(64, 32, w, NULL, &unlimited),
            make_activation(way & 2 ? "relu" : "identity"),
            make_dense(16, 64, w, NULL, &unlimited),
            make_dense(60, 16, w, NULL, &unlimited),
            make_activation(way == 3 ? "relu" : "identity")};
        struct lip_network *network;
        struct lip_chain *chain;
        ck_assert_int_eq(make_network(&network, layer, 6, &unlimited), LIP_OK);
        start();
        ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
        double said = lip_chain_bytes(network);
        ck_assert_msg((double)atomic_load(&budget.peak) <= said + 4096,
                      "way %d: %zu bytes, announced %g", way,
                      atomic_load(&budget.peak), said);
        lip_chain_free(chain);
        lip_network_free(network);
    }
    free(w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/chain");
    TCase *tc = tcase_create("chain");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, one_matrix_of_any_size);
    tcase_add_test(tc, linear_layers_are_multiplied_out);
    tcase_add_test(tc, the_radius_covers_single_roundings);
    tcase_add_test(tc, products_that_cancel);
    tcase_add_test(tc, products_that_vanish);
    tcase_add_test(tc, products_that_nearly_cancel);
    tcase_add_test(tc, many_linear_layers);
    tcase_add_test(tc, activations_are_composed);
    tcase_add_test(tc, composition_rounds_outward);
    tcase_add_test(tc, slopes_that_overflow);
    tcase_add_test(tc, identities_at_the_ends);
    tcase_add_test(tc, slopes_of_their_own);
    tcase_add_test(tc, zeros_are_seen);
    tcase_add_test(tc, transposed);
    tcase_add_test(tc, memory_may_run_out_anywhere);
    tcase_add_test(tc, takes_the_bytes_it_says);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
