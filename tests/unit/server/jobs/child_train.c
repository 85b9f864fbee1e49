/* SPDX-License-Identifier: MIT
 *
 * Properties: a training job ends with a model whose proven bound is within
 * the limit and whose result follows its schema; the same request gives the
 * same model file, byte for byte, however often it was interrupted and
 * however many threads worked; a cancelled, a diverged and a late job leave a
 * model; damaged checkpoints, a full disk and bad data are told or survived.
 *
 * The folder of the job, its pipe and its signals are this program's own. */
#include "server/jobs/kinds.h"

#include "formats/format.h"
#include "tests/support/contract.h"
#include "tests/support/suite.h"
#include "tests/support/train_request.h"
#include "training/random.h"

#include <string.h>

/* --- the folder, in memory */

enum { FILES = 8 };

static struct {
    char name[32];
    unsigned char *bytes;
    size_t size;
} file[FILES];

static long wishes, lines, room, saves;
static enum lipd_child_wish wish;
static char last_line[LIPD_CHILD_LINE];

static size_t find(const char *name)
{
    size_t i = 0;
    while (i < FILES && strcmp(file[i].name, name) != 0)
        i++;
    return i;
}

static void drop(const char *name)
{
    size_t i = find(name);
    if (i == FILES)
        return;
    lip_free(file[i].bytes);
    memset(&file[i], 0, sizeof file[i]);
}

static void put(const char *name, const void *bytes, size_t size)
{
    drop(name);
    size_t i = find("");
    ck_assert_uint_lt(i, FILES);
    strcpy(file[i].name, name);
    file[i].bytes = lip_alloc(NULL, size + 1, 1);
    memcpy(file[i].bytes, bytes, size);
    file[i].bytes[size] = '\0';
    file[i].size = size;
}

static void clear_folder(void)
{
    for (size_t i = 0; i < FILES; i++)
        if (file[i].name[0])
            drop(file[i].name);
    wishes = -1;
    wish = LIPD_PAUSE;
    lines = saves = 0;
    room = -1;
}

bool lipd_child_write(const struct lipd_child *child, const char *name,
                      const void *bytes, size_t size,
                      struct api_problem *problem)
{
    (void)child;
    saves += strcmp(name, "checkpoint") == 0;
    if (room == 0) {
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL, "There is no room.");
        return false;
    }
    room -= room > 0;
    put(name, bytes, size);
    return true;
}

bool lipd_child_read(const struct lipd_child *child, const char *name,
                     unsigned char **bytes, size_t *size,
                     struct api_problem *problem)
{
    (void)problem;
    size_t i = find(name);
    *bytes = NULL;
    *size = 0;
    if (i == FILES)
        return true;
    *size = file[i].size;
    *bytes = lip_alloc(child->ctx, *size + 1, 1);
    memcpy(*bytes, file[i].bytes, *size + 1);
    return true;
}

/* The wish is heard at the `wishes`-th look from now; -1: never. */
enum lipd_child_wish lipd_child_wish(void)
{
    if (wishes < 0 || wishes-- > 0)
        return LIPD_GO_ON;
    return wish;
}

bool lipd_child_tell(const char *json, size_t size)
{
    ck_assert_uint_lt(size, LIPD_CHILD_LINE);
    ck_assert_ptr_null(memchr(json, '\n', size));
    memcpy(last_line, json, size);
    last_line[size] = '\0';
    lines++;
    return true;
}

/* --- runs */

static struct lipd_config config;

static int run(const char *member, unsigned threads,
               struct api_problem *problem)
{
    struct lip_budget budget;
    lip_budget_init(&budget, 0);
    struct lip_ctx ctx = {.budget = &budget, .threads = threads};
    json_t *request = train_request_json(member);
    struct lipd_child child = {
        .config = &config, .request = request, .threads = threads, .ctx = &ctx};
    int status = lipd_child_train(&child, problem);
    json_decref(request);
    ck_assert_uint_eq(budget.used, 0);
    return status;
}

static json_t *result_of(void)
{
    size_t i = find("result.json");
    ck_assert_uint_lt(i, FILES);
    json_t *json = json_loadb((char *)file[i].bytes, file[i].size, 0, NULL);
    ck_assert_ptr_nonnull(json);
    contract_add("TrainResult", (char *)file[i].bytes);
    return json;
}

/* The model file is read back as the network of the id, and posted to /bound
 * as one whose bound is within `limit`. */
