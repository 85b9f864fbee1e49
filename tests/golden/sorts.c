/* SPDX-License-Identifier: MIT
 *
 * Networks that sort or mirror numbers against CSDP 6.2's optimum of the matrix
 * inequality of their pairs in its full form, from comparisons of its own:
 * lipsdp is within its tolerance of it. That optimum is never above that of the
 * inequality with one multiplier a group (Pauli et al., ICLR 2024), and nothing
 * is below what points show. Solved anew where csdp is installed. */
#include "bounds/method.h"

#include "tests/support/attained.h"
#include "tests/support/graph.h"
#include "tests/support/graph_lmi.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"
#include "tests/support/unrolled.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { WIDTH = 12, INPUTS = 12, OUTPUTS = 3 };

/* `optimum` of the pairs, `direct` with one multiplier a group; 0: Householder.
 */
static const struct {
    size_t group;
    double optimum, direct;
} row[] = {{2, 2.3039443, 2.85621498},
           {3, 2.08506287, 2.48372309},
           {4, 2.50105723, 2.68300727},
           {0, 1.80434623, 0}};

struct weights {
    double first[WIDTH * INPUTS], second[WIDTH * WIDTH], last[OUTPUTS * WIDTH];
    double angle[WIDTH / 2];
};

static void draw(struct weights *w, uint64_t seed)
{
    double *all = w->first, scale = 1 / sqrt(WIDTH);
    for (size_t k = 0; k < sizeof *w / sizeof *all; k++)
        all[k] = scale * plain_normal(&seed);
    for (size_t k = 0; k < WIDTH / 2; k++)
        w->angle[k] *= 10;
}

static struct lip_layer joint(const struct weights *w, size_t group)
{
    struct lip_layer layer =
        make_kind(group ? &lip_layer_group_sort : &lip_layer_householder);
    layer.group = group;
    if (group == 0)
        layer.weight = make_array((size_t[]){WIDTH / 2, 0}, w->angle, NULL);
    return layer;
}

static struct lip_network *network_of(const struct weights *w, size_t group)
{
    struct lip_network *network;
    struct lip_layer layer[] = {
        make_dense(WIDTH, INPUTS, w->first, NULL, NULL), joint(w, group),
        make_dense(WIDTH, WIDTH, w->second, NULL, NULL), joint(w, group),
        make_dense(OUTPUTS, WIDTH, w->last, NULL, NULL)};
    ck_assert_int_eq(make_network(&network, layer, 5, NULL), LIP_OK);
    return network;
}

/* --- rho I >= W_1' T_1 W_1, T_1 >= W_2' T_2 W_2, T_2 >= W_3' W_3 with T_i of
 * blocks lambda I + gamma 1 1', lambda >= 0: least rho */

/* Adds sign times x W' 1 1' W, or W' W of the rows of one group. */
static void write_group(FILE *file, size_t variable, size_t block,
                        const double *w, size_t cols, size_t group, bool ones)
{
    for (size_t a = 0; a < cols; a++)
        for (size_t b = a; b < cols; b++) {
            double sum = 0, left = 0, right = 0;
            for (size_t k = 0; k < group; k++) {
                sum += w[k * cols + a] * w[k * cols + b];
                left += w[k * cols + a];
                right += w[k * cols + b];
            }
            fprintf(file, "%zu %zu %zu %zu %.17g\n", variable, block, a + 1,
                    b + 1, ones ? -left * right : -sum);
        }
}

static double direct_lmi(const struct weights *w, size_t group)
{
    size_t groups = WIDTH / group, variable = 1;
    double seconds;
    char path[60];
    snprintf(path, sizeof path, "/tmp/lipschitz-%d-direct.sdpa", (int)getpid());
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "%zu\n4\n%d %d %d -%zu\n1", 1 + 4 * groups, INPUTS, WIDTH,
            WIDTH, 2 * groups);
    for (size_t k = 0; k < 4 * groups; k++)
        fputs(" 0", file);
    fputs("\n", file);
    for (size_t a = 0; a < WIDTH; a++)
        for (size_t b = a; b < WIDTH; b++) {
            double sum = 0;
            for (size_t k = 0; k < OUTPUTS; k++)
                sum += w->last[k * WIDTH + a] * w->last[k * WIDTH + b];
            fprintf(file, "0 3 %zu %zu %.17g\n", a + 1, b + 1, sum);
        }
    for (size_t a = 0; a < INPUTS; a++)
        fprintf(file, "1 1 %zu %zu 1\n", a + 1, a + 1);
    for (size_t i = 0; i < 2; i++)
        for (size_t g = 0; g < groups; g++)
            for (int ones = 0; ones < 2; ones++) {
                const double *from = i ? w->second : w->first;
                size_t at = g * group;
                write_group(file, ++variable, i + 1, from + at * WIDTH, WIDTH,
                            group, ones);
                for (size_t a = 0; a < group; a++)
                    for (size_t b = a; b < (ones ? group : a + 1); b++)
                        fprintf(file, "%zu %zu %zu %zu 1\n", variable, i + 2,
                                at + a + 1, at + b + 1);
                if (!ones)
                    fprintf(file, "%zu 4 %zu %zu 1\n", variable,
                            i * groups + g + 1, i * groups + g + 1);
            }
    fclose(file);
    double value = 1 / graph_lmi_solve(path, &seconds);
    unlink(path);
    return value;
}

/* --- */

static double bound_within(const struct lip_chain *chain, double tolerance,
                           double *least)
{
    struct lip_bound bound;
    struct lip_ctx ctx = {0};
    struct lip_bound_options options = {.norm = PAIR_22,
                                        .tolerance = tolerance};
    ck_assert_int_eq(lip_method_run(&bound, lip_method_find("lipsdp"), chain,
                                    &options, &ctx),
                     LIP_OK);
    ck_assert(!bound.skipped);
    *least = bound.optimum_at_least;
    lip_bound_clear(&bound);
    return bound.upper_bound;
}

START_TEST(against_csdp)
{
    struct weights w;
    size_t group = row[_i].group;
    double optimum = row[_i].optimum, direct = row[_i].direct, seconds, least;
    draw(&w, 70 + (uint64_t)_i);
    struct lip_network *network = network_of(&w, group);
    struct lip_chain *chain = unrolled_chain(network, NULL);
    if (graph_lmi_can()) {
        double value = graph_lmi(network, &seconds);
        double other = group ? direct_lmi(&w, group) : 0;
        printf("%zu: csdp %.9g, direct %.9g\n", group, value, other);
        ck_assert_double_eq_tol(value, optimum, 1e-6 * optimum);
        ck_assert_double_le(fabs(other - direct), 1e-6 * direct);
    }
    double value = bound_within(chain, 1e-3, &least);
    ck_assert_double_ge(value, optimum * (1 - 1e-7));
    ck_assert_double_le(value, optimum * 1.001);
    ck_assert_double_le(least, optimum * (1 + 1e-7));
    ck_assert(group == 0 || optimum <= direct * (1 + 1e-7));
    static const char *const above[] = {"eclipse-fast", "closed-form",
                                        "eclipse"};
    for (int i = 0; i < 3; i++)
        ck_assert_double_ge(bound_of(above[i], chain, PAIR_22),
                            optimum * (1 - 1e-7));
    double found[9];
    attained_by_search(found, network, chain, 400, 2, 5);
    ck_assert_double_ge(value, found[3 * LIP_NORM_2 + LIP_NORM_2] * (1 - 1e-6));
    lip_chain_free(chain);
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden/sorts");
    TCase *tc = tcase_create("sorts");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, against_csdp, 0, (int)(sizeof row / sizeof *row));
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
