/* SPDX-License-Identifier: MIT
 *
 * A trained model leaves as a file and comes back: the same bits, and the same
 * proven bound, within its limit, whatever stands between its matrices. */
#include "bounds/method.h"
#include "formats/writer.h"
#include "training/loop.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"
#include "tests/support/training.h"

#include <stdio.h>

static double bound_by(const char *method, const struct lip_network *network)
{
    struct lip_chain *chain;
    struct lip_bound bound;
    struct lip_bound_options options = {.norm = {LIP_NORM_2, LIP_NORM_2}};
    struct lip_ctx ctx = {0};
    ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
    ck_assert_int_eq(
        lip_method_run(&bound, lip_method_find(method), chain, &options, &ctx),
        LIP_OK);
    ck_assert_msg(!bound.skipped, "%s", bound.reason);
    lip_chain_free(chain);
    return bound.upper_bound;
}

static double spectral(const struct lip_network *network)
{
    return bound_by("spectral", network);
}

/* Two moons, limit 2, scaled inputs. */
static struct lip_network *trained(const char *words)
{
    struct lip_data *data = train_data("two-moons", 300, 1);
    struct lip_model *model = train_model(2, words, 2);
    struct lip_train_options options = train_options("hinge", "projection");
    struct lip_scaling scaling;
    struct lip_run *run;
    struct lip_network *network;
    struct lip_outcome outcome;
    struct lip_ctx ctx = {0};
    options.limit = 2;
    lip_scaling_fit(&scaling, lip_normalisation_find("standard"), data, &ctx);
    lip_scaling_apply(data, &scaling);
    ck_assert_msg(lip_run_new(&run, &options, model, data, NULL, &scaling,
                              &ctx) == LIP_OK,
                  "%s", ctx.error.detail);
    ck_assert_int_eq(lip_run_go(run, NULL, NULL, &ctx), LIP_OK);
    ck_assert_msg(lip_run_finish(&network, &outcome, run, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    ck_assert(outcome.norm <= 2);
    lip_run_free(run);
    lip_scaling_clear(&scaling);
    lip_model_free(model);
    lip_data_free(data);
    return network;
}

static const struct lip_metadatum pairs[] = {{"limit", "2"}, {"seed", "2"}};

static void check_file(const struct lip_writer *writer,
                       const struct lip_network *network, double bound)
{
    struct lip_metadata metadata = {2, pairs};
    struct lip_network *again;
    struct lip_ctx ctx = {0};
    struct bytes bytes = {0};
    unsigned char *data;
    size_t size;
    ck_assert_int_eq(writer->write(&data, &size, network, &metadata, &ctx),
                     LIP_OK);
    bytes_put(&bytes, data, size);
    lip_free(data);
    ck_assert_msg(read_bytes(&again, &bytes, NULL, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    ck_assert_str_eq(again->id, network->id);
    ck_assert_str_eq(lip_metadata_find(&again->metadata, "limit"), "2");
    ck_assert_double_eq(spectral(again), bound);
    lip_network_free(again);
    bytes_clear(&bytes);
}

START_TEST(comes_back_with_its_bound)
{
    static const char *const words[] = {
        "dense:16 groupsort:2 dense:16 groupsort:2 dense:2",
        "dense:12 groupsort dense:12 groupsort:3 dense:2",
        "dense:16 householder dense:16 householder dense:2",
        "dense:16 relu dense:16 tanh dense:2",
    };
    struct lip_network *network = trained(words[_i]);
    double bound = spectral(network);
    ck_assert(bound > 0.1 && bound <= 2);
    for (size_t k = 0; lip_writers[k]; k++)
        check_file(lip_writers[k], network, bound);
    lip_network_free(network);
}
END_TEST

/* The best bound of a MaxMin network is below the product. */
START_TEST(max_min_keeps_more_than_its_limit)
{
    struct lip_network *network =
        trained("dense:16 groupsort:2 dense:16 groupsort:2 dense:2");
    double product = spectral(network), best = bound_by("lipsdp", network);
    printf("spectral %.4f, lipsdp %.4f\n", product, best);
    ck_assert(best < product);
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trained");
    TCase *tests = tcase_create("trained");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, comes_back_with_its_bound, 0, 4);
    tcase_add_test(tests, max_min_keeps_more_than_its_limit);
    return run_suite(suite);
}
