/* SPDX-License-Identifier: MIT
 *
 * Activations: every difference quotient of the function lies in the slope
 * interval, the interval is no wider than the quotients need, derivative and
 * value agree, names are found. */
#include "network/activation.h"

#include "tests/support/suite.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint64_t state = 20240611;

static double uniform(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) * 0x1p-53;
}

static double between(double lo, double hi)
{
    return lo + (hi - lo) * uniform();
}

/* Either sign, sizes from `small` to `large` alike. */
static double spread(double small, double large)
{
    double size = exp(between(log(small), log(large)));
    return uniform() < 0.5 ? -size : size;
}

/* Parameter values that try the interval: the default, ends of the range,
 * special points, moderate and wild ones; set number `round`. */
static void draw_parameters(double *out, const struct lip_activation *a,
                            int round)
{
    static const double special[] = {0, 1, -1, 0.5, -2, 3, 1e-6, 1e6, -1e6};
    enum { SPECIAL = sizeof special / sizeof *special };
    for (size_t k = 0; a->parameter[k].name; k++) {
        const struct lip_parameter *p = &a->parameter[k];
        double value = p->fallback;
        if (round > 0 && round <= SPECIAL)
            value = special[(size_t)round - 1];
        else if (round > SPECIAL)
            value = round % 2 ? spread(1e-3, 1e3) : between(-3, 3);
        out[k] = fmin(fmax(value, p->min), p->max);
    }
    if (round > 40 && a->parameter[1].name)
        out[1] = out[0] + spread(0.01, 10);
}

/* A point where something may happen: near 0, near a kink, far out. */
static double draw_point(const struct lip_activation *a,
                         const double *parameter)
{
    double pick = uniform();
    if (pick < 0.3)
        return between(-8, 8);
    if (pick < 0.6)
        return spread(1e-6, 1e9);
    double kink[] = {0, 3, -3, 6, parameter[0], -parameter[0], parameter[1]};
    size_t n = a->parameter[0].name ? 7 : 4;
    return kink[(size_t)(uniform() * (double)n)] + spread(1e-6, 10);
}

struct range {
    double lo, hi;
};

/* Checks one quotient, widens `seen` by it. The slack is what rounding can do
 * to it: a few units in the last place of all that enters. */
static void check_quotient(const struct lip_activation *a,
                           const double *parameter, double x, double y,
                           struct range *seen)
{
    if (!(x != y))
        return;
    struct lip_slopes s = a->slopes(parameter);
    double fx = a->value(x, parameter), fy = a->value(y, parameter);
    double reach = 1;
    for (size_t k = 0; a->parameter[k].name; k++)
        reach += fmin(fabs(parameter[k]), 1e6);
    double size = fabs(fx) + fabs(fy) + fabs(x) + fabs(y) + reach;
    double slack =
        16 * 0x1p-53 * size * (1 + fmax(fabs(s.lo), fabs(s.hi))) / fabs(x - y);
    double q = (fx - fy) / (x - y);
    /* Not an assertion each time: libcheck writes a record for every one. */
    if (!(q >= s.lo - slack && q <= s.hi + slack))
        ck_abort_msg("%s(%g, %g): (%.17g, %.17g) has slope %.17g outside "
                     "[%.17g, %.17g]",
                     a->name, parameter[0], parameter[1], x, y, q, s.lo, s.hi);
    if (slack < 1e-6) {
        seen->lo = fmin(seen->lo, q);
        seen->hi = fmax(seen->hi, q);
    }
}

static struct range sample(const struct lip_activation *a,
                           const double *parameter, int count)
{
    struct range seen = {INFINITY, -INFINITY};
    for (int i = 0; i < count; i++) {
        double x = draw_point(a, parameter);
        double y =
            uniform() < 0.3 ? draw_point(a, parameter) : x + spread(1e-5, 1);
        check_quotient(a, parameter, x, y, &seen);
    }
    return seen;
}

START_TEST(quotients_stay_inside)
{
    const struct lip_activation *a = lip_activations[_i];
    for (int round = 0; round < 80; round++) {
        double parameter[LIP_MAX_PARAMETERS] = {0};
        draw_parameters(parameter, a, round);
        sample(a, parameter, 4000);
    }
}
END_TEST

