/* SPDX-License-Identifier: MIT
 *
 * Cells of small networks: the middle of the cell of a point lies in that
 * cell, as deep as sampling says it can; cells that cannot be are refused. */
#include "certify/cells.h"

#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { IN = 3, MOST = 64 };

static const uint64_t seed = 20260716;
static const char *const name[] = {"relu",  "leaky-relu",  "abs",   "hard-tanh",
                                   "relu6", "soft-shrink", "prelu", "identity"};
static struct lip_ctx none;

struct scene {
    struct plain net;
    struct lip_network *network;
    struct lip_stages *stages;
    struct lip_walk walk;
    struct lip_cells cells;
};

static void begin(struct scene *s, struct plain *net)
{
    s->net = *net;
    s->network = plain_network(&s->net, &none);
    ck_assert_int_eq(lip_stages_new(&s->stages, s->network, &none), LIP_OK);
    ck_assert(lip_cells_fit(s->stages));
    ck_assert_int_eq(lip_walk_new(&s->walk, s->stages, PAIR_22, &none), LIP_OK);
    ck_assert_int_eq(lip_cells_new(&s->cells, &s->walk, &none), LIP_OK);
    s->cells.reach = 1;
}

static void end(struct scene *s)
{
    lip_cells_clear(&s->cells);
    lip_walk_clear(&s->walk);
    lip_stages_free(s->stages);
    lip_network_free(s->network);
    plain_clear(&s->net);
}

/* The largest ball around x in its cell, by going along many lines. */
static double depth(struct scene *s, const double *x, uint64_t *state)
{
    double least = INFINITY;
    lip_walk_to(&s->walk, x, 0);
    for (int i = 0; i < 400; i++) {
        double line[IN], size;
        for (int k = 0; k < IN; k++)
            line[k] = plain_normal(state);
        size = vector_norm(line, IN, LIP_NORM_2);
        lip_walk_tangent(&s->walk, line);
        least = fmin(least, lip_walk_free(&s->walk, 1) * size);
    }
    return least;
}

START_TEST(middles_are_inside)
{
    uint64_t state = seed + (uint64_t)_i;
    int deeper = 0, count = 0;
    for (uint64_t round = 0; round < 40; round++) {
        struct plain net;
        struct scene s;
        plain_random(&net, name[_i], (size_t[]){IN, 6, 5, 2}, 3, round);
        begin(&s, &net);
        double x[IN], middle[IN];
        unsigned char cell[MOST];
        size_t n = s.stages->neurons;
        for (int k = 0; k < IN; k++)
            x[k] = 2 * plain_normal(&state);
        lip_walk_to(&s.walk, x, 0);
        lip_cells_here(&s.cells);
        memcpy(cell, s.cells.piece, n);
        double own = depth(&s, x, &state);
        if (own > 1e-6 && strcmp(name[_i], "identity") != 0) {
            ck_assert(lip_cells_middle(&s.cells));
            memcpy(middle, s.cells.point, sizeof middle);
            lip_walk_to(&s.walk, middle, 0);
            lip_cells_here(&s.cells);
            ck_assert_int_eq(memcmp(cell, s.cells.piece, n), 0);
            double best = depth(&s, middle, &state);
            /* Sampled depths are from above. */
            ck_assert_double_ge(best * 1.5, fmin(own, 1) * 0.5);
            deeper += best > own;
            count++;
        }
        end(&s);
    }
    printf("%s: %d of %d middles deeper\n", name[_i], deeper, count);
    ck_assert(deeper >= count * 2 / 3);
}
END_TEST

/* Whatever cell is made up: a point in it, or none that sampling finds. */
START_TEST(made_up_cells)
{
    uint64_t state = seed + 100;
    struct plain net;
    struct scene s;
    int found = 0, none_there = 0;
    plain_random(&net, "relu", (size_t[]){2, 4, 2, 1}, 3, 5);
    begin(&s, &net);
    bool seen[64] = {false};
    for (int i = 0; i < 200000; i++) {
        double x[2], size = exp2(plain_uniform(&state, -3, 6));
        x[0] = size * plain_normal(&state);
        x[1] = size * plain_normal(&state);
        lip_walk_to(&s.walk, x, 0);
        lip_cells_here(&s.cells);
        unsigned mask = 0;
        for (unsigned k = 0; k < 6; k++)
            mask |= (unsigned)s.cells.piece[k] << k;
        seen[mask] = true;
    }
    for (unsigned mask = 0; mask < 64; mask++) {
        for (unsigned k = 0; k < 6; k++)
            s.cells.piece[k] = mask >> k & 1;
        bool inside = lip_cells_middle(&s.cells);
        ck_assert_msg(inside || !seen[mask], "cell %#x is not empty", mask);
        found += inside;
        none_there += !inside;
        if (!inside)
            continue;
        lip_walk_to(&s.walk, s.cells.point, 0);
        lip_cells_here(&s.cells);
        for (unsigned k = 0; k < 6; k++)
            ck_assert_uint_eq(s.cells.piece[k], mask >> k & 1);
    }
    printf("%d cells, %d not there\n", found, none_there);
    ck_assert_int_ge(found, 8);
    ck_assert_int_ge(none_there, 8);
    end(&s);
}
END_TEST

