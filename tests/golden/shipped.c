/* SPDX-License-Identifier: MIT
 *
 * The shipped golden networks: products and ECLipsE-Fast agree with values of
 * other programs, every bound is above the optimum of LipSDP or the norm of
 * the matrix product where theory says so. */
#include "tests/support/golden.h"
#include "tests/support/methods.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A reference value is itself rounded: it is right to about 1e-12 of itself,
 * and 1e-10 is what its makers promise. */
static const double REFERENCE = 1e-12, CLOSE = 1e-9;

static void agree(double bound, double value, const char *name,
                  const char *what)
{
    ck_assert_msg(bound >= value * (1 - REFERENCE),
                  "%s, %s: %.17g is below %.17g", name, what, bound, value);
    ck_assert_msg(bound <= value * (1 + CLOSE), "%s, %s: %.17g above %.17g",
                  name, what, bound, value);
}

static double number(const json_t *entry, const char *key)
{
    const json_t *value = json_object_get(entry, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static const struct lip_norm_pair diagonal[] = {{LIP_NORM_1, LIP_NORM_1},
                                                {LIP_NORM_2, LIP_NORM_2},
                                                {LIP_NORM_INF, LIP_NORM_INF}};

static void check(const json_t *entry)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    char file[100];
    snprintf(file, sizeof file, "%s.npz", name);
    struct lip_chain *chain = golden_chain(GOLDEN_SHIPPED, file);
    agree(bound_of("naive", chain, diagonal[0]), number(entry, "product_l1"),
          name, "product, norm 1");
    agree(bound_of("naive", chain, diagonal[2]), number(entry, "product_linf"),
          name, "product, norm inf");
    agree(bound_of("naive", chain, PAIR_22), number(entry, "product_frobenius"),
          name, "product of Frobenius norms");
    agree(bound_of("spectral", chain, PAIR_22), number(entry, "product_l2"),
          name, "product of spectral norms");
    double fast = bound_of("eclipse-fast", chain, PAIR_22);
    agree(fast, number(entry, "eclipse_fast_l2"), name, "ECLipsE-Fast");
    ck_assert_double_le(bound_of("closed-form", chain, PAIR_22), fast);
    double least = number(entry, "lipsdp_neuron_l2") *
                   (1 - number(entry, "lipsdp_rel_tol"));
    double linear = number(entry, "matrix_product_l2") * (1 - REFERENCE);
    for (size_t i = 0; direct_methods[i]; i++) {
        const char *id = direct_methods[i];
        double bound = bound_of(id, chain, PAIR_22);
        ck_assert_msg(bound >= linear, "%s: %s below the norm of the product",
                      name, id);
        /* LipLT can lie below LipSDP, the closed forms cannot. */
        bool sdp = strcmp(id, "midpoint") != 0 && strcmp(id, "absolute") != 0;
        ck_assert_msg(!sdp || isnan(least) || bound >= least,
                      "%s: %s below LipSDP-Neuron", name, id);
    }
    lip_chain_free(chain);
}

START_TEST(values_of_other_programs)
{
    json_t *golden = golden_json(GOLDEN_SHIPPED, "golden.json");
    const json_t *entry;
    size_t i;
    json_array_foreach(golden, i, entry) check(entry);
    ck_assert_uint_ge(i, 8);
    json_decref(golden);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden/shipped");
    TCase *tc = tcase_create("shipped");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, values_of_other_programs);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
