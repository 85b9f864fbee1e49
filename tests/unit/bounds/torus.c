/* SPDX-License-Identifier: MIT
 *
 * LipSDP on the frequencies of a torus: never below the optimum of LipSDP on
 * the unrolled network nor on the torus network written out as matrices, close
 * to the latter, far below the product of norms, and what it refuses. */
#include "bounds/torus.h"

#include "linalg/blas.h"
#include "linalg/random.h"
#include "tests/support/graph.h"
#include "tests/support/methods.h"
#include "tests/support/random_conv.h"
#include "tests/support/suite.h"

#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static const struct lip_method *torus, *lipsdp;

static void start(void)
{
    lip_blas_single_threaded();
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
    torus = lip_method_find("lipsdp-torus");
    lipsdp = lip_method_find("lipsdp");
}

static void finish(void)
{
    ck_assert_uint_eq(budget.used, 0);
}

static double normal(uint64_t *seed)
{
    double sum = -6;
    for (int k = 0; k < 12; k++)
        sum += (double)(lip_random_next(seed) >> 11) * 0x1p-53;
    return sum;
}

static double *normals(size_t count, double scale, uint64_t *seed)
{
    double *x = malloc(count * sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (size_t k = 0; k < count; k++)
        x[k] = scale * normal(seed);
    return x;
}

enum { MOST = 24 };

struct list {
    struct lip_layer layer[MOST];
    size_t count, channels, size[2];
};

static void begin(struct list *l, size_t channels, size_t height, size_t width)
{
    *l = (struct list){.channels = channels, .size = {height, width}};
    l->layer[l->count++] =
        make_reshape((long[]){(long)channels, (long)height, (long)width, 0});
}

/* A convolution k x k with padding, and an activation where it has a name. */
static void conv(struct list *l, size_t out, size_t k, size_t stride,
                 size_t padding, double scale, const char *activation,
                 uint64_t *seed)
{
    size_t dim[] = {out, l->channels, k, k, 0};
    double *w = normals(out * l->channels * k * k,
                        scale / (double)k / sqrt((double)l->channels), seed);
    struct lip_layer layer = make_conv(dim, w, NULL, &ctx);
    set(&layer, "stride", 1, (long[]){(long)stride});
    set(&layer, "padding", 1, (long[]){(long)padding});
    free(w);
    l->layer[l->count++] = layer;
    l->channels = out;
    for (int axis = 0; axis < 2; axis++)
        l->size[axis] = (l->size[axis] + 2 * padding - k) / stride + 1;
    if (activation)
        l->layer[l->count++] = make_activation(activation);
}

static void dense(struct list *l, size_t out, uint64_t *seed)
{
    size_t in = l->channels * l->size[0] * l->size[1];
    double *w = normals(out * in, 1 / sqrt((double)in), seed);
    if (l->size[0] * l->size[1] > 1)
        l->layer[l->count++] = make_flatten();
    l->layer[l->count++] = make_dense(out, in, w, NULL, &ctx);
    l->channels = out;
    l->size[0] = l->size[1] = 1;
    free(w);
}

static struct lip_chain *chain_of(struct list *l, struct lip_network **network)
{
    struct lip_chain *chain;
    ck_assert_msg(make_network(network, l->layer, l->count, &ctx) == LIP_OK,
                  "%s", ctx.error.detail);
    ck_assert_int_eq(lip_chain_new(&chain, *network, &ctx), LIP_OK);
    return chain;
}

static struct lip_bound run(const struct lip_method *method,
                            const struct lip_chain *chain)
{
    struct lip_bound_options options = {.norm = {LIP_NORM_2, LIP_NORM_2}};
    struct lip_bound bound;
    ck_assert_int_eq(lip_method_run(&bound, method, chain, &options, &ctx),
                     LIP_OK);
    return bound;
}

static const char *const activations[] = {"relu", "tanh",       "gelu",
                                          "silu", "leaky-relu", "abs"};

/* Chains of every sort, small enough to be unrolled. */
static void random_chain(struct list *l, int number, uint64_t *seed)
{
    const char *name = activations[number % 6];
    begin(l, 1 + lip_random_next(seed) % 2, 4 + lip_random_next(seed) % 3, 5);
    int layers = 1 + (int)(lip_random_next(seed) % 3);
    for (int k = 0; k < layers; k++) {
        size_t stride = 1 + lip_random_next(seed) % 2;
        size_t least = l->size[0] < l->size[1] ? l->size[0] : l->size[1];
        size_t size = 1 + lip_random_next(seed) % (least < 3 ? least : 3);
        conv(l, 1 + lip_random_next(seed) % 3, size, stride,
             lip_random_next(seed) % 2, 1.5,
             lip_random_next(seed) % 5 ? name : NULL, seed);
    }
    if (lip_random_next(seed) % 2) {
        dense(l, 4, seed);
        l->layer[l->count++] = make_activation(name);
        dense(l, 3, seed);
    }
}

START_TEST(not_below_the_optimum)
{
    uint64_t seed = 100 + (uint64_t)_i;
    for (int k = 0; k < 12; k++) {
        struct list l;
        struct lip_network *network;
        random_chain(&l, k, &seed);
        struct lip_chain *chain = chain_of(&l, &network);
        struct lip_bound ours = run(torus, chain), best = run(lipsdp, chain);
        ck_assert_msg(!ours.skipped, "%s", ours.reason);
        double least = isnan(best.optimum_at_least) ? 0 : best.optimum_at_least;
        ck_assert_msg(ours.upper_bound >= least * (1 - 1e-9),
                      "test %d, chain %d: %g below %g", _i, k, ours.upper_bound,
                      least);
        lip_bound_clear(&ours);
        lip_bound_clear(&best);
        lip_chain_free(chain);
        lip_network_free(network);
    }
}
END_TEST

/* The same kernels on a torus of n x n, as dense matrices: LipSDP's optimum is
 * that of the frequencies, and closed forms are near. The image is n - 1 wide,
 * so that the torus is as small as it may be. */
static void circulant(struct list *l, const struct lip_layer *from, size_t n)
{
    size_t out = from->weight.dim[0], in = from->weight.dim[1];
    size_t rows = out * n * n, cols = in * n * n;
    double *w = calloc(rows * cols, sizeof *w);
    ck_assert_ptr_nonnull(w);
    for (size_t k = 0; k < rows; k++)
        for (size_t c = 0; c < in; c++)
            for (size_t p = 0; p < 3; p++)
                for (size_t q = 0; q < 3; q++) {
                    size_t y = (k / n % n + p + n - 1) % n;
                    size_t x = (k % n + q + n - 1) % n;
                    w[k * cols + (c * n + y) * n + x] += lip_tensor_at(
                        &from->weight, ((k / n / n * in + c) * 3 + p) * 3 + q);
                }
    l->layer[l->count++] = make_dense(rows, cols, w, NULL, &ctx);
    free(w);
}

START_TEST(agrees_with_the_torus_written_out)
{
    enum { N = 6 };
    uint64_t seed = 500 + (uint64_t)_i;
    const char *name = activations[_i];
    struct list image, whole = {.count = 0};
    struct lip_network *one, *other;
    begin(&image, 1, N - 1, N - 1);
    for (int k = 0; k < 3; k++)
        conv(&image, 2, 3, 1, 1, 1, k < 2 ? name : NULL, &seed);
    struct lip_chain *chain = chain_of(&image, &one);
    for (size_t k = 1; k < one->count; k++)
        if (one->layer[k].weight.data)
            circulant(&whole, &one->layer[k], N);
        else
            whole.layer[whole.count++] = make_activation(
                strcmp(name, "leaky-relu") == 0 ? "relu" : name);
    struct lip_chain *torus_chain = chain_of(&whole, &other);
    struct lip_bound ours = run(torus, chain), best = run(lipsdp, torus_chain);
    ck_assert_double_ge(ours.upper_bound, best.optimum_at_least * (1 - 1e-9));
    /* |x| has no room for slack, which closed forms keep. */
    double most = strcmp(name, "abs") == 0 ? 2 : 1.3;
    ck_assert_msg(ours.upper_bound <= most * best.upper_bound, "%s: %g, %g",
                  name, ours.upper_bound, best.upper_bound);
    lip_chain_free(chain);
    lip_chain_free(torus_chain);
    lip_network_free(one);
    lip_network_free(other);
}
END_TEST

/* Without activations: the norm of the layer on the torus, at most that of the
 * symbol. */
START_TEST(one_layer)
{
    uint64_t seed = 9;
    for (int k = 0; k < 10; k++) {
        struct list l;
        struct lip_network *network;
        begin(&l, 2, 7, 9);
        conv(&l, 3, 1 + (size_t)k % 4, 1 + (size_t)k % 3, 1, 1, NULL, &seed);
        struct lip_chain *chain = chain_of(&l, &network);
        struct lip_bound ours = run(torus, chain);
        double truth = layer_sigma(&network->layer[1]);
        ck_assert_double_ge(ours.upper_bound, truth * (1 - 1e-12));
        ck_assert_double_le(ours.upper_bound, truth * 1.35);
        lip_chain_free(chain);
        lip_network_free(network);
    }
}
END_TEST

/* Deep chains: far below the product, and the same in other units. */
START_TEST(below_the_product)
{
    for (int k = 0; k < 2; k++) {
        uint64_t seed = 3;
        struct list l;
        struct lip_network *network;
        begin(&l, 3, 12, 12);
        for (int i = 0; i < 6; i++)
            conv(&l, 8, 3, i == 3 ? 2 : 1, 1, k ? 0x1p100 : 1, "relu", &seed);
        dense(&l, 5, &seed);
        struct lip_chain *chain = chain_of(&l, &network);
        struct lip_bound ours = run(torus, chain);
        struct lip_bound product = run(lip_method_find("spectral"), chain);
        static double unit;
        if (k == 0)
            unit = ours.upper_bound;
        else
            ck_assert_double_eq_tol(ours.upper_bound / (unit * 0x1p600), 1,
                                    1e-9);
        ck_assert_double_le(ours.upper_bound, product.upper_bound / 4);
        lip_bound_clear(&product);
        lip_chain_free(chain);
        lip_network_free(network);
    }
}
END_TEST

/* Batch norms are scalings of channels, before and behind a kernel; pools are
 * convolutions. */
START_TEST(folds)
{
    uint64_t seed = 21;
    for (int k = 0; k < 2; k++) {
        static const double var[] = {0.25, 4, 1}, mean[] = {1, 2, 3};
        struct list l;
        struct lip_network *network;
        struct lip_layer norm = make_kind(&lip_layer_batch_norm);
        struct lip_layer pool = make_kind(&lip_layer_average_pool);
        norm.mean = make_array((size_t[]){3, 0}, mean, &ctx);
        norm.variance = make_array((size_t[]){3, 0}, var, &ctx);
        norm.parameter[0] = 1e-5;
        set(&pool, "kernel", 1, (long[]){3});
        set(&pool, "stride", 1, (long[]){1});
        set(&pool, "padding", 1, (long[]){k});
        begin(&l, 2, 6, 6);
        conv(&l, 3, 3, 1, 1, 1, k ? "relu" : NULL, &seed);
        l.layer[l.count++] = norm;
        if (!k)
            l.layer[l.count++] = make_activation("relu");
        l.layer[l.count++] = pool;
        l.size[0] = l.size[1] = k ? 6 : 4;
        dense(&l, 3, &seed);
        struct lip_chain *chain = chain_of(&l, &network);
        struct lip_bound ours = run(torus, chain), best = run(lipsdp, chain);
        ck_assert_msg(!ours.skipped, "%s", ours.reason);
        ck_assert_double_ge(ours.upper_bound,
                            best.optimum_at_least * (1 - 1e-9));
        ck_assert_double_le(ours.upper_bound, best.upper_bound * 5);
        lip_bound_clear(&best);
        lip_chain_free(chain);
        lip_network_free(network);
    }
}
END_TEST

/* The largest singular value of differences around random points. */
static double attained(const struct lip_network *network, uint64_t *seed)
{
    double most = 0, h = 1e-6, x[200], y[50], z[50], sigma[50];
    size_t n = network->inputs, m = network->outputs;
    ck_assert(n <= 200 && m <= 50 && m <= n);
    double *j = malloc(n * m * sizeof *j);
    ck_assert_ptr_nonnull(j);
    for (int t = 0; t < 15; t++) {
        for (size_t i = 0; i < n; i++)
            x[i] = 2 * normal(seed);
        ck_assert_int_eq(lip_network_eval(y, network, x, &ctx), LIP_OK);
        for (size_t i = 0; i < n; i++) {
            double held = x[i];
            x[i] += h;
            ck_assert_int_eq(lip_network_eval(z, network, x, &ctx), LIP_OK);
            for (size_t k = 0; k < m; k++)
                j[i * m + k] = (z[k] - y[k]) / (x[i] - held);
            x[i] = held;
        }
        ck_assert_int_eq(LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', (int)m, (int)n,
                                        j, (int)m, sigma, NULL, 1, NULL, 1),
                         0);
        most = fmax(most, sigma[0]);
    }
    free(j);
    return most;
}

