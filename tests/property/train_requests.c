/* SPDX-License-Identifier: MIT
 *
 * Property: whatever a training job is asked for, it ends with a model whose
 * bound, proven again from the file alone, is within the limit, or with a
 * sentence about what is wrong; nothing crashes, nothing leaks.
 *
 * TRAIN_REQUESTS says how many random requests are made (300), TRAIN_SEED
 * where they begin. The job runs in this process; its folder is in memory. */
#include "server/jobs/kinds.h"

#include "api/train.h"
#include "bounds/method.h"
#include "formats/format.h"
#include "tests/support/suite.h"
#include "tests/support/train_random.h"
#include "training/monotone.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the folder, in memory */

static struct {
    char name[32];
    unsigned char *bytes;
    size_t size;
} file[8];
enum { FILES = sizeof file / sizeof *file };

static size_t find(const char *name)
{
    size_t i = 0;
    while (i < FILES && strcmp(file[i].name, name) != 0)
        i++;
    return i;
}

static void clear_folder(void)
{
    for (size_t i = 0; i < FILES; i++)
        lip_free(file[i].bytes);
    memset(file, 0, sizeof file);
}

bool lipd_child_write(const struct lipd_child *child, const char *name,
                      const void *bytes, size_t size,
                      struct api_problem *problem)
{
    (void)child;
    (void)problem;
    size_t i = find(name) < FILES ? find(name) : find("");
    ck_assert_uint_lt(i, FILES);
    lip_free(file[i].bytes);
    snprintf(file[i].name, sizeof file[i].name, "%s", name);
    file[i].bytes = lip_alloc(NULL, size + 1, 1);
    memcpy(file[i].bytes, bytes, size);
    file[i].size = size;
    return true;
}

bool lipd_child_read(const struct lipd_child *child, const char *name,
                     unsigned char **bytes, size_t *size,
                     struct api_problem *problem)
{
    (void)child;
    (void)name;
    (void)problem;
    *bytes = NULL;
    *size = 0;
    return true;
}

enum lipd_child_wish lipd_child_wish(void)
{
    return LIPD_GO_ON;
}

bool lipd_child_tell(const char *json, size_t size)
{
    (void)json;
    return size < LIPD_CHILD_LINE;
}

/* --- what came of it */

static json_t *result_of(void)
{
    size_t i = find("result.json");
    ck_assert_uint_lt(i, FILES);
    json_t *json = json_loadb((char *)file[i].bytes, file[i].size, 0, NULL);
    ck_assert_ptr_nonnull(json);
    return json;
}

static struct lip_network *served(void)
{
    struct lip_read_options options;
    struct lip_network *network;
    struct lip_ctx ctx = {0};
    size_t i = find("model");
    ck_assert_uint_lt(i, FILES);
    unsigned char *copy = lip_alloc(NULL, file[i].size, 1);
    memcpy(copy, file[i].bytes, file[i].size);
    struct lip_buffer *buffer = lip_buffer_take(copy, file[i].size, NULL);
    lip_read_options_default(&options);
    ck_assert_msg(lip_model_read(&network, buffer, &options, &ctx) == LIP_OK,
                  "%s", ctx.error.detail);
    lip_buffer_put(buffer);
    return network;
}

/* The least of all bounds of the network. */
static double prove(const struct lip_network *network,
                    struct lip_norm_pair pair)
{
    struct lip_chain *chain;
    struct lip_bound_options options = {.norm = pair, .time_limit = 5};
    struct lip_ctx ctx = {0};
    double least = INFINITY;
    ck_assert_msg(lip_chain_new(&chain, network, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    for (size_t i = 0; lip_methods[i]; i++) {
        struct lip_bound bound;
        if (lip_method_run(&bound, lip_methods[i], chain, &options, &ctx) ==
                LIP_OK &&
            !bound.skipped)
            least = fmin(least, bound.upper_bound);
        lip_error_clear(&ctx);
    }
    lip_chain_free(chain);
    return least;
}

static void check_model(const json_t *request, uint64_t number)
{
    struct api_train_request read;
    struct api_problem problem = {.detail = ""};
    struct lip_ctx ctx = {0};
    struct lip_network *network = served();
    json_t *result = result_of();
    double limit =
        json_number_value(json_object_get(result, "requested_lipschitz"));
    ck_assert_int_eq(api_train_read(&read, request, &problem, &ctx), LIP_OK);
    const struct lip_train_options *options = &read.options;
    if (!options->constraint->free) {
        double proven = prove(network, options->pair);
        ck_assert_msg(limit > 0 && proven <= limit,
                      "request %llu: %.17g is above %.17g",
                      (unsigned long long)number, proven, limit);
    }
    if (options->constraint->monotone)
        ck_assert_int_eq(lip_monotone_prove(network, options->direction,
                                            !read.regression, NULL),
                         LIP_OK);
    api_train_clear(&read);
    json_decref(result);
    lip_network_free(network);
}

static size_t done, refused, failed;

static void run(uint64_t number)
{
    static struct lipd_config config = {.flops_per_second = 1e8};
    struct lip_budget budget;
    struct api_problem problem = {.detail = ""};
    lip_budget_init(&budget, 64 << 20);
    struct lip_ctx ctx = {.budget = &budget, .threads = 1};
    json_t *request = train_random_request(number);
    struct lipd_child child = {
        .config = &config, .request = request, .threads = 1, .ctx = &ctx};
    int status = lipd_child_train(&child, &problem);
    ck_assert_uint_eq(budget.used, 0);
    if (find("model") < FILES) /* late and diverged jobs keep one too */
        check_model(request, number);
    if (status == LIPD_CHILD_DONE) {
        ck_assert_uint_lt(find("model"), FILES);
        done++;
    } else {
        ck_assert_int_eq(status, LIPD_CHILD_FAILED);
        ck_assert_msg(strlen(problem.detail) > 15 &&
                          problem.code != API_PROBLEM_INTERNAL &&
                          problem.code != API_PROBLEM_UNPROVEN,
                      "request %llu: \"%s\"", (unsigned long long)number,
                      problem.detail);
        bool early = problem.code == API_PROBLEM_INVALID_OPTION;
        refused += early;
        failed += !early;
        if (getenv("TRAIN_VERBOSE"))
            printf("%llu: %s: %s\n", (unsigned long long)number, problem.where,
                   problem.detail);
    }
    json_decref(request);
    clear_folder();
}

START_TEST(requests)
{
    const char *count = getenv("TRAIN_REQUESTS"), *from = getenv("TRAIN_SEED");
    uint64_t n = count ? strtoull(count, NULL, 10) : 300;
    uint64_t first = from ? strtoull(from, NULL, 10) : 0;
    for (uint64_t i = first; i < first + n; i++)
        run(i);
    printf("requests %llu to %llu: %zu models, %zu refused, %zu failed\n",
           (unsigned long long)first, (unsigned long long)(first + n - 1), done,
           refused, failed);
    ck_assert(n < 100 || (done > n / 10 && refused > n / 10));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("property/train_requests");
    TCase *tc = tcase_create("train_requests");
    tcase_set_timeout(tc, 3600);
    tcase_add_test(tc, requests);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
