/* SPDX-License-Identifier: MIT
 *
 * Keras files through lipschitz-h5: the network computes what the model does;
 * what is not read is refused by its name; a reader that breaks, hangs or lies
 * costs that file and nothing else. */
#include "server/hdf5.h"

#include "formats/hdf5.h"
#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIXTURES "tests/unit/server/fixtures/"

static void use(const char *program)
{
    static struct lipd_config config;
    ck_assert_uint_lt(strlen(program), sizeof config.h5_reader);
    memcpy(config.h5_reader, program, strlen(program) + 1);
    ck_assert_msg(lipd_hdf5_start(&config), "%s", program);
}

/* lipschitz-h5 of this build. */
static void setup(void)
{
    char program[LIPD_TEXT_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 20);
    ck_assert_int_gt(n, 0);
    program[n] = '\0';
    snprintf(strstr(program, "/tests/unit/"), 20, "/lipschitz-h5");
    use(program);
}

static void load(struct bytes *bytes, const char *name)
{
    char path[200];
    snprintf(path, sizeof path, FIXTURES "%s", name);
    ck_assert_msg(bytes_load(bytes, path), "%s", path);
}

/* --- what models compute */

static size_t take_list(double *out, const json_t *list)
{
    size_t n = json_array_size(list);
    ck_assert_uint_le(n, 100);
    for (size_t i = 0; i < n; i++)
        out[i] = json_number_value(json_array_get(list, i));
    return n;
}

static void check_numbers(const struct lip_network *network, const char *name)
{
    char path[200];
    double x[100], y[100], wanted[100];
    snprintf(path, sizeof path, FIXTURES "%s.json", name);
    json_t *cases = json_load_file(path, 0, NULL);
    ck_assert_uint_gt(json_array_size(cases), 0);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        struct lip_ctx ctx = {0};
        ck_assert_uint_eq(take_list(x, json_array_get(one, 0)),
                          network->inputs);
        ck_assert_uint_eq(take_list(wanted, json_array_get(one, 1)),
                          network->outputs);
        ck_assert_int_eq(lip_network_eval(y, network, x, &ctx), LIP_OK);
        for (size_t k = 0; k < network->outputs; k++)
            ck_assert_msg(fabs(y[k] - wanted[k]) <= 1e-9 * (1 + fabs(y[k])),
                          "%s, case %zu, output %zu: %g, not %g", name, i, k,
                          y[k], wanted[k]);
    }
    json_decref(cases);
}

START_TEST(computes_what_the_model_does)
{
    static const char *const names[] = {"cnn", "residual", "residual3",
                                        "series", "order"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char file[100];
        struct bytes bytes = {0};
        struct lip_ctx ctx = {0};
        struct lip_network *network;
        snprintf(file, sizeof file, "%s.h5", names[i]);
        load(&bytes, file);
        enum lip_status status = read_bytes(&network, &bytes, NULL, &ctx);
        ck_assert_msg(status == LIP_OK, "%s: %s", file, ctx.error.detail);
        check_numbers(network, names[i]);
        lip_network_free(network);
        bytes_clear(&bytes);
    }
}
END_TEST

/* The chain of dense layers is the same model as its JSON. */
START_TEST(dense_layers)
{
    static const char *const names[] = {"dense.h5", "dense3.h5", "packed.h5",
                                        "weights.h5"};
    char wanted[LIP_DIGEST_TEXT], id[LIP_DIGEST_TEXT];
    struct bytes json = {0};
    bytes_text(&json,
               "{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,-2.5],"
               "[0.125,4],[-0.5,-3]],\"bias\":[0.5,0,-1]},{\"type\":\"relu\"},"
               "{\"type\":\"dense\",\"weight\":[[1,2,-1]]}]}");
    model_id(wanted, &json, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bytes bytes = {0};
        load(&bytes, names[i]);
        model_id(id, &bytes, NULL);
        ck_assert_msg(strcmp(id, wanted) == 0, "%s", names[i]);
        bytes_clear(&bytes);
    }
    bytes_clear(&json);
}
END_TEST

