/* SPDX-License-Identifier: MIT
 *
 * The collection's MATLAB files as the service reads them: bit for bit what
 * the tests' own reader finds in them, and their published closed form. */
#include "formats/format.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/suite.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lip_network *read_file(const char *path)
{
    struct bytes bytes = {0};
    struct lip_ctx ctx = {0};
    struct lip_network *network;
    ck_assert_msg(bytes_load(&bytes, path), "%s", path);
    enum lip_status status = read_bytes(&network, &bytes, NULL, &ctx);
    ck_assert_msg(status == LIP_OK, "%s: %s", path, ctx.error.detail);
    bytes_clear(&bytes);
    return network;
}

static void same_weights(const struct lip_network *network, const char *path)
{
    struct plain net;
    matlab_weights(&net, path);
    ck_assert_uint_eq(network->count, 2 * net.links - 1);
    for (size_t i = 0; i < net.links; i++) {
        const struct lip_tensor *weight = &network->layer[2 * i].weight;
        ck_assert_uint_eq(weight->dim[0], net.width[i + 1]);
        ck_assert_uint_eq(weight->dim[1], net.width[i]);
        size_t count = lip_tensor_count(weight);
        double *value = calloc(count, sizeof *value);
        lip_tensor_widen(value, weight);
        ck_assert_mem_eq(value, net.weight[i], count * sizeof *value);
        free(value);
    }
    plain_clear(&net);
}

START_TEST(every_file)
{
    const char *folder = golden_folder();
    char pattern[400];
    glob_t files;
    if (!folder)
        return;
    snprintf(pattern, sizeof pattern, "%s/*/*.mat", folder);
    ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct lip_network *network = read_file(files.gl_pathv[i]);
        same_weights(network, files.gl_pathv[i]);
        lip_network_free(network);
    }
    printf("%zu files\n", files.gl_pathc);
    ck_assert_uint_ge(files.gl_pathc, 20);
    globfree(&files);
}
END_TEST

static double eclipse_fast(const char *path)
{
    struct lip_ctx ctx = {0};
    struct lip_chain *chain;
    struct lip_network *network = read_file(path);
    ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
    double bound = bound_of("eclipse-fast", chain, PAIR_22);
    lip_chain_free(chain);
    lip_network_free(network);
    return bound;
}

START_TEST(published_values)
{
    const char *folder = golden_folder();
    if (!folder)
        return;
    json_t *golden = golden_json(folder, "global.json");
    const json_t *entry;
    size_t i, checked = 0;
    json_array_foreach(json_object_get(golden, "entries"), i, entry)
    {
        const char *file = json_string_value(json_object_get(entry, "file"));
        const char *method =
            json_string_value(json_object_get(entry, "method"));
        double value = json_number_value(json_object_get(entry, "value"));
        char path[400];
        if (!strstr(file, ".mat") || strcmp(method, "ECLipsE-Fast") != 0 ||
            !json_is_true(json_object_get(entry, "file_present")))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, file);
        double bound = eclipse_fast(path);
        ck_assert_msg(fabs(bound / value - 1) < 1e-9, "%s: %.17g, not %.17g",
                      file, bound, value);
        checked++;
    }
    printf("%zu values\n", checked);
    ck_assert_uint_ge(checked, 20);
    json_decref(golden);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden/matlab");
    TCase *tc = tcase_create("matlab");
    tcase_set_timeout(tc, 200);
    tcase_add_test(tc, every_file);
    tcase_add_test(tc, published_values);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
