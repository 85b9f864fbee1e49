/* SPDX-License-Identifier: MIT
 *
 * Images a second through the convolutional network of the shipped MNIST model
 * (its sizes, other weights), batch 256, one thread, against the same in
 * PyTorch where that is installed. */
#include "network/inference.h"

#include "tests/support/graph.h"
#include "tests/support/measure.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>

enum { BATCH = 256, MOST = 156800 };

struct work {
    struct lip_inference *inference;
    float *x, *y;
};

static void run(void *arg)
{
    struct work *work = arg;
    ck_assert_int_eq(
        lip_inference_run(work->y, work->inference, work->x, BATCH, NULL),
        LIP_OK);
}

static struct lip_network *make(void)
{
    static double number[MOST];
    for (size_t i = 0; i < MOST; i++)
        number[i] = 0.1 * sin((double)(7 * i + i * i % 1013));
    struct lip_layer layer[] = {
        make_reshape((long[]){1, 28, 28, 0}),
        make_conv((size_t[]){16, 1, 3, 3, 0}, number, number, NULL),
        make_activation("relu"),
        make_conv((size_t[]){32, 16, 3, 3, 0}, number, number, NULL),
        make_activation("relu"),
        make_flatten(),
        make_dense(100, 1568, number, number, NULL),
        make_activation("relu"),
        make_dense(10, 100, number, number, NULL)};
    struct lip_ctx ctx = {0};
    struct lip_network *network;
    for (size_t i = 1; i <= 3; i += 2) {
        set(&layer[i], "stride", 1, (long[]){2});
        set(&layer[i], "padding", 1, (long[]){1});
    }
    ck_assert_msg(make_network(&network, layer, 9, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    return network;
}

/* CPU seconds of a batch there; NAN without PyTorch. */
static double torch(void)
{
    double seconds = NAN;
    FILE *from = popen("/usr/bin/python3 tests/bench/networks/forward_torch.py "
                       "2>/dev/null",
                       "r");
    if (!from)
        return NAN;
    if (fscanf(from, "%lf", &seconds) != 1)
        seconds = NAN;
    pclose(from);
    return seconds;
}

static void bench(void)
{
    struct lip_network *network = make();
    struct work work = {0};
    work.x = lip_calloc(NULL, BATCH * network->inputs, sizeof(float));
    work.y = lip_calloc(NULL, BATCH * network->outputs, sizeof(float));
    ck_assert_int_eq(lip_inference_new(&work.inference, network, NULL), LIP_OK);
    struct measure here = {.run = run, .arg = &work};
    measure(&here, 1, 2);
    double there = torch();
    measure_print("forward-mnist-cnn", BATCH / here.seconds, "images/s", NAN,
                  NULL);
    if (isnan(there))
        printf("# no PyTorch here: `make bench-networks` installs it\n");
    else
        measure_print("forward-mnist-cnn-torch", BATCH / there, "images/s",
                      there / here.seconds, "ours is so many times as fast");
    lip_inference_free(work.inference);
    lip_network_free(network);
    lip_free(work.x);
    lip_free(work.y);
}

int main(void)
{
    return measure_main(bench);
}
