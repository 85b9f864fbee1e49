/* SPDX-License-Identifier: MIT
 *
 * Residual networks against CSDP 6.2's optimum of the residual matrix
 * inequality in its full form: lipsdp is within 1 % of it, every method at or
 * above it that bounds the same relaxation. Solved anew where csdp is
 * installed. */
#include "tests/support/drawn.h"
#include "tests/support/graph_lmi.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"
#include "tests/support/unrolled.h"

#include <math.h>
#include <stdio.h>

static const struct {
    uint64_t seed;
    size_t blocks;
    double optimum;
} row[] = {
    {11, 1, 2.74284834}, {12, 2, 3.85274457}, {13, 3, 11.2981062},
    {14, 4, 22.4104273}, {15, 6, 80.3630738},
};

START_TEST(against_csdp)
{
    uint64_t seed = row[_i].seed;
    struct lip_network *network =
        drawn_residual(&seed, "relu", 12, 10, 14, row[_i].blocks, 4, 1, NULL);
    struct lip_chain *chain = unrolled_chain(network, NULL);
    double optimum = row[_i].optimum, seconds;
    if (graph_lmi_can()) {
        double value = graph_lmi(network, &seconds);
        printf("%d: csdp %.9g\n", _i, value);
        ck_assert_double_eq_tol(value, optimum, 1e-6 * optimum);
    }
    double value = bound_of("lipsdp", chain, PAIR_22);
    ck_assert_double_ge(value, optimum * (1 - 1e-7));
    ck_assert_double_le(value, optimum * 1.01);
    static const char *const above[] = {"eclipse-fast", "closed-form",
                                        "eclipse"};
    for (int i = 0; i < 3; i++)
        ck_assert_double_ge(bound_of(above[i], chain, PAIR_22),
                            optimum * (1 - 1e-7));
    lip_chain_free(chain);
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden/residual");
    TCase *tc = tcase_create("residual");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, against_csdp, 0, (int)(sizeof row / sizeof *row));
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