/* A slope interval that is too wide is a bound that is too large. */
START_TEST(intervals_are_reached)
{
    const struct lip_activation *a = lip_activations[_i];
    for (int round = 0; round < 12; round++) {
        double parameter[LIP_MAX_PARAMETERS] = {0};
        draw_parameters(parameter, a, 0);
        for (size_t k = 0; round && a->parameter[k].name; k++)
            parameter[k] = fmin(fmax(between(-3, 3), a->parameter[k].min + 0.2),
                                a->parameter[k].max);
        struct lip_slopes s = a->slopes(parameter);
        struct range seen = sample(a, parameter, 60000);
        ck_assert_msg(seen.lo - s.lo < 2e-3 && s.hi - seen.hi < 2e-3,
                      "%s(%g, %g): slopes [%.9g, %.9g], seen [%.9g, %.9g]",
                      a->name, parameter[0], parameter[1], s.lo, s.hi, seen.lo,
                      seen.hi);
    }
}
END_TEST

START_TEST(derivative_is_the_limit_of_quotients)
{
    const struct lip_activation *a = lip_activations[_i];
    for (int round = 0; round < 400; round++) {
        double parameter[LIP_MAX_PARAMETERS] = {0};
        draw_parameters(parameter, a, 0);
        double x = between(-10, 10), h = 1e-5;
        double left = (a->value(x, parameter) - a->value(x - h, parameter)) / h;
        double right =
            (a->value(x + h, parameter) - a->value(x, parameter)) / h;
        double d = a->derivative(x, parameter);
        struct lip_slopes s = a->slopes(parameter);
        ck_assert_msg(
            d >= fmin(left, right) - 1e-4 && d <= fmax(left, right) + 1e-4,
            "%s'(%g) = %g, quotients %g and %g", a->name, x, d, left, right);
        ck_assert(d >= s.lo - 1e-12 && d <= s.hi + 1e-12);
    }
}
END_TEST

/* No finite input may give NaN, nor a value larger than slopes allow. */
START_TEST(values_are_finite_far_out)
{
    static const double far[] = {1e3,   -1e3,   1e10,   -1e10, 1e150,
                                 1e300, -1e300, 1e-320, 0,     -1e150};
    const struct lip_activation *a = lip_activations[_i];
    double parameter[LIP_MAX_PARAMETERS] = {0};
    draw_parameters(parameter, a, 0);
    for (size_t k = 0; k < sizeof far / sizeof *far; k++) {
        ck_assert(isfinite(a->value(far[k], parameter)));
        ck_assert(isfinite(a->derivative(far[k], parameter)));
    }
}
END_TEST

START_TEST(intervals_for_chosen_parameters)
{
    static const struct {
        const char *name;
        double parameter[2], lo, hi;
    } row[] = {
        {"relu", {0}, 0, 1},           {"leaky-relu", {0.1}, 0.1, 1},
        {"leaky-relu", {2.5}, 1, 2.5}, {"leaky-relu", {-3}, -3, 1},
        {"leaky-relu", {1}, 1, 1},     {"prelu", {-0.5}, -0.5, 1},
        {"elu", {0.5}, 0, 1},          {"elu", {2}, 0, 2},
        {"elu", {-2}, -2, 1},          {"hard-tanh", {-1, 1}, 0, 1},
        {"hard-tanh", {2, 2}, 0, 0},   {"hard-tanh", {3, 2}, 0, 0},
        {"soft-shrink", {0.5}, 0, 1},  {"soft-shrink", {0}, 1, 1},
        {"sigmoid", {0}, 0, 0.25},     {"hard-swish", {0}, -0.5, 1.5},
        {"abs", {0}, -1, 1},           {"identity", {0}, 1, 1},
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        struct lip_slopes s =
            lip_activation_find(row[k].name)->slopes(row[k].parameter);
        ck_assert_msg(s.lo == row[k].lo && s.hi == row[k].hi,
                      "%s(%g): [%g, %g]", row[k].name, row[k].parameter[0],
                      s.lo, s.hi);
    }
}
END_TEST