/* The largest of windows, apart and overlapping, before and behind an
 * activation: above what is attained and below the product of norms. */
START_TEST(largest_of_windows)
{
    uint64_t seed = 40 + (uint64_t)_i;
    struct list l;
    struct lip_network *network;
    struct lip_layer pool = make_kind(&lip_layer_max_pool);
    begin(&l, 2, 8, 9);
    set(&pool, "kernel", 1, (long[]){2 + _i % 2});
    set(&pool, "stride", 1, (long[]){2 - _i % 2});
    conv(&l, 4, 3, 1, 1, 1, "relu", &seed);
    conv(&l, 3, 3, 1, 1, 1, _i & 2 ? "relu" : NULL, &seed);
    l.layer[l.count++] = pool;
    if (!(_i & 2))
        l.layer[l.count++] = make_activation("relu");
    l.size[0] = _i % 2 ? 6 : 4;
    l.size[1] = _i % 2 ? 7 : 4;
    conv(&l, 4, 3, 1, 1, 1, "relu", &seed);
    dense(&l, 4, &seed);
    struct lip_chain *chain = chain_of(&l, &network);
    struct lip_bound ours = run(torus, chain);
    struct lip_bound product = run(lip_method_find("spectral"), chain);
    ck_assert_msg(!ours.skipped, "%s", ours.reason);
    ck_assert_double_ge(ours.upper_bound, attained(network, &seed));
    ck_assert_double_le(ours.upper_bound, product.upper_bound);
    lip_bound_clear(&product);
    lip_chain_free(chain);
    lip_network_free(network);
}
END_TEST

