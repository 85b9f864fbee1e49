/* SPDX-License-Identifier: MIT
 *
 * The id of a model: the same for the same model however it is stored,
 * another for every other model, and the hash of the documented bytes. */
#include "network/id.h"

#include "tests/support/layers.h"
#include "tests/support/suite.h"

#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void start(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static const double w[] = {1, -2, 0.5, 4, 0, -1}; /* 3 x 2 */
static const double b[] = {0.5, 0, -1};

/* The id of these layers. */
static const char *id_of(const struct lip_layer *layer, size_t count)
{
    static char id[8][LIP_DIGEST_TEXT];
    static int next;
    struct lip_network *network;
    ck_assert_int_eq(make_network(&network, layer, count, &ctx), LIP_OK);
    char *out = id[next++ % 8];
    strcpy(out, network->id);
    lip_network_free(network);
    size_t used = atomic_load(&budget.used);
    ck_assert_uint_eq(used, 0);
    return out;
}

static const char *id_of_dense(const struct lip_tensor *weight,
                               const double *bias)
{
    struct lip_layer layer = {.kind = &lip_layer_dense, .weight = *weight};
    if (bias)
        layer.bias = make_tensor(LIP_F64, false, weight->dim[0], 0, bias, &ctx);
    return id_of(&layer, 1);
}

static const char *id_of_weight(enum lip_dtype dtype, bool column_major,
                                size_t rows, size_t cols, const double *value)
{
    struct lip_tensor weight =
        make_tensor(dtype, column_major, rows, cols, value, &ctx);
    return id_of_dense(&weight, NULL);
}

/* Large enough for several strips. */
START_TEST(storage_does_not_matter)
{
    static double value[130 * 90];
    for (size_t i = 0; i < sizeof value / sizeof *value; i++)
        value[i] = (double)(i * 7919 % 255) - 127;
    const char *id = id_of_weight(LIP_F64, false, 130, 90, value);
    for (int d = LIP_F64; d <= LIP_BF16; d++)
        for (int column_major = 0; column_major < 2; column_major++)
            ck_assert_str_eq(
                id_of_weight((enum lip_dtype)d, column_major, 130, 90, value),
                id);
    ck_assert_str_ne(id_of_weight(LIP_F64, false, 90, 130, value), id);
    value[130 * 90 - 1] += 1;
    ck_assert_str_ne(id_of_weight(LIP_F64, false, 130, 90, value), id);
}
END_TEST

START_TEST(negative_zero_is_zero)
{
    double zero[] = {0, 1, 0, -1}, negative[] = {-0.0, 1, -0.0, -1};
    ck_assert_str_eq(id_of_weight(LIP_F64, false, 2, 2, zero),
                     id_of_weight(LIP_F64, false, 2, 2, negative));
    ck_assert_str_eq(id_of_weight(LIP_F16, true, 2, 2, zero),
                     id_of_weight(LIP_F32, false, 2, 2, negative));
}
END_TEST

START_TEST(names_do_not_matter)
{
    struct lip_layer layer = make_dense(3, 2, w, b, &ctx);
    const char *id = id_of(&layer, 1);
    layer = make_dense(3, 2, w, b, &ctx);
    strcpy(layer.name, "fc1");
    ck_assert_str_eq(id_of(&layer, 1), id);
}
END_TEST

START_TEST(models_that_differ_have_other_ids)
{
    const char *id[8];
    struct lip_layer layer[2];
    layer[0] = make_dense(3, 2, w, NULL, &ctx);
    id[0] = id_of(layer, 1);
    layer[0] = make_dense(3, 2, w, b, &ctx);
    id[1] = id_of(layer, 1);
    layer[0] = make_dense(2, 3, w, NULL, &ctx);
    id[2] = id_of(layer, 1);
    static const char *const name[] = {"relu", "tanh", "leaky-relu"};
    for (size_t k = 0; k < 3; k++) {
        layer[0] = make_dense(3, 2, w, NULL, &ctx);
        layer[1] = make_activation(name[k]);
        id[3 + k] = id_of(layer, 2);
    }
    layer[0] = make_dense(3, 2, w, NULL, &ctx);
    layer[1] = make_activation("leaky-relu");
    layer[1].parameter[0] = 0.02;
    id[6] = id_of(layer, 2);
    layer[0] = make_dense(3, 2, w, NULL, &ctx);
    layer[1] = make_flatten();
    id[7] = id_of(layer, 2);
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(id[i], id[j]);
}
END_TEST

/* One slope for all is the same model as a list of one, and a list is the same
 * with whatever shape frameworks give it. */
START_TEST(slopes_of_prelu)
{
    static const double slope[] = {0.5, 0.25, 2};
    struct lip_layer layer[2];
    const char *id[4];
    for (size_t k = 0; k < 4; k++) {
        layer[0] = make_dense(3, 2, w, NULL, &ctx);
        layer[1] = make_activation("prelu");
        layer[1].parameter[0] = k == 0 ? 0.5 : 7 + (double)k;
        if (k > 0)
            layer[1].weight = make_tensor(LIP_F32, false, k == 1 ? 1 : 3,
                                          k == 2, slope, &ctx);
        id[k] = id_of(layer, 2);
    }
    ck_assert_str_eq(id[0], id[1]);
    ck_assert_str_eq(id[2], id[3]);
    ck_assert_str_ne(id[0], id[2]);
}
END_TEST

/* The documented form, spelt out with the plain helpers. */
START_TEST(canonical_form)
{
    struct lip_layer layer[] = {make_dense(3, 2, w, b, &ctx),
                                make_activation("leaky-relu")};
    struct sha256_ctx hash;
    sha256_init(&hash);
    lip_digest_u64(&hash, 19);
    sha256_update(&hash, 19, (const uint8_t *)"lipschitz network 1");
    lip_digest_u64(&hash, 2);
    lip_digest_u64(&hash, 5);
    sha256_update(&hash, 5, (const uint8_t *)"dense");
    static const uint64_t shape[] = {0, 1, 2, 3, 2};
    for (size_t k = 0; k < 5; k++)
        lip_digest_u64(&hash, shape[k]);
    for (size_t k = 0; k < 6; k++)
        lip_digest_double(&hash, w[k]);
    static const uint64_t list[] = {1, 1, 3};
    for (size_t k = 0; k < 3; k++)
        lip_digest_u64(&hash, list[k]);
    for (size_t k = 0; k < 3; k++)
        lip_digest_double(&hash, b[k]);
    lip_digest_u64(&hash, 10);
    sha256_update(&hash, 10, (const uint8_t *)"leaky-relu");
    lip_digest_u64(&hash, 1);
    lip_digest_double(&hash, 0.01);
    lip_digest_u64(&hash, 0);
    lip_digest_u64(&hash, 0);
    char expected[LIP_DIGEST_TEXT];
    lip_digest_text(expected, &hash);
    ck_assert_str_eq(id_of(layer, 2), expected);
    /* Stored ids must not change between releases. */
    ck_assert_str_eq(
        expected,
        "sha256:"
        "5a43de4c34321c492e4a3105ec036ffb618843cef8ba16dfc386b84566d77cb3");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network/id");
    TCase *tc = tcase_create("id");
    tcase_add_checked_fixture(tc, start, NULL);
    tcase_add_test(tc, storage_does_not_matter);
    tcase_add_test(tc, negative_zero_is_zero);
    tcase_add_test(tc, names_do_not_matter);
    tcase_add_test(tc, models_that_differ_have_other_ids);
    tcase_add_test(tc, slopes_of_prelu);
    tcase_add_test(tc, canonical_form);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
