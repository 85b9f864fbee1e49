/* SPDX-License-Identifier: MIT
 *
 * closed-form on deep networks: how far below eclipse-fast it gets, and its
 * distance from the optimum of LipSDP-Neuron beside the column "balanced after
 * r=2" that another program measured (one rule after one gauge). */
#include "tests/support/golden.h"
#include "tests/support/measure.h"

#include <string.h>

/* Networks, the optimum, and the column. */
static const struct {
    const char *file;
    double optimum, column;
} row[] = {
    {"eclipse/gl_lyr5n20.mat", 0.635234704, 1.293},
    {"eclipse/gl_lyr10n10.mat", 2.04901797, 1.593},
    {"eclipse/gl_lyr10n20.mat", 0.305305802, 1.780},
    {"eclipse/gl_lyr15n20.mat", 0.415046883, 2.204},
    {"eclipse/gl_lyr20n10.mat", 4.93702943, 3.008},
    {"eclipse/gl_lyr20n20.mat", 14.1094432, 3.011},
    {"eclipse/gl_lyr25n20.mat", 4.6074, 4.022},
    {"eclipse/mnist_lyr3n100test1.mat", 15.7332041, 1.096},
    {"eclipse/mnist_jr.mat", 30.3748653, 1.364},
    {"nonnegative/rand_nonneg_L20n20.mat", 4.16501484, 1.010},
};

static void bench(void)
{
    const char *folder = golden_folder();
    for (size_t i = 0; folder && i < sizeof row / sizeof *row; i++) {
        char name[100];
        struct lip_chain *chain = golden_chain(folder, row[i].file);
        double best = bound_of("closed-form", chain, PAIR_22);
        double fast = bound_of("eclipse-fast", chain, PAIR_22);
        const char *file = strchr(row[i].file, '/') + 1;
        int length = (int)(strrchr(file, '.') - file);
        snprintf(name, sizeof name, "closed-form/%.*s", length, file);
        measure_print(name, best, "bound", best / fast, "eclipse-fast");
        snprintf(name, sizeof name, "closed-form/%.*s/gap", length, file);
        double gap = best / row[i].optimum;
        measure_print(name, gap, "optimum", gap / row[i].column,
                      "column \"balanced after r=2\"");
        lip_chain_free(chain);
    }
}

int main(void)
{
    return measure_main(bench);
}
