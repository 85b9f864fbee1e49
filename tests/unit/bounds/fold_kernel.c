/* SPDX-License-Identifier: MIT
 *
 * Folded kernels do what the layers do; what is no convolution gives none. */
#include "bounds/fold_kernel.h"

#include "tests/support/graph.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdlib.h>

static struct lip_ctx none;
static uint64_t seed = 9;

static struct lip_network *network_of(const struct lip_layer *layer,
                                      size_t count)
{
    struct lip_network *network;
    enum lip_status s = make_network(&network, layer, count, &none);
    ck_assert_msg(s == LIP_OK, "%s", none.error.detail);
    return network;
}

/* Channels out, in a group, height, width of the kernel; padding by sides. */
static struct lip_layer conv(const size_t dim[5], long stride, long pad_h,
                             long pad_w, long dilation, long groups)
{
    size_t count = dim[0] * dim[1] * dim[2] * dim[3];
    double *weight = malloc(count * sizeof *weight);
    ck_assert_ptr_nonnull(weight);
    for (size_t k = 0; k < count; k++)
        weight[k] = plain_normal(&seed);
    struct lip_layer layer = make_conv(dim, weight, NULL, &none);
    free(weight);
    set(&layer, "stride", 1, &stride);
    set(&layer, "padding", 2, (long[]){pad_h, pad_w});
    set(&layer, "dilation", 1, &dilation);
    set(&layer, "groups", 1, &groups);
    return layer;
}

static struct lip_layer batch_norm(size_t n)
{
    struct lip_layer layer = make_kind(&lip_layer_batch_norm);
    double x[16], zero[16] = {0}, v[16];
    for (size_t k = 0; k < n; k++) {
        x[k] = plain_normal(&seed);
        v[k] = 0.5 + fabs(plain_normal(&seed));
    }
    layer.weight = make_tensor(LIP_F64, false, n, 0, x, &none);
    layer.bias = make_tensor(LIP_F64, false, n, 0, zero, &none);
    layer.mean = make_tensor(LIP_F64, false, n, 0, zero, &none);
    layer.variance = make_tensor(LIP_F64, false, n, 0, v, &none);
    return layer;
}

/* y = the kernel on x, by the definition of windows. */
static void apply(double *y, const struct lip_kernel *kernel, const double *x)
{
    const struct lip_window *w = &kernel->window;
    size_t in = w->channels[0] / w->groups, out = w->channels[1] / w->groups;
    for (size_t o = 0; o < w->channels[1]; o++)
        for (size_t s = 0; s < w->out[0]; s++)
            for (size_t t = 0; t < w->out[1]; t++) {
                double sum = 0;
                for (size_t c = 0; c < in; c++)
                    for (size_t p = 0; p < w->kernel[0]; p++)
                        for (size_t q = 0; q < w->kernel[1]; q++) {
                            long i =
                                (long)(s * w->stride[0] + p * w->dilation[0]) -
                                (long)w->before[0];
                            long j =
                                (long)(t * w->stride[1] + q * w->dilation[1]) -
                                (long)w->before[1];
                            if (i < 0 || j < 0 || i >= (long)w->in[0] ||
                                j >= (long)w->in[1])
                                continue;
                            size_t at = (o / out * in + c) * w->in[0];
                            sum +=
                                kernel
                                    ->weight[((o * in + c) * w->kernel[0] + p) *
                                                 w->kernel[1] +
                                             q] *
                                x[(at + (size_t)i) * w->in[1] + (size_t)j];
                        }
                y[(o * w->out[0] + s) * w->out[1] + t] = sum;
            }
}

/* Layers 1 to count - 1 fold into a kernel that does what they do. */
static void check_fold(const struct lip_network *network)
{
    enum { MOST = 512 };
    size_t path[MOST], n = network->inputs;
    double x[MOST], y[MOST], expected[MOST];
    struct lip_kernel kernel;
    for (size_t k = 1; k < network->count; k++)
        path[k - 1] = k;
    ck_assert(n <= MOST && network->outputs <= MOST);
    ck_assert_int_eq(
        lip_fold_kernel(&kernel, network, 0, path, network->count - 1, &none),
        LIP_OK);
    ck_assert_ptr_nonnull(kernel.weight);
    ck_assert_double_le(kernel.error, 1e-12);
    for (size_t k = 0; k < n; k++)
        x[k] = plain_normal(&seed);
    apply(y, &kernel, x);
    ck_assert_int_eq(lip_network_eval(expected, network, x, &none), LIP_OK);
    for (size_t k = 0; k < network->outputs; k++)
        ck_assert_double_le(fabs(y[k] - expected[k]), 1e-12);
    lip_kernel_clear(&kernel);
}

static const struct {
    size_t dim[5];
    long stride, pad_h, pad_w, dilation, groups;
} shape[] = {
    {{4, 4, 3, 3, 0}, 1, 1, 1, 1, 1}, {{6, 2, 3, 2, 0}, 2, 1, 0, 1, 2},
    {{4, 1, 3, 3, 0}, 1, 2, 2, 2, 4}, {{2, 4, 1, 1, 0}, 1, 0, 0, 1, 1},
    {{8, 2, 2, 5, 0}, 3, 0, 2, 1, 2},
};