START_TEST(refusals)
{
    static const struct {
        const char *name;
        enum lip_status status;
        const char *says;
    } cases[] = {
        {"bad-link.h5", LIP_UNSUPPORTED, "link to somewhere else"},
        {"bad-soft.h5", LIP_UNSUPPORTED, "link to somewhere else"},
        {"bad-external.h5", LIP_UNSUPPORTED, "another file"},
        {"bad-virtual.h5", LIP_UNSUPPORTED, "another file"},
        {"bad-huge.h5", LIP_TOO_LARGE, "more numbers"},
        {"bad-filter.h5", LIP_UNSUPPORTED, "filter 32000"},
        {"bad-integers.h5", LIP_UNSUPPORTED, "floating-point"},
        {"bad-kind.h5", LIP_UNSUPPORTED, "\"dense\" (LSTM)"},
        {"bad-first.h5", LIP_UNSUPPORTED, "channels_first"},
        {"bad-activation.h5", LIP_UNSUPPORTED, "\"mystery\""},
        {"bad-model.h5", LIP_UNSUPPORTED, "model inside"},
        {"bad-open.h5", LIP_UNSUPPORTED, "is open"},
        {"bad-circle.h5", LIP_UNSUPPORTED, "circle"},
        {"bad-twice.h5", LIP_UNSUPPORTED, "used twice"},
        {"bad-nobody.h5", LIP_UNSUPPORTED, "not there"},
        {"bad-json.h5", LIP_MALFORMED, "no JSON"},
        {"bad-weights.h5", LIP_UNSUPPORTED, "model.save(\"model.h5\")"},
        {"bad-other.h5", LIP_UNSUPPORTED, "no Keras model"},
        {"bad-loop.h5", LIP_MALFORMED, "takes longer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct refusal refusal = {cases[i].status, LIP_NOWHERE, "",
                                  cases[i].says};
        struct bytes bytes = {0};
        load(&bytes, cases[i].name);
        must_refuse(&bytes, &refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

/* --- damage */

/* Whatever comes of it, it is a network or a sentence. */
static enum lip_status try(const struct bytes *bytes)
{
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_network *network;
    lip_budget_init(&budget, 256 << 20);
    enum lip_status status = read_bytes(&network, bytes, NULL, &ctx);
    ck_assert_int_eq(status, ctx.error.status);
    ck_assert((status == LIP_OK) == (network != NULL));
    ck_assert(status == LIP_OK || *ctx.error.detail);
    lip_network_free(network);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    return status;
}

START_TEST(damage)
{
    struct bytes whole = {0};
    const char *given = getenv("H5_DAMAGES"); /* for hours of it */
    unsigned long flips = given ? strtoul(given, NULL, 10) : 40;
    unsigned long long seed = 88172645463325252u + flips;
    load(&whole, "series.h5");
    struct bytes cut = whole;
    for (int i = 0; i < 40; i++) {
        cut.size = 8 + whole.size / 41 * (size_t)i;
        ck_assert_int_ne(try(&cut), LIP_OK);
    }
    printf("damage: seed %llu\n", seed);
    for (unsigned long i = 0; i < flips; i++) {
        size_t at[3];
        for (int k = 0; k < 3; k++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            at[k] = 8 + seed % (whole.size - 8);
            whole.data[at[k]] ^= (unsigned char)(1 << seed / 65536 % 8);
        }
        try(&whole);
        bytes_clear(&whole);
        load(&whole, "series.h5");
    }
    bytes_clear(&whole);
}
END_TEST

/* --- readers that are not what they should be */

/* Makes a program of a line of shell, and reads a file with it. */
static enum lip_status read_with(const char *line, struct lip_ctx *ctx)
{
    char path[] = "/tmp/lipschitz-h5-test-XXXXXX";
    struct bytes bytes = {0};
    struct lip_network *network;
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_gt(dprintf(file, "#!/bin/sh\n%s\n", line), 0);
    ck_assert_int_eq(fchmod(file, 0700), 0);
    close(file);
    use(path);
    load(&bytes, "dense.h5");
    enum lip_status status = read_bytes(&network, &bytes, NULL, ctx);
    ck_assert_ptr_null(network);
    bytes_clear(&bytes);
    unlink(path);
    return status;
}

START_TEST(bad_readers)
{
    static const struct {
        const char *line;
        enum lip_status status;
        const char *says;
    } cases[] = {
        {"kill -SEGV $$", LIP_MALFORMED, "signal 11"},
        {"kill -KILL $$", LIP_MALFORMED, "signal 9"},
        {"exit 1", LIP_MALFORMED, "status 1"},
        {"exit 10", LIP_MALFORMED, "status 10"},
        {"echo No. >&2; exit 10", LIP_MALFORMED, "No."},
        {"echo No. >&2; exit 13", LIP_TOO_LARGE, "No."},
        {"printf 'a\\001b\\n' >&2; exit 11", LIP_UNSUPPORTED, "a?b"},
        {"head -c 100000 /dev/zero >&2; exit 12", LIP_INVALID, "?"},
        {"exit 0", LIP_MALFORMED, ""},
        {"head -c 1000 /dev/urandom", LIP_MALFORMED, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lip_budget budget;
        struct lip_ctx ctx = {.budget = &budget};
        lip_budget_init(&budget, 16 << 20);
        enum lip_status status = read_with(cases[i].line, &ctx);
        ck_assert_msg((status == cases[i].status ||
                       (!*cases[i].says && status != LIP_OK)) &&
                          strstr(ctx.error.detail, cases[i].says),
                      "%s: %s: %s", cases[i].line, lip_status_name(status),
                      ctx.error.detail);
        ck_assert_uint_eq(atomic_load(&budget.used), 0);
    }
}
END_TEST

/* What it writes counts against the request. */
START_TEST(endless_output)
{
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    lip_budget_init(&budget, 4 << 20);
    ck_assert_int_eq(read_with("exec cat /dev/zero", &ctx), LIP_TOO_LARGE);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

/* A deadline ends it; so does closing its ends and staying. */
START_TEST(slow_readers)
{
    struct lip_ctx ctx = {.deadline = lip_now() + 0.3}, other = {0};
    double begin = lip_now();
    ck_assert_int_eq(read_with("exec sleep 60", &ctx), LIP_TIMEOUT);
    ck_assert(lip_now() - begin < 5);
    begin = lip_now();
    ck_assert_int_eq(read_with("exec sleep 60 >&- 2>&-", &other),
                     LIP_MALFORMED);
    ck_assert(strstr(other.error.detail, "signal 9"));
    ck_assert(lip_now() - begin < 10);
}
END_TEST

START_TEST(no_reader)
{
    static struct lipd_config config = {.h5_reader = "/nonexistent"};
    lip_hdf5_set_converter(NULL);
    ck_assert(!lipd_hdf5_start(&config));
    static const struct refusal refusal = {LIP_UNSUPPORTED, LIP_NOWHERE, "",
                                           "lipschitz-h5 is not installed"};
    struct bytes bytes = {0};
    load(&bytes, "dense.h5");
    must_refuse(&bytes, &refusal, NULL);
    bytes_clear(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hdf5");
    TCase *tests = tcase_create("hdf5");
    tcase_set_timeout(tests, getenv("H5_DAMAGES") ? 0 : 60);
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, computes_what_the_model_does);
    tcase_add_test(tests, dense_layers);
    tcase_add_test(tests, refusals);
    tcase_add_test(tests, damage);
    tcase_add_test(tests, bad_readers);
    tcase_add_test(tests, endless_output);
    tcase_add_test(tests, slow_readers);
    tcase_add_test(tests, no_reader);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
