/* SPDX-License-Identifier: MIT
 *
 * lipsdp against optima that other solvers found: both bounds within 1e-4 of
 * them, each on its side. */
#include "tests/support/golden.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double TOLERANCE = 1e-4;

/* `known` is how far the reference may be off, relative. */
static void check(const char *folder, const char *file, double optimum,
                  double known)
{
    struct lip_chain *chain = golden_chain(folder, file);
    struct lip_bound_options options = {.norm = PAIR_22,
                                        .tolerance = TOLERANCE};
    struct lip_ctx ctx = {0};
    struct lip_bound b;
    ck_assert_int_eq(
        lip_method_run(&b, lip_method_find("lipsdp"), chain, &options, &ctx),
        LIP_OK);
    double upper = b.upper_bound / optimum - 1;
    double lower = b.optimum_at_least / optimum - 1;
    printf("%-36s %+.1e %+.1e, %zu sweeps\n", file, lower, upper, b.iterations);
    ck_assert_msg(b.state == LIP_BOUND_CONVERGED, "%s: between %g and %g", file,
                  lower, upper);
    ck_assert_msg(b.upper_bound <= (1 + TOLERANCE) * b.optimum_at_least,
                  "%s: not within the tolerance", file);
    ck_assert_msg(upper >= -known, "%s: upper bound off by %g", file, upper);
    ck_assert_msg(lower <= known, "%s: lower bound off by %g", file, lower);
    lip_chain_free(chain);
}

static double number(const json_t *entry, const char *key)
{
    const json_t *value = json_object_get(entry, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

START_TEST(shipped)
{
    json_t *golden = golden_json(GOLDEN_SHIPPED, "golden.json");
    const json_t *entry;
    size_t i, checked = 0;
    json_array_foreach(golden, i, entry)
    {
        char file[100];
        double optimum = number(entry, "lipsdp_neuron_l2");
        if (isnan(optimum))
            continue;
        snprintf(file, sizeof file, "%s.npz",
                 json_string_value(json_object_get(entry, "name")));
        check(GOLDEN_SHIPPED, file, optimum, number(entry, "lipsdp_rel_tol"));
        checked++;
    }
    ck_assert_uint_ge(checked, 8);
    json_decref(golden);
}
END_TEST

START_TEST(collection)
{
    const char *folder = golden_folder(), *last = "";
    if (!folder)
        return;
    json_t *golden = golden_json(folder, "global.json");
    const json_t *entry;
    size_t i, checked = 0;
    json_array_foreach(json_object_get(golden, "entries"), i, entry)
    {
        const char *method =
            json_string_value(json_object_get(entry, "method"));
        const char *file = json_string_value(json_object_get(entry, "file"));
        if (!strstr(method, "LipSDP-Neuron") || strcmp(file, last) == 0 ||
            !json_is_true(json_object_get(entry, "file_present")))
            continue;
        double known = fmax(number(entry, "rel_tolerance"), 1e-9);
        check(folder, file, number(entry, "value"), known);
        last = file;
        checked++;
    }
    ck_assert_uint_ge(checked, 30);
    json_decref(golden);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden/lipsdp");
    TCase *tc = tcase_create("lipsdp");
    tcase_set_timeout(tc, 200);
    tcase_add_test(tc, shipped);
    tcase_add_test(tc, collection);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