/* A cell of width 1e-7, which no random line would find. */
START_TEST(thin_cell)
{
    struct plain net;
    struct scene s;
    plain_zero(&net, "relu", (size_t[]){2, 2, 1}, 2);
    net.weight[0][0] = 1, net.weight[0][1] = 2;
    net.weight[0][2] = -1, net.weight[0][3] = -2;
    net.bias[0][1] = 1e-7;
    begin(&s, &net);
    s.cells.piece[0] = s.cells.piece[1] = 1;
    ck_assert(lip_cells_middle(&s.cells));
    double z = s.cells.point[0] + 2 * s.cells.point[1];
    ck_assert_double_eq_tol(z, 5e-8, 1e-12);
    s.cells.piece[0] = s.cells.piece[1] = 0; /* contradicts itself */
    ck_assert(!lip_cells_middle(&s.cells));
    end(&s);
}
END_TEST

START_TEST(slopes_of_pieces)
{
    struct plain net;
    struct scene s;
    double x[] = {0, 0, 0};
    plain_random(&net, "soft-shrink", (size_t[]){IN, 4, 3, 2}, 3, 1);
    begin(&s, &net);
    lip_walk_to(&s.walk, x, 0);
    for (size_t k = 0; k < 7; k++) {
        ck_assert_uint_eq(lip_cells_pieces(&s.cells, k), 3);
        size_t at = k < 4 ? s.walk.from[1] + k : s.walk.from[3] + k - 4;
        double before = s.walk.slope[at];
        ck_assert_double_eq(lip_cells_set_slope(&s.cells, k, 2), before);
        ck_assert_double_eq(s.walk.slope[at], 1);
        ck_assert_double_eq(lip_cells_set_slope(&s.cells, k, 1), 1);
        ck_assert_double_eq(s.walk.slope[at], 0);
    }
    end(&s);
}
END_TEST

START_TEST(only_small_networks_fit)
{
    static const struct {
        const char *activation;
        size_t inputs, neurons;
        bool fits;
    } row[] = {{"relu", 3, 60, true},  {"relu", 3, 65, false},
               {"relu", 40, 60, true}, {"relu", 784, 60, false},
               {"tanh", 3, 6, false},  {"abs", 1, 1, true}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct plain net;
        struct lip_stages *stages;
        plain_random(&net, row[i].activation,
                     (size_t[]){row[i].inputs, row[i].neurons, 2}, 2, 1);
        struct lip_network *network = plain_network(&net, &none);
        ck_assert_int_eq(lip_stages_new(&stages, network, &none), LIP_OK);
        ck_assert(lip_cells_fit(stages) == row[i].fits);
        lip_stages_free(stages);
        lip_network_free(network);
        plain_clear(&net);
    }
}
END_TEST

START_TEST(memory_may_run_out)
{
    struct plain net;
    struct scene s;
    struct lip_cells cells;
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    plain_random(&net, "relu", (size_t[]){40, 32, 32, 2}, 3, 1);
    begin(&s, &net);
    lip_budget_init(&budget, 0);
    for (long n = 0; n < 2; n++) {
        atomic_store(&budget.fail_after, n);
        ck_assert_int_eq(lip_cells_new(&cells, &s.walk, &ctx), LIP_NO_MEMORY);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
    lip_error_clear(&ctx);
    atomic_store(&budget.fail_after, -1);
    ck_assert_int_eq(lip_cells_new(&cells, &s.walk, &ctx), LIP_OK);
    ck_assert_double_le((double)atomic_load(&budget.used), lip_cells_bytes());
    lip_cells_clear(&cells);
    end(&s);
}
END_TEST

int main(void)
{
    printf("seed %llu\n", (unsigned long long)seed);
    Suite *suite = suite_create("certify/cells");
    TCase *tc = tcase_create("cells");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, middles_are_inside, 0, sizeof name / sizeof *name);
    tcase_add_test(tc, made_up_cells);
    tcase_add_test(tc, thin_cell);
    tcase_add_test(tc, slopes_of_pieces);
    tcase_add_test(tc, only_small_networks_fit);
    tcase_add_test(tc, memory_may_run_out);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