static void ck_model(double limit)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct lip_read_options options;
    struct lip_network *network;
    size_t i = find("model"), k = find("model.id");
    ck_assert_uint_lt(i, FILES);
    ck_assert_uint_lt(k, FILES);
    unsigned char *copy = lip_alloc(&ctx, file[i].size, 1);
    memcpy(copy, file[i].bytes, file[i].size);
    struct lip_buffer *buffer = lip_buffer_take(copy, file[i].size, &ctx);
    lip_read_options_default(&options);
    ck_assert_int_eq(lip_model_read(&network, buffer, &options, &ctx), LIP_OK);
    ck_assert_uint_eq(strlen(network->id), file[k].size);
    ck_assert_mem_eq(network->id, file[k].bytes, file[k].size);
    ck_assert_ptr_nonnull(lip_metadata_find(&network->metadata, "data"));
    json_t *result = result_of();
    ck_assert_str_eq(json_string_value(json_object_get(result, "model_id")),
                     network->id);
    const json_t *bound = json_object_get(result, "bound");
    double proven = json_number_value(json_object_get(bound, "upper_bound"));
    ck_assert_double_gt(proven, 0);
    if (limit > 0)
        ck_assert_double_le(proven, limit);
    json_decref(result);
    lip_network_free(network);
    lip_buffer_put(buffer);
}

/* --- tests */

static const char *const kinds[] = {
    "'epochs': 5",
    "'constraint': {'method': 'none'}",
    "'constraint': {'method': 'projection', 'norm': 'inf', 'lipschitz': 4}",
    "'constraint': {'method': 'normalisation', 'norm': 1, 'lipschitz': 3}",
    "'constraint': {'method': 'scaling', 'lipschitz': 0.01}",
    "'constraint': {'method': 'aol'}, 'validation': {'split': 0.2, "
    "'patience': 1, 'radii': [0.1, 0.3]}, 'epochs': 30",
    "'normalization': 'standard', 'validation': {'split': 0.3, 'radii': "
    "[0.05]}",
    "'validation': {'split': 0}, 'constraint': {'lipschitz_per_layer': [2, "
    "1]}",
    "'dataset': {'generate': 'sine', 'samples': 150}, 'model': {'layers': "
    "[{'type': 'dense', 'units': 6}, {'type': 'relu'}, {'type': 'dense', "
    "'units': 1}]}",
    "'dataset': {'inline': {'x': [[0, 1], [1, 0], [2, 1], [0, 0], [1, 1], [2, "
    "2]], 'y': [0, 1, 0, 1, 0, 1]}}",
};

static const double limit_of[] = {2, 0, 4, 3, 0.01, 1, 2, 2.0000001, 2, 2};

START_TEST(test_kinds)
{
    struct api_problem problem = {.detail = ""};
    clear_folder();
    ck_assert_msg(run(kinds[_i], 1, &problem) == LIPD_CHILD_DONE, "%s: %s",
                  problem.where, problem.detail);
    ck_model(limit_of[_i]);
    clear_folder();
}
END_TEST

/* A stretch of the same run, again and again interrupted. */
static void run_in_pieces(const char *member, uint64_t seed)
{
    struct api_problem problem = {.detail = ""};
    int status = LIPD_CHILD_PAUSED;
    for (size_t i = 0; status == LIPD_CHILD_PAUSED; i++) {
        ck_assert_uint_lt(i, 500);
        wishes = (long)(lip_draw(seed, 1, i) % 7);
        if (lip_draw(seed, 2, i) % 5 == 0)
            drop("checkpoint.new");
        status = run(member, 1 + i % 2, &problem);
    }
    ck_assert_msg(status == LIPD_CHILD_DONE, "seed %llu: %s",
                  (unsigned long long)seed, problem.detail);
}

static json_t *history_of(void)
{
    json_t *result = result_of();
    json_t *history = json_incref(json_object_get(result, "history"));
    json_decref(result);
    return history;
}

/* All constraints that keep something from step to step, and early stopping. */
static const char *const pieces[] = {
    "'epochs': 6",
    "'constraint': {'method': 'spectral-normalisation'}, 'epochs': 4",
    "'constraint': {'method': 'orthogonal-cayley'}, 'epochs': 4",
    "'optimizer': {'type': 'adam', 'amsgrad': true}, 'validation': {'split': "
    "0.2, 'patience': 3}, 'epochs': 8, 'normalization': 'uniform'",
};

START_TEST(test_interrupted)
{
    struct api_problem problem = {.detail = ""};
    uint64_t seed = 77 + (uint64_t)_i;
    clear_folder();
    ck_assert_msg(run(pieces[_i], 1, &problem) == LIPD_CHILD_DONE, "%s",
                  problem.detail);
    json_t *history = history_of();
    size_t i = find("model"), size = file[i].size;
    unsigned char *model = lip_alloc(NULL, size, 1);
    memcpy(model, file[i].bytes, size);
    for (size_t round = 0; round < 3; round++) {
        clear_folder();
        run_in_pieces(pieces[_i], seed + 100 * round);
        ck_assert_int_gt(saves, 2);
        i = find("model");
        ck_assert_uint_eq(file[i].size, size);
        ck_assert_mem_eq(file[i].bytes, model, size);
        json_t *again = history_of();
        ck_assert(json_equal(history, again));
        json_decref(again);
    }
    json_decref(history);
    lip_free(model);
    clear_folder();
}
END_TEST

