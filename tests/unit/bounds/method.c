/* SPDX-License-Identifier: MIT
 *
 * The table of methods and the running of one: every descriptor is complete,
 * what does not apply says why, what no double holds is skipped, `auto` keeps
 * the time it is given. */
#include "bounds/method.h"

#include "tests/support/graph.h"
#include "tests/support/methods.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <math.h>
#include <string.h>

static struct lip_ctx none;

START_TEST(descriptors_are_complete)
{
    for (size_t i = 0; lip_methods[i]; i++) {
        const struct lip_method *m = lip_methods[i];
        const char *const text[] = {m->title,    m->formula,   m->norms,
                                    m->supports, m->cost_text, m->citation};
        for (int k = 0; k < 6; k++)
            ck_assert_uint_gt(strlen(text[k]), 0);
        for (const char *c = m->id; *c; c++)
            ck_assert((*c >= 'a' && *c <= 'z') || *c == '-');
        ck_assert(m->applies && m->cost && m->run);
        ck_assert_ptr_eq(lip_method_find(m->id), m);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(m->id, lip_methods[j]->id);
    }
    ck_assert_ptr_eq(lip_method_find("chordal"), lip_method_find("lipsdp"));
    ck_assert_ptr_null(lip_method_find("no-such"));
    ck_assert_ptr_null(lip_method_find(""));
}
END_TEST

static struct lip_chain *sized(double size, size_t links)
{
    struct plain net;
    size_t width[20];
    for (int i = 0; i < 20; i++)
        width[i] = 3;
    plain_random(&net, "relu", width, links, 1);
    for (size_t i = 0; i < links; i++)
        for (int k = 0; k < 9; k++)
            net.weight[i][k] *= size;
    struct lip_chain *chain = plain_chain(&net, &none);
    plain_clear(&net);
    return chain;
}

static struct lip_bound run(const char *id, const struct lip_chain *chain,
                            struct lip_norm_pair pair)
{
    struct lip_bound bound;
    struct lip_bound_options options = {.norm = pair};
    ck_assert_int_eq(
        lip_method_run(&bound, lip_method_find(id), chain, &options, &none),
        LIP_OK);
    return bound;
}

/* Knows networks with convolutions only. */
static bool for_images(const struct lip_method *method)
{
    return strcmp(method->id, "lipsdp-torus") == 0;
}

START_TEST(what_does_not_apply_says_why)
{
    struct lip_chain *chain = sized(1, 2);
    for (size_t i = 0; lip_methods[i]; i++)
        for (int p = 0; p < 9; p++) {
            struct lip_bound b = run(lip_methods[i]->id, chain, nth_pair(p));
            ck_assert_ptr_eq(b.method, lip_methods[i]);
            ck_assert(b.skipped == (strlen(b.reason) > 0));
            ck_assert(b.skipped || b.upper_bound > 0);
            ck_assert(p != 4 || !b.skipped || for_images(lip_methods[i]));
            ck_assert(isnan(b.optimum_at_least) ||
                      b.optimum_at_least <= b.upper_bound);
            ck_assert(b.seconds >= 0 && b.seconds < 10);
        }
    lip_chain_free(chain);
}
END_TEST

/* 1e300^2 has no double; 1e-300^2 has the smallest one. */
START_TEST(beyond_the_doubles)
{
    struct lip_chain *large = sized(1e300, 2), *small = sized(1e-300, 2);
    for (size_t i = 0; direct_methods[i]; i++) {
        struct lip_bound b = run(direct_methods[i], large, PAIR_22);
        ck_assert(b.skipped);
        ck_assert_ptr_nonnull(strstr(b.reason, "largest double"));
        b = run(direct_methods[i], small, PAIR_22);
        ck_assert(!b.skipped);
        ck_assert_double_eq(b.upper_bound, 0x1p-1074);
    }
    lip_chain_free(large);
    lip_chain_free(small);
}
END_TEST

static enum lip_status infinite(struct lip_bound *bound,
                                const struct lip_chain *chain,
                                const struct lip_bound_options *options,
                                struct lip_ctx *ctx)
{
    (void)chain;
    (void)options;
    (void)ctx;
    bound->upper_bound = NAN;
    return LIP_OK;
}