/* Batch norm, convolution, batch norm, flatten. */
START_TEST(batch_norms_around_a_convolution)
{
    struct lip_layer layer[] = {
        make_reshape((long[]){4, 7, 6, 0}),
        batch_norm(4),
        conv(shape[_i].dim, shape[_i].stride, shape[_i].pad_h, shape[_i].pad_w,
             shape[_i].dilation, shape[_i].groups),
        batch_norm(shape[_i].dim[0]),
        make_flatten(),
    };
    struct lip_network *network = network_of(layer, 5);
    check_fold(network);
    lip_network_free(network);
}
END_TEST

/* x - conv(x) + conv'(x), of different kernels, groups and dilations. */
START_TEST(sums_of_convolutions)
{
    for (long dilation = 1; dilation < 4; dilation++) {
        size_t begin = 0, all[] = {0, 1, 2};
        long sign[] = {1, -1, 1};
        struct lip_layer layer[] = {
            make_reshape((long[]){4, 7, 6, 0}),
            conv((size_t[]){4, 4, 3, 3, 0}, 1, 1, 1, 1, 1),
            conv((size_t[]){4, 2, 3, 3, 0}, 1, dilation, dilation, dilation, 2),
            make_kind(&lip_layer_add),
            batch_norm(4),
        };
        take_from(&layer[1], 1, &begin, &none);
        take_from(&layer[2], 1, &begin, &none);
        take_from(&layer[3], 3, all, &none);
        set(&layer[3], "sign", 3, sign);
        struct lip_network *network = network_of(layer, 5);
        check_fold(network);
        lip_network_free(network);
    }
}
END_TEST

/* conv(conv(x)) with zeros in between is no convolution; nor is a sum of two
 * strides, nor a dense layer. */
START_TEST(what_is_none)
{
    size_t path[] = {1, 2};
    struct lip_layer layer[] = {
        make_reshape((long[]){4, 7, 6, 0}),
        conv((size_t[]){4, 4, 3, 3, 0}, 1, 1, 1, 1, 1),
        conv((size_t[]){4, 4, 3, 3, 0}, 1, 1, 1, 1, 1),
    };
    struct lip_network *network = network_of(layer, 3);
    struct lip_kernel kernel;
    ck_assert_int_eq(lip_fold_kernel(&kernel, network, 0, path, 2, &none),
                     LIP_OK);
    ck_assert_ptr_null(kernel.weight);
    lip_network_free(network);
}
END_TEST

/* 1.5e308 x + 1.5e308 x: no kernel, as there is no such double. */
START_TEST(what_overflows)
{
    static const double most = 1.5e308;
    size_t one[] = {1, 1, 1, 1, 0};
    size_t begin = 0, both[] = {1, 2}, path[] = {1, 2, 3};
    struct lip_layer layer[] = {
        make_reshape((long[]){1, 2, 2, 0}),
        make_conv(one, &most, NULL, &none),
        make_conv(one, &most, NULL, &none),
        make_kind(&lip_layer_add),
    };
    take_from(&layer[2], 1, &begin, &none);
    take_from(&layer[3], 2, both, &none);
    struct lip_network *network = network_of(layer, 4);
    struct lip_kernel kernel;
    ck_assert_int_eq(lip_fold_kernel(&kernel, network, 0, path, 3, &none),
                     LIP_OK);
    ck_assert_ptr_null(kernel.weight);
    lip_network_free(network);
}
END_TEST

/* x - x with an error that is left of it: no kernel, as its error is not small
 * next to its size. */
START_TEST(what_cancels)
{
    size_t begin = 0, both[] = {1, 2}, path[] = {1, 2, 3};
    long sign[] = {1, -1};
    uint64_t held = seed;
    struct lip_layer layer[4] = {make_reshape((long[]){4, 7, 6, 0}),
                                 batch_norm(4)};
    seed = held;
    layer[2] = batch_norm(4);
    layer[3] = make_kind(&lip_layer_add);
    take_from(&layer[1], 1, &begin, &none);
    take_from(&layer[2], 1, &begin, &none);
    take_from(&layer[3], 2, both, &none);
    set(&layer[3], "sign", 2, sign);
    struct lip_network *network = network_of(layer, 4);
    struct lip_kernel kernel;
    ck_assert_int_eq(lip_fold_kernel(&kernel, network, 0, path, 3, &none),
                     LIP_OK);
    ck_assert_ptr_null(kernel.weight);
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fold_kernel");
    TCase *tc = tcase_create("fold_kernel");
    tcase_add_loop_test(tc, batch_norms_around_a_convolution, 0,
                        sizeof shape / sizeof *shape);
    tcase_add_test(tc, sums_of_convolutions);
    tcase_add_test(tc, what_is_none);
    tcase_add_test(tc, what_cancels);
    tcase_add_test(tc, what_overflows);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