START_TEST(test_history)
{
    struct api_problem problem = {.detail = ""};
    clear_folder();
    ck_assert_int_eq(run("'epochs': 2500, 'batch_size': 200, 'dataset': "
                         "{'generate': 'circles', 'samples': 40}",
                         1, &problem),
                     LIPD_CHILD_DONE);
    json_t *history = history_of();
    size_t n = json_array_size(history);
    ck_assert_uint_ge(n, 800);
    ck_assert_uint_le(n, 1001);
    ck_assert_int_eq(json_integer_value(json_object_get(
                         json_array_get(history, n - 1), "epoch")),
                     2500);
    json_decref(history);
    clear_folder();
}
END_TEST

START_TEST(test_cancelled)
{
    struct api_problem problem = {.detail = ""};
    clear_folder();
    wish = LIPD_CANCEL;
    wishes = 9;
    ck_assert_int_eq(run("'epochs': 1000", 1, &problem), LIPD_CHILD_CANCELLED);
    ck_model(2);
    json_t *result = result_of();
    ck_assert_str_eq(json_string_value(json_object_get(result, "ended")),
                     "cancelled");
    json_decref(result);
    clear_folder();
}
END_TEST

START_TEST(test_diverged)
{
    struct api_problem problem = {.detail = ""};
    clear_folder();
    ck_assert_int_eq(run("'constraint': {'method': 'none'}, 'optimizer': "
                         "{'learning_rate': 1e6, 'schedule': 'constant'}, "
                         "'epochs': 100, 'dataset': {'generate': 'sine'}, "
                         "'model': {'layers': [{'type': 'dense', 'units': 8}, "
                         "{'type': 'abs'}, {'type': 'dense', 'units': 1}]}",
                         1, &problem),
                     LIPD_CHILD_FAILED);
    ck_assert_int_eq(problem.code, API_PROBLEM_INVALID_OPTION);
    ck_assert_str_eq(problem.where, "/optimizer/learning_rate");
    ck_assert_ptr_nonnull(strstr(problem.detail, "epoch 1:"));
    ck_assert_ptr_nonnull(strstr(problem.detail, "sha256:"));
    ck_model(0);
    clear_folder();
}
END_TEST

START_TEST(test_late)
{
    struct api_problem problem = {.detail = ""};
    clear_folder();
    ck_assert_int_eq(run("'epochs': 100000, 'time_limit': 0.2", 1, &problem),
                     LIPD_CHILD_FAILED);
    ck_assert_int_eq(problem.code, API_PROBLEM_TIME_LIMIT);
    ck_assert_ptr_nonnull(strstr(problem.detail, "of 100000"));
    ck_model(2);
    clear_folder();
}
END_TEST

/* A checkpoint that is cut, altered or another run's begins the run anew: what
 * comes of it is the same. */
START_TEST(test_damaged)
{
    struct api_problem problem = {.detail = ""};
    clear_folder();
    ck_assert_int_eq(run("'epochs': 4", 1, &problem), LIPD_CHILD_DONE);
    json_t *history = history_of();
    clear_folder();
    wishes = 20;
    ck_assert_int_eq(run("'epochs': 4", 1, &problem), LIPD_CHILD_PAUSED);
    size_t i = find("checkpoint"), size = file[i].size;
    unsigned char *whole = lip_alloc(NULL, size, 1);
    memcpy(whole, file[i].bytes, size);
    for (size_t k = 0; k < 60; k++) {
        /* the front holds the history */
        size_t at = (size_t)(lip_draw(5, 1, k) % (k % 2 ? 250 : size));
        unsigned char *bytes = lip_alloc(NULL, size, 1);
        memcpy(bytes, whole, size);
        bytes[at] ^= 0x10;
        put("checkpoint", bytes, k % 4 == 3 ? at : size);
        lip_free(bytes);
        wishes = -1;
        ck_assert_int_eq(run("'epochs': 4", 1, &problem), LIPD_CHILD_DONE);
        ck_model(2);
        json_t *again = history_of();
        ck_assert_msg(json_equal(history, again), "byte %zu", at);
        json_decref(again);
    }
    put("checkpoint", whole, size);
    ck_assert_int_eq(run("'epochs': 5", 1, &problem), LIPD_CHILD_DONE);
    lip_free(whole);
    json_decref(history);
    clear_folder();
}
END_TEST

