/* SPDX-License-Identifier: MIT
 *
 * Convolutions against the sum written out, for random strides, paddings,
 * dilations and groups, of images and sequences; what is refused. */
#include "network/window.h"
#include "tests/support/graph.h"
#include "tests/support/suite.h"

#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void start(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static double uniform(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(int64_t)*seed * 0x1p-63;
}

static size_t from(uint64_t *seed, size_t least, size_t most)
{
    double u = 0.5 * (uniform(seed) + 1);
    return least +
           (size_t)(u * (double)(most - least + 1)) % (most - least + 1);
}

struct geometry {
    size_t in[3], out, groups, kernel[2], stride[2], pad[4], dilation[2];
};

static double padded(const struct geometry *g, const double *x, size_t c,
                     long i, long j)
{
    if (i < 0 || j < 0 || i >= (long)g->in[1] || j >= (long)g->in[2])
        return 0;
    return x[(c * g->in[1] + (size_t)i) * g->in[2] + (size_t)j];
}

/* Output (o, y, x) by the formula. */
static double formula(const struct geometry *g, const double *k,
                      const double *bias, const double *in, size_t o, size_t y,
                      size_t x)
{
    size_t channels = g->in[0] / g->groups;
    size_t first = o / (g->out / g->groups) * channels;
    double sum = bias[o];
    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < g->kernel[0]; p++)
            for (size_t q = 0; q < g->kernel[1]; q++)
                sum +=
                    k[((o * channels + c) * g->kernel[0] + p) * g->kernel[1] +
                      q] *
                    padded(g, in, first + c,
                           (long)(y * g->stride[0] + p * g->dilation[0]) -
                               (long)g->pad[0],
                           (long)(x * g->stride[1] + q * g->dilation[1]) -
                               (long)g->pad[1]);
    return sum;
}

static struct geometry random_geometry(uint64_t *seed)
{
    struct geometry g = {.groups = from(seed, 1, 3)};
    g.in[0] = g.groups * from(seed, 1, 2);
    g.out = g.groups * from(seed, 1, 2);
    for (size_t a = 0; a < 2; a++) {
        g.in[a + 1] = from(seed, 5, 9);
        g.kernel[a] = from(seed, 1, 3);
        g.stride[a] = from(seed, 1, 3);
        g.dilation[a] = from(seed, 1, 2);
        g.pad[a] = from(seed, 0, 2);
        g.pad[a + 2] = from(seed, 0, 2);
    }
    return g;
}

static void set_sizes(struct lip_layer *layer, const char *name, size_t count,
                      const size_t *size)
{
    long value[4];
    for (size_t k = 0; k < count; k++)
        value[k] = (long)size[k];
    set(layer, name, count, value);
}