/* A peak that nine windows see moves nine numbers: the constant is 3. */
START_TEST(overlapping_windows)
{
    static const double one[] = {1};
    struct list l;
    struct lip_network *network;
    struct lip_layer pool = make_kind(&lip_layer_max_pool);
    begin(&l, 1, 7, 7);
    l.layer[l.count++] = make_conv((size_t[]){1, 1, 1, 1, 0}, one, NULL, &ctx);
    set(&pool, "kernel", 1, (long[]){3});
    set(&pool, "stride", 1, (long[]){1});
    l.layer[l.count++] = pool;
    struct lip_chain *chain = chain_of(&l, &network);
    struct lip_bound ours = run(torus, chain);
    ck_assert_msg(!ours.skipped, "%s", ours.reason);
    ck_assert_double_ge(ours.upper_bound, 3);
    ck_assert_double_le(ours.upper_bound, 3.0001);
    lip_chain_free(chain);
    lip_network_free(network);
}
END_TEST

/* A sentence says why not. */
START_TEST(refusals)
{
    uint64_t seed = 1;
    struct list l;
    struct lip_network *network;
    begin(&l, 2, 5, 5);
    conv(&l, 2, 3, 1, 1, 1, "relu", &seed);
    l.layer[l.count++] = make_kind(&lip_layer_group_sort);
    dense(&l, 2, &seed);
    struct lip_chain *chain = chain_of(&l, &network);
    struct lip_bound bound = run(torus, chain);
    ck_assert(bound.skipped && strlen(bound.reason) > 20);
    lip_chain_free(chain);
    lip_network_free(network);
    memset(&l, 0, sizeof l);
    l.channels = 4;
    l.size[0] = l.size[1] = 1;
    dense(&l, 3, &seed);
    chain = chain_of(&l, &network);
    bound = run(torus, chain);
    ck_assert(bound.skipped && strstr(bound.reason, "no convolution"));
    lip_chain_free(chain);
    lip_network_free(network);
}
END_TEST