/* A method that comes back with what is no bound is caught. */
START_TEST(nan_is_no_bound)
{
    struct lip_method broken = *lip_methods[0];
    struct lip_chain *chain = sized(1, 2);
    struct lip_bound bound;
    struct lip_bound_options options = {.norm = PAIR_22};
    broken.run = infinite;
    ck_assert_int_eq(lip_method_run(&bound, &broken, chain, &options, &none),
                     LIP_OK);
    ck_assert(bound.skipped);
    ck_assert_uint_gt(strlen(bound.reason), 0);
    lip_chain_free(chain);
}
END_TEST

/* The least bound and the largest floor that a listener was told. */
struct heard {
    double best, floor;
};

static bool listen(void *arg, const struct lip_progress *progress)
{
    struct heard *heard = arg;
    heard->best = fmin(heard->best, progress->best);
    heard->floor = fmax(heard->floor, progress->floor);
    return true;
}

/* Where a method sees the network without its end, which may stretch what it
 * is given (constant 30) or shrink it (1/2), listeners are told of the whole
 * all the same: of nothing below the bound, and of little more. */
START_TEST(listeners_hear_of_the_whole)
{
    static const char *const id[] = {"closed-form", "lipsdp"};
    static const double weight[] = {1, -2, 0.5, 3, 1, 1, -1, 2, 0.25};
    struct lip_layer layer[4] = {make_dense(3, 3, weight, NULL, &none),
                                 make_activation("relu"),
                                 make_dense(3, 3, weight, NULL, &none)};
    struct lip_network *network;
    struct lip_chain *chain;
    layer[3] = make_kind(_i ? &lip_layer_softmax : &lip_layer_layer_norm);
    layer[3].parameter[0] = _i ? 0 : 1.0 / 900;
    ck_assert_int_eq(make_network(&network, layer, 4, &none), LIP_OK);
    ck_assert_int_eq(lip_chain_new(&chain, network, &none), LIP_OK);
    for (int k = 0; k < 2; k++) {
        struct heard heard = {INFINITY, 0};
        struct lip_ctx ctx = {.progress = listen, .progress_arg = &heard};
        struct lip_bound_options options = {.norm = PAIR_22};
        struct lip_bound bound;
        ck_assert_int_eq(lip_method_run(&bound, lip_method_find(id[k]), chain,
                                        &options, &ctx),
                         LIP_OK);
        ck_assert_double_ge(heard.best, bound.upper_bound);
        ck_assert_double_le(heard.best, 1.05 * bound.upper_bound);
        ck_assert_double_le(heard.floor, bound.upper_bound);
        ck_assert_ptr_eq(ctx.progress_arg, &heard);
        if (heard.floor > 0)
            ck_assert_double_ge(heard.floor, bound.optimum_at_least * 0.9);
    }
    lip_chain_free(chain);
    lip_network_free(network);
}
END_TEST

START_TEST(auto_keeps_the_time)
{
    const struct lip_method *chosen[16];
    struct lip_chain *chain = sized(1, 9);
    struct lip_bound_options options = {.norm = PAIR_22};
    size_t all = 0;
    for (size_t i = 0; lip_methods[i]; i++)
        all += !for_images(lip_methods[i]);
    ck_assert_uint_eq(lip_methods_auto(chosen, 16, chain, &options, 1e9), all);
    ck_assert_uint_eq(lip_methods_auto(chosen, 2, chain, &options, 1e9), 2);
    ck_assert_uint_eq(lip_methods_auto(chosen, 0, chain, &options, 1e9), 0);
    double seconds = 0;
    for (size_t i = 0; i < 3; i++)
        seconds += lip_methods[i]->cost(chain, &options).flops / 1e3;
    options.time_limit = seconds;
    size_t some = lip_methods_auto(chosen, 16, chain, &options, 1e3);
    double spent = 0;
    for (size_t i = 0; i < some; i++)
        spent += chosen[i]->cost(chain, &options).flops / 1e3;
    ck_assert_uint_ge(some, 3);
    ck_assert_uint_lt(some, all);
    ck_assert_double_le(spent, seconds);
    options = (struct lip_bound_options){.norm = nth_pair(0)};
    size_t others = lip_methods_auto(chosen, 16, chain, &options, 1e9);
    ck_assert(others >= 3 && others < all);
    lip_chain_free(chain);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/method");
    TCase *tc = tcase_create("method");
    tcase_add_test(tc, descriptors_are_complete);
    tcase_add_test(tc, what_does_not_apply_says_why);
    tcase_add_test(tc, beyond_the_doubles);
    tcase_add_test(tc, nan_is_no_bound);
    tcase_add_loop_test(tc, listeners_hear_of_the_whole, 0, 2);
    tcase_add_test(tc, auto_keeps_the_time);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
