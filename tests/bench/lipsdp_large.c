/* SPDX-License-Identifier: MIT
 *
 * lipsdp on networks that no dense solver reaches: seconds to a proven 1 % on
 * one core, memory, two threads against one, and how cost grows with depth. */
#include "bounds/ascent.h"
#include "linalg/blas.h"
#include "tests/support/golden.h"
#include "tests/support/lipsdp.h"
#include "tests/support/measure.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 3, RANK = 16, SWEEPS = 20 };

static const double PATIENCE = 60, MEMORY = 1e9, GAIN = 1.5;

static void line(const char *name, const char *what, double value,
                 const char *unit, double ratio, const char *baseline)
{
    char text[100];
    snprintf(text, sizeof text, "lipsdp-large/%s/%s", name, what);
    measure_print(text, value, unit, ratio, baseline);
}

/* Wall time with two threads and with one, the least of several runs that
 * alternate: other work on the machine can only make a run longer. */
static void two_threads(const char *name, const struct lip_chain *chain)
{
    double wall[2] = {INFINITY, INFINITY}, load = 0;
    double bound[2] = {0, 0}, lower[2] = {0, 0};
    char text[80];
    for (int i = 0; i < 2 * ROUNDS; i++) {
        struct lipsdp_run run = {.tolerance = 0.01,
                                 .patience = 2 * PATIENCE,
                                 .threads = 1 + (unsigned)i % 2};
        lipsdp_run(&run, chain);
        wall[i % 2] = fmin(wall[i % 2], run.wall);
        bound[i % 2] = run.bound.upper_bound;
        lower[i % 2] = run.bound.optimum_at_least;
    }
    ck_assert(bound[0] - bound[1] == 0 && lower[0] - lower[1] == 0);
    getloadavg(&load, 1);
    snprintf(text, sizeof text,
             "times one thread's speed (1.6 asked for; load average %.1f)",
             load);
    line(name, "two-threads", wall[1], "s", wall[0] / wall[1], text);
}

static void large(const char *name, struct lip_chain *chain)
{
    double rss = measure_memory(0, "VmRSS:");
    measure_reset_peak(0);
    struct lipsdp_run run = {.tolerance = 0.01, .patience = 2 * PATIENCE};
    lipsdp_run(&run, chain);
    double peak = measure_memory(0, "VmHWM:"), pass = lipsdp_pass(chain);
    line(name, "proven-1%", run.cpu, "s", run.cpu / PATIENCE, "60 s allowed");
    line(name, "passes", run.cpu / pass, "passes", run.cpu / pass, "one pass");
    printf("# %s: %s, upper bound %.6g, gap %.2e, %zu sweeps, process grew by "
           "%.0f MB\n",
           name, lipsdp_state(&run), run.bound.upper_bound, lipsdp_gap(&run),
           run.bound.iterations, 1e-6 * (peak - rss));
    line(name, "workspace", 1e-6 * run.peak, "MB", run.peak / MEMORY,
         "1 GB allowed");
    line(name, "process-peak", 1e-6 * peak, "MB", peak / MEMORY,
         "1 GB allowed");
    two_threads(name, chain);
    lip_chain_free(chain);
}

static void sweeps(void *ascent)
{
    lip_ascent_run(ascent, SWEEPS, false);
}

/* One sweep and one proven pass, per layer; what a proven 1 % takes. */
static void depth(size_t layers, double *sweep_unit, double *pass_unit)
{
    struct lip_ascent ascent;
    char name[40];
    struct lip_chain *chain = lipsdp_random(20, 40, layers, 10, GAIN, layers);
    ck_assert_int_eq(lip_ascent_new(&ascent, chain, RANK, NULL), LIP_OK);
    struct measure work = {sweeps, &ascent, 0};
    measure(&work, 1, 0.2);
    lip_ascent_clear(&ascent);
    double n = (double)layers;
    double sweep = work.seconds / SWEEPS / n, pass = lipsdp_pass(chain) / n;
    *sweep_unit = *sweep_unit > 0 ? *sweep_unit : sweep;
    *pass_unit = *pass_unit > 0 ? *pass_unit : pass;
    struct lipsdp_run run = {.tolerance = 0.01, .patience = PATIENCE};
    lipsdp_run(&run, chain);
    snprintf(name, sizeof name, "depth-%zux40", layers);
    line(name, "sweep-per-layer", 1e6 * sweep, "us", sweep / *sweep_unit,
         "10 layers'");
    line(name, "pass-per-layer", 1e6 * pass, "us", pass / *pass_unit,
         "10 layers'");
    line(name, "sweeps-to-1%", (double)run.bound.iterations, "sweeps",
         run.cpu / (pass * n), "eclipse-fast passes in all");
    if (run.bound.state != LIP_BOUND_CONVERGED)
        printf("# MISSED %s: %s at a gap of %.2e\n", name, lipsdp_state(&run),
               lipsdp_gap(&run));
    lip_chain_free(chain);
}

static void bench(void)
{
    static const size_t layers[] = {10, 20, 40, 60, 80, 100};
    double sweep = 0, pass = 0;
    lip_blas_single_threaded();
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        depth(layers[i], &sweep, &pass);
    const char *folder = golden_folder();
    if (folder)
        large("r_20_100x50_10",
              golden_chain(folder, "random/r_20_100x50_10.npz"));
    large("20-80x100-10", lipsdp_random(20, 80, 100, 10, GAIN, 1));
    large("784-1000-1000-10", lipsdp_random(784, 1000, 2, 10, GAIN, 1));
}

int main(void)
{
    return measure_main(bench);
}