START_TEST(known_values)
{
    static const struct {
        const char *name;
        double x, y;
    } row[] = {
        {"relu", -2, 0},
        {"leaky-relu", -2, -0.02},
        {"prelu", -2, -0.5},
        {"relu6", 7, 6},
        {"elu", -1, -0.63212055882855768},
        {"selu", -1, -1.1113307378125627},
        {"celu", -1, -0.63212055882855768},
        {"softplus", 1, 1.3132616875182228},
        {"tanh", 0.5, 0.46211715726000976},
        {"sigmoid", 1, 0.73105857863000488},
        {"log-sigmoid", 1, -0.31326168751822284},
        {"hard-tanh", -4, -1},
        {"hard-sigmoid", 1, 2.0 / 3},
        {"hard-swish", 1, 2.0 / 3},
        {"silu", 1, 0.73105857863000488},
        {"quick-gelu", 1, 0.84579576593282130},
        {"gelu", 1, 0.84134474606854293},
        {"gelu-tanh", 1, 0.84119199060827676},
        {"mish", 1, 0.86509838826731031},
        {"softsign", -3, -0.75},
        {"soft-shrink", -2, -1.5},
        {"tanh-shrink", 0.5, 0.03788284273999024},
        {"arctan", 1, 0.78539816339744831},
        {"erf", 0.5, 0.52049987781304654},
        {"sin", 1, 0.8414709848078965},
        {"cos", 1, 0.54030230586813972},
        {"abs", -2, 2},
        {"identity", -2, -2},
    };
    size_t rows = sizeof row / sizeof *row, count = 0;
    while (lip_activations[count])
        count++;
    ck_assert_uint_eq(rows, count);
    for (size_t k = 0; k < rows; k++) {
        const struct lip_activation *a = lip_activation_find(row[k].name);
        double parameter[LIP_MAX_PARAMETERS] = {0};
        draw_parameters(parameter, a, 0);
        double y = a->value(row[k].x, parameter);
        ck_assert_msg(fabs(y - row[k].y) <= 4e-16 * (1 + fabs(y)),
                      "%s(%g) = %.17g", a->name, row[k].x, y);
    }
}
END_TEST

START_TEST(descriptors_are_complete)
{
    const struct lip_activation *a = lip_activations[_i];
    ck_assert_ptr_nonnull(a->formula);
    ck_assert_ptr_eq(lip_activation_find(a->name), a);
    ck_assert_uint_eq(strspn(a->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
                      strlen(a->name));
    ck_assert(!a->per_neuron || a->parameter[0].name);
    for (size_t k = 0; a->parameter[k].name; k++) {
        const struct lip_parameter *p = &a->parameter[k];
        ck_assert(k < LIP_MAX_PARAMETERS);
        ck_assert(p->min <= p->fallback && p->fallback <= p->max);
        ck_assert(isfinite(p->min) && isfinite(p->max));
    }
}
END_TEST

START_TEST(names_are_found)
{
    static const char *const pair[][2] = {
        {"swish", "silu"},
        {"LeakyReLU", "leaky-relu"},
        {"leaky_relu", "leaky-relu"},
        {"logistic", "sigmoid"},
        {"Hardtanh", "hard-tanh"},
        {"linear", "identity"},
        {"gelu_new", "gelu-tanh"},
        {"atan", "arctan"},
        {"LogSigmoid", "log-sigmoid"},
        {"Absolute", "abs"},
    };
    for (size_t k = 0; k < sizeof pair / sizeof *pair; k++)
        ck_assert_str_eq(lip_activation_find(pair[k][0])->name, pair[k][1]);
    static const char *const unknown[] = {"",      "-",     "rel",    "relu7",
                                          "relu ", "dense", "softmax"};
    for (size_t k = 0; k < sizeof unknown / sizeof *unknown; k++)
        ck_assert_ptr_null(lip_activation_find(unknown[k]));
}
END_TEST

int main(void)
{
    printf("seed %llu\n", (unsigned long long)state);
    int count = 0;
    while (lip_activations[count])
        count++;
    Suite *suite = suite_create("network/activation");
    TCase *each = tcase_create("each");
    tcase_set_timeout(each, 120);
    tcase_add_loop_test(each, quotients_stay_inside, 0, count);
    tcase_add_loop_test(each, intervals_are_reached, 0, count);
    tcase_add_loop_test(each, derivative_is_the_limit_of_quotients, 0, count);
    tcase_add_loop_test(each, values_are_finite_far_out, 0, count);
    tcase_add_loop_test(each, descriptors_are_complete, 0, count);
    suite_add_tcase(suite, each);
    TCase *known = tcase_create("known");
    tcase_add_test(known, intervals_for_chosen_parameters);
    tcase_add_test(known, known_values);
    tcase_add_test(known, names_are_found);
    suite_add_tcase(suite, known);
    return run_suite(suite);
}
