/* SPDX-License-Identifier: MIT
 *
 * Methods on unrolled graphs: residual networks beside CSDP's optimum of the
 * residual matrix inequality, and the convolutional networks of ../shared, the
 * least proven bound beside the product of the layers' norms and lipsdp's own
 * proof of how low it could be. */
#include "tests/support/unrolled.h"
#include "bounds/product.h"
#include "linalg/blas.h"
#include "tests/support/drawn.h"
#include "tests/support/files.h"
#include "tests/support/graph_lmi.h"
#include "tests/support/measure.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(const char *name, const char *what, double value,
                const char *unit, double ratio, const char *baseline)
{
    char text[100];
    snprintf(text, sizeof text, "unrolled/%s/%s", name, what);
    measure_print(text, value, unit, ratio, baseline);
}

static double run(const char *name, const char *method, double tolerance,
                  const struct lip_chain *chain, struct lip_bound *bound)
{
    struct lip_bound_options options = {.norm = {LIP_NORM_2, LIP_NORM_2},
                                        .tolerance = tolerance};
    struct lip_ctx ctx = {0};
    double from = measure_now();
    enum lip_status status =
        lip_method_run(bound, lip_method_find(method), chain, &options, &ctx);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    if (bound->skipped) {
        printf("# %s, %s: %s\n", name, method, bound->reason);
        return NAN;
    }
    char what[60];
    snprintf(what, sizeof what, "%s-seconds", method);
    say(name, what, measure_now() - from, "s", NAN, NULL);
    return bound->upper_bound;
}

/* lipsdp within 1 % of CSDP's optimum, and not below it. */
static void against_csdp(const char *name, const struct lip_network *network)
{
    struct lip_chain *chain = unrolled_chain(network, NULL);
    struct lip_bound bound;
    double seconds, value = graph_lmi(network, &seconds);
    ck_assert_msg(isfinite(value), "csdp failed");
    double from = measure_now();
    double least = run(name, "lipsdp", 0.005, chain, &bound);
    say(name, "csdp", value, "", NAN, NULL);
    say(name, "csdp-seconds", seconds, "s", seconds / (measure_now() - from),
        "lipsdp");
    say(name, "lipsdp", least, "", least / value,
        "CSDP's optimum of the residual inequality (1.01 asked for)");
    ck_assert_double_ge(least, value * (1 - 1e-6));
    ck_assert_double_le(least, value * 1.01);
    lip_chain_free(chain);
}

static void random_residuals(void)
{
    uint64_t seed = 1;
    for (size_t blocks = 1; blocks <= 4; blocks++) {
        char name[40];
        struct lip_network *network =
            drawn_residual(&seed, "relu", 12, 10, 14, blocks, 4, 1, NULL);
        snprintf(name, sizeof name, "residual-%zu", blocks);
        against_csdp(name, network);
        lip_network_free(network);
    }
}

static struct lip_network *read(const char *name)
{
    char path[80];
    struct bytes bytes = {0};
    struct lip_network *network;
    struct lip_ctx ctx = {0};
    snprintf(path, sizeof path, "../shared/models/%s.onnx", name);
    if (!bytes_load(&bytes, path)) {
        printf("# skipped: %s is not there\n", path);
        return NULL;
    }
    enum lip_status status = read_bytes(&network, &bytes, NULL, &ctx);
    bytes_clear(&bytes);
    ck_assert_msg(status == LIP_OK, "%s", ctx.error.detail);
    return network;
}

static void convolutional(const char *name, double tolerance)
{
    struct lip_network *network = read(name);
    if (!network)
        return;
    double from = measure_now(), product;
    struct lip_chain *chain = unrolled_chain(network, NULL);
    struct lip_bound bound;
    say(name, "unrolling", measure_now() - from, "s", NAN, NULL);
    say(name, "matrices", lip_chain_bytes(network) * 1e-6, "MB", NAN, NULL);
    product = run(name, "spectral", 0, chain, &bound);
    say(name, "product", product, "", NAN, NULL);
    static const char *const method[] = {"absolute", "midpoint",
                                         "eclipse-fast"};
    for (int i = 0; i < 3; i++) {
        double value = run(name, method[i], 0, chain, &bound);
        say(name, method[i], value, "", product / value,
            "the product of norms");
    }
    double value = run(name, "lipsdp", tolerance, chain, &bound);
    say(name, "lipsdp", value, "", product / value,
        "the product of norms (2 asked for)");
    say(name, "lipsdp-gap", 100 * (value / bound.optimum_at_least - 1), "%",
        NAN, "its proven lower bound of LipSDP's optimum (5 asked for)");
    lip_chain_free(chain);
    lip_network_free(network);
}

static void bench(void)
{
    lip_blas_single_threaded();
    if (graph_lmi_can()) {
        struct lip_network *network = read("mnist_resmlp");
        random_residuals();
        if (network)
            against_csdp("mnist_resmlp", network);
        lip_network_free(network);
    } else {
        puts("# skipped: csdp is not installed");
    }
    convolutional("mnist_cnn", 0.01);
    if (getenv("BENCH_LONG"))
        convolutional("mnist_cnn_bn_pool", 0.01);
    else
        puts("# skipped: mnist_cnn_bn_pool (BENCH_LONG=1 runs it)");
}

int main(void)
{
    return measure_main(bench);
}