/* Killed while the model is made: training is not done again. */
START_TEST(test_killed_at_the_end)
{
    struct api_problem problem = {.detail = ""};
    clear_folder();
    ck_assert_int_eq(run(NULL, 1, &problem), LIPD_CHILD_DONE);
    drop("result.json");
    drop("model");
    wishes = 0; /* a single step would hear it */
    ck_assert_int_eq(run(NULL, 1, &problem), LIPD_CHILD_DONE);
    ck_model(2);
    clear_folder();
}
END_TEST

START_TEST(test_full_disk)
{
    int status = LIPD_CHILD_FAILED;
    for (long n = 0; status != LIPD_CHILD_DONE; n++) {
        struct api_problem problem = {.detail = ""};
        clear_folder();
        room = n;
        status = run(NULL, 1, &problem);
        if (status == LIPD_CHILD_FAILED)
            ck_assert_int_eq(problem.code, API_PROBLEM_STORAGE_FULL);
        ck_assert_int_lt(n, 20);
    }
    clear_folder();
}
END_TEST

START_TEST(test_refused)
{
    struct api_problem problem = {.detail = ""};
    clear_folder();
    ck_assert_int_eq(run("'normalization': 'standard', 'constraint': "
                         "{'lipschitz_per_layer': [1, 1], 'lipschitz': 0.5}",
                         1, &problem),
                     LIPD_CHILD_FAILED);
    ck_assert_int_eq(problem.code, API_PROBLEM_INVALID_OPTION);
    ck_assert_int_eq(
        run("'dataset': {'generate': 'circles', 'samples': 3}", 1, &problem),
        LIPD_CHILD_FAILED);
    ck_assert_str_eq(problem.where, "/validation/split");
    ck_assert_uint_eq(find("result.json"), FILES);
    clear_folder();
}
END_TEST

START_TEST(test_progress)
{
    struct api_problem problem = {.detail = ""};
    clear_folder();
    ck_assert_int_eq(run(NULL, 1, &problem), LIPD_CHILD_DONE);
    ck_assert_int_ge(lines, 2);
    json_t *line = json_loads(last_line, 0, NULL);
    const json_t *metrics = json_object_get(line, "metrics");
    ck_assert_int_eq(json_integer_value(json_object_get(line, "done")), 3);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "total")), 3);
    ck_assert_str_eq(json_string_value(json_object_get(line, "unit")), "epoch");
    static const char *const name[] = {"loss", "accuracy", "validation_loss",
                                       "validation_accuracy", "lipschitz"};
    for (size_t i = 0; i < 5; i++)
        ck_assert_msg(json_is_number(json_object_get(metrics, name[i])), "%s",
                      name[i]);
    json_decref(line);
    clear_folder();
}
END_TEST

/* No allocation that fails is overlooked or leaks. */
START_TEST(test_memory)
{
    int status = LIPD_CHILD_FAILED;
    json_t *request = train_request_json(
        "'normalization': 'uniform', 'validation': {'split': 0.2, 'radii': "
        "[0.1]}, 'epochs': 1");
    for (long n = 0; status != LIPD_CHILD_DONE; n += 1 + n / 16) {
        struct api_problem problem = {.detail = ""};
        struct lip_budget budget;
        clear_folder();
        lip_budget_init(&budget, 0);
        budget.fail_after = n;
        struct lip_ctx ctx = {.budget = &budget, .threads = 1};
        struct lipd_child child = {
            .config = &config, .request = request, .threads = 1, .ctx = &ctx};
        status = lipd_child_train(&child, &problem);
        if (status != LIPD_CHILD_DONE)
            ck_assert_msg(problem.code == API_PROBLEM_OVERLOADED, "%ld: %s", n,
                          problem.detail);
        ck_assert_uint_eq(budget.used, 0);
        ck_assert_int_lt(n, 100000);
    }
    json_decref(request);
    clear_folder();
}
END_TEST

START_TEST(test_contract)
{
    contract_check();
}
END_TEST

static void setup(void)
{
    config.flops_per_second = 1e10;
}

int main(void)
{
    Suite *suite = suite_create("server/jobs/child_train");
    TCase *t = tcase_create("child_train");
    tcase_add_unchecked_fixture(t, contract_open, NULL);
    tcase_add_unchecked_fixture(t, setup, NULL);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, test_kinds, 0, sizeof kinds / sizeof *kinds);
    tcase_add_loop_test(t, test_interrupted, 0, sizeof pieces / sizeof *pieces);
    tcase_add_test(t, test_history);
    tcase_add_test(t, test_cancelled);
    tcase_add_test(t, test_diverged);
    tcase_add_test(t, test_late);
    tcase_add_test(t, test_damaged);
    tcase_add_test(t, test_killed_at_the_end);
    tcase_add_test(t, test_full_disk);
    tcase_add_test(t, test_refused);
    tcase_add_test(t, test_progress);
    tcase_add_test(t, test_memory);
    tcase_add_test(t, test_contract);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
