/* SPDX-License-Identifier: MIT
 *
 * lipsdp run once and measured, for the benchmarks of it. */
#ifndef LIP_TESTS_SUPPORT_LIPSDP_H
#define LIP_TESTS_SUPPORT_LIPSDP_H

#include "bounds/method.h"
#include "network/chain.h"

/* One run to a proven gap. */
struct lipsdp_run {
    double tolerance; /* in: as in struct lip_bound_options */
    double patience;  /* in: seconds of wall time; 0: no limit */
    unsigned threads; /* in: 0 as 1 */
    struct lip_bound bound;
    double cpu, wall; /* seconds; cpu of this thread only */
    double peak;      /* bytes of the budget, the chain's not among them */
};

/* Runs; the benchmark fails where the method does. */
void lipsdp_run(struct lipsdp_run *run, const struct lip_chain *chain);

/* upper / lower - 1, both proven. */
double lipsdp_gap(const struct lipsdp_run *run);

/* "converged", "time-limit", "iteration-limit". */
const char *lipsdp_state(const struct lipsdp_run *run);

/* CPU seconds of one eclipse-fast of ours, the median of several. */
double lipsdp_pass(const struct lip_chain *chain);

/* ReLU, no biases, Gaussian weights of standard deviation gain / sqrt(inputs):
 * `inputs` numbers, `layers` hidden ones of `width`, `outputs`. Any depth. */
struct lip_chain *lipsdp_random(size_t inputs, size_t width, size_t layers,
                                size_t outputs, double gain, uint64_t seed);

#endif