/* Out of memory at any moment is a status and leaks nothing. */
START_TEST(memory)
{
    uint64_t seed = 6;
    struct list l;
    struct lip_network *network;
    begin(&l, 1, 5, 5);
    conv(&l, 2, 3, 1, 1, 1, "gelu", &seed);
    dense(&l, 2, &seed);
    struct lip_chain *chain = chain_of(&l, &network);
    struct lip_bound_options options = {.norm = {LIP_NORM_2, LIP_NORM_2}};
    for (long after = 0;; after++) {
        struct lip_budget small;
        struct lip_ctx poor = {.budget = &small};
        struct lip_bound bound;
        lip_budget_init(&small, 0);
        small.fail_after = after;
        enum lip_status status =
            lip_method_run(&bound, torus, chain, &options, &poor);
        ck_assert_uint_eq(small.used, 0);
        if (status == LIP_OK)
            break;
        ck_assert_int_eq(status, LIP_NO_MEMORY);
    }
    lip_chain_free(chain);
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/torus");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_loop_test(tests, not_below_the_optimum, 0, 6);
    tcase_add_loop_test(tests, agrees_with_the_torus_written_out, 0, 6);
    tcase_add_test(tests, one_layer);
    tcase_add_test(tests, below_the_product);
    tcase_add_test(tests, folds);
    tcase_add_loop_test(tests, largest_of_windows, 0, 4);
    tcase_add_test(tests, overlapping_windows);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