static struct lip_network *network_of(const struct geometry *g,
                                      const double *kernel, const double *bias)
{
    long shape[] = {(long)g->in[0], (long)g->in[1], (long)g->in[2], 0};
    size_t dim[] = {g->out, g->in[0] / g->groups, g->kernel[0], g->kernel[1],
                    0};
    struct lip_layer layer[] = {make_reshape(shape),
                                make_conv(dim, kernel, bias, &ctx)};
    set_sizes(&layer[1], "stride", 2, g->stride);
    set_sizes(&layer[1], "padding", 4, g->pad);
    set_sizes(&layer[1], "dilation", 2, g->dilation);
    set_sizes(&layer[1], "groups", 1, &g->groups);
    struct lip_network *network;
    ck_assert_msg(make_network(&network, layer, 2, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    return network;
}

START_TEST(images_follow_the_formula)
{
    uint64_t seed = 20;
    for (int round = 0; round < 200; round++) {
        struct geometry g = random_geometry(&seed);
        double kernel[6 * 2 * 9], bias[6], x[6 * 81], y[6 * 13 * 13];
        for (size_t i = 0; i < sizeof kernel / sizeof *kernel; i++)
            kernel[i] = uniform(&seed);
        for (size_t i = 0; i < 6; i++)
            bias[i] = uniform(&seed);
        for (size_t i = 0; i < sizeof x / sizeof *x; i++)
            x[i] = uniform(&seed);
        struct lip_network *network = network_of(&g, kernel, bias);
        const struct lip_shape *out = &network->layer[1].out;
        ck_assert_int_eq(lip_network_eval(y, network, x, &ctx), LIP_OK);
        for (size_t k = 0; k < network->outputs; k++) {
            size_t area = out->dim[1] * out->dim[2];
            double want = formula(&g, kernel, bias, x, k / area,
                                  k % area / out->dim[2], k % out->dim[2]);
            ck_assert_double_eq_tol(y[k], want, 1e-12);
        }
        lip_network_free(network);
    }
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

/* A sequence is an image of height 1. */
START_TEST(sequences_are_flat_images)
{
    double kernel[] = {1, -2, 0.5, 3, 0, 1}, x[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct lip_layer flat[] = {
        make_reshape((long[]){2, 4, 0}),
        make_conv((size_t[]){1, 2, 3, 0}, kernel, NULL, &ctx)};
    struct lip_layer image[] = {
        make_reshape((long[]){2, 1, 4, 0}),
        make_conv((size_t[]){1, 2, 1, 3, 0}, kernel, NULL, &ctx)};
    set(&flat[1], "padding", 2, (long[]){1, 0});
    set(&image[1], "padding", 4, (long[]){0, 1, 0, 0});
    struct lip_network *one, *two;
    double y[4], z[4];
    ck_assert_int_eq(make_network(&one, flat, 2, &ctx), LIP_OK);
    ck_assert_int_eq(make_network(&two, image, 2, &ctx), LIP_OK);
    ck_assert_uint_eq(one->outputs, 3);
    ck_assert_uint_eq(two->outputs, 3);
    lip_network_eval(y, one, x, &ctx);
    lip_network_eval(z, two, x, &ctx);
    ck_assert_mem_eq(y, z, 3 * sizeof *y);
    /* 1 * 0 - 2 * 1 + 0.5 * 2 + 3 * 0 + 0 * 5 + 1 * 6 */
    ck_assert_double_eq(y[0], 5);
    lip_network_free(one);
    lip_network_free(two);
}
END_TEST

/* One number of padding counts for all sides, and what was left out is there
 * afterwards: the same model has the same id. */
START_TEST(short_settings_mean_the_long_ones)
{
    double kernel[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    char id[2][LIP_DIGEST_TEXT];
    for (int k = 0; k < 2; k++) {
        struct lip_layer layer[] = {
            make_reshape((long[]){1, 5, 5, 0}),
            make_conv((size_t[]){1, 1, 3, 3, 0}, kernel, NULL, &ctx)};
        set(&layer[1], "padding", k ? 4 : 1, (long[]){1, 1, 1, 1});
        if (k)
            set(&layer[1], "stride", 2, (long[]){1, 1});
        struct lip_network *network;
        ck_assert_int_eq(make_network(&network, layer, 2, &ctx), LIP_OK);
        memcpy(id[k], network->id, sizeof id[k]);
        lip_network_free(network);
    }
    ck_assert_str_eq(id[0], id[1]);
}
END_TEST

static const double zeros[81];

static const struct refusal {
    size_t dim[5];
    const char *name;
    long value[4];
    size_t count;
    const char *says;
} refusals[] = {
    {{2, 3, 9, 9, 0}, NULL, {0}, 0, "spans a height of 9"},
    {{2, 2, 1, 1, 0}, NULL, {0}, 0, "takes 2 channels"},
    {{2, 3, 1, 0}, NULL, {0}, 0, "has 3 dimensions"},
    {{2, 3, 1, 1, 0}, "groups", {2}, 1, "must divide"},
    {{2, 3, 1, 1, 0}, "stride", {1, 1, 1}, 3, "has 3 numbers"},
    {{2, 3, 1, 1, 0}, "stride", {0}, 1, "at least 1"},
    {{2, 3, 1, 1, 0}, "padding", {1L << 40}, 1, "at most"},
};

START_TEST(bad_geometry_is_refused)
{
    const struct refusal *r = &refusals[_i];
    struct lip_layer layer[] = {make_reshape((long[]){3, 4, 4, 0}),
                                make_kind(&lip_layer_conv)};
    size_t count = 1;
    for (size_t k = 0; r->dim[k]; k++)
        count *= r->dim[k];
    double *weight = lip_calloc(&ctx, count, sizeof *weight);
    layer[1].weight = make_array(r->dim, weight, &ctx);
    lip_free(weight);
    if (r->name)
        set(&layer[1], r->name, r->count, r->value);
    struct lip_network *network;
    ck_assert_int_ne(make_network(&network, layer, 2, &ctx), LIP_OK);
    ck_assert_msg(strstr(ctx.error.detail, r->says), "%s", ctx.error.detail);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

START_TEST(a_shape_must_be_known)
{
    struct lip_layer layer[] = {
        make_conv((size_t[]){1, 1, 3, 3, 0}, zeros, NULL, &ctx)};
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, 1, &ctx), LIP_INVALID);
    ck_assert(strstr(ctx.error.detail, "reshape"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/layers/conv");
    TCase *tc = tcase_create("conv");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, images_follow_the_formula);
    tcase_add_test(tc, sequences_are_flat_images);
    tcase_add_test(tc, short_settings_mean_the_long_ones);
    tcase_add_loop_test(tc, bad_geometry_is_refused, 0,
                        (int)(sizeof refusals / sizeof *refusals));
    tcase_add_test(tc, a_shape_must_be_known);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
