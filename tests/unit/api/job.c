/* SPDX-License-Identifier: MIT
 *
 * The job document: which members there are when, times, stored texts byte for
 * byte, and the time that is left. */
#include "api/job.h"

#include "tests/support/contract.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;
static const char ID[] = "0123456789abcdef0123456789abcdef";

static void setup(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

/* The document, until the next call; NULL where it fails. */
static const char *write(const struct api_job *job, double now)
{
    static char copy[4096];
    struct api_text text;
    size_t size;
    api_text_init(&text, sizeof copy - 1, &ctx);
    api_job_write(&text, NULL, job, now);
    char *document = api_text_take(&text, &size);
    if (!document)
        return NULL;
    memcpy(copy, document, size + 1);
    lip_free(document);
    ck_assert_uint_eq(budget.used, 0);
    return copy;
}

static const char *eta_of(const char *progress, const char *state)
{
    const struct api_job job = {.id = ID,
                                .kind = "train",
                                .state = state,
                                .created = 1,
                                .started = 100,
                                .progress = progress};
    const char *document = write(&job, 130);
    ck_assert_ptr_nonnull(document);
    const char *eta = strstr(document, "\"eta_seconds\"");
    json_t *json = json_loads(document, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(json);
    json_decref(json);
    return eta ? eta : "";
}

START_TEST(a_queued_job)
{
    const struct api_job job = {.id = ID,
                                .kind = "train",
                                .state = "queued",
                                .created = 1763683949.123};
    const char *document = write(&job, 1763683950);
    ck_assert_str_eq(document, "{\"id\":\"0123456789abcdef0123456789abcdef\","
                               "\"kind\":\"train\",\"state\":\"queued\","
                               "\"created\":\"2025-11-21T00:12:29.123Z\"}");
    contract_add("Job", document);
}
END_TEST

#define RESULT                                                                 \
    "{\"model\":{\"id\":\"sha256:"                                             \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","      \
    "\"inputs\":1,\"outputs\":1,\"parameters\":1,\"layers\":[{\"type\":"       \
    "\"dense\"}]},\"norm\":{\"input\":2,\"output\":2},\"bounds\": [],"         \
    "\"seconds\":0.10000000000000001 }"

/* The texts go out as they were stored: 0.10000000000000001 stays. */
START_TEST(a_finished_job)
{
    const struct api_job job = {
        .id = ID,
        .kind = "bound",
        .state = "succeeded",
        .created = 1,
        .started = 2,
        .finished = 3,
        .progress = "{\"done\":20,\"total\":20,\"unit\":\"epoch\"}",
        .result = RESULT};
    const char *document = write(&job, 4);
    ck_assert_ptr_nonnull(strstr(document, "\"started\":\"1970-01-01T00:00:02."
                                           "000Z\",\"finished\":"));
    ck_assert_ptr_nonnull(strstr(document, "\"result\":" RESULT "}"));
    ck_assert_ptr_null(strstr(document, "eta_seconds"));
    contract_add("Job", document);
}
END_TEST

START_TEST(the_time_that_is_left)
{
    static const char before[] = "{\"done\":3,\"total\":12,\"unit\":\"epoch\"";
    char text[200];
    snprintf(text, sizeof text, "%s,\"metrics\":{\"loss\":0.5}} \n", before);
    ck_assert_str_eq(eta_of(text, "running"), "\"eta_seconds\":90.0}}");
    ck_assert_str_eq(eta_of(text, "succeeded"), "");
    snprintf(text, sizeof text, "%s,\"eta_seconds\":5}", before);
    ck_assert_str_eq(eta_of(text, "running"), "\"eta_seconds\":5}}");
    static const char *const no_telling[] = {
        "{\"done\":0,\"total\":12}",
        "{\"done\":13,\"total\":12}",
        "{\"done\":-1,\"total\":12}",
        "{\"total\":12}",
        "{\"done\":\"3\",\"total\":12}",
        "{}",
        "[]",
        "3",
        "{\"done\":1e-300,\"total\":1e300}"};
    for (size_t i = 0; i < sizeof no_telling / sizeof no_telling[0]; i++)
        ck_assert_str_eq(eta_of(no_telling[i], "running"), "");
}
END_TEST

START_TEST(what_is_not_json_fails)
{
    static const char *const bad[] = {
        "", "{", "{}}", "{} {}", "nan", "{\"a\":1,\"a\":2}", "},{"};
    struct api_job job = {.id = ID,
                          .kind = "train",
                          .state = "running",
                          .created = 1,
                          .started = 1};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        job.progress = bad[i];
        job.result = NULL;
        ck_assert_ptr_null(write(&job, 2));
        job.progress = NULL;
        job.result = bad[i];
        ck_assert_ptr_null(write(&job, 2));
    }
}
END_TEST

START_TEST(no_memory_is_told_and_nothing_leaks)
{
    const struct api_job job = {.id = ID,
                                .kind = "train",
                                .state = "running",
                                .created = 1,
                                .started = 1,
                                .progress = "{\"done\":1,\"total\":2}"};
    for (long n = 0; n < 2; n++) {
        lip_budget_init(&budget, 0);
        atomic_store(&budget.fail_after, n);
        ck_assert_ptr_null(write(&job, 2));
        ck_assert_uint_eq(budget.used, 0);
    }
}
END_TEST

START_TEST(times)
{
    char text[API_TIME_SIZE];
    api_time(text, 1763683949.9996);
    ck_assert_str_eq(text, "2025-11-21T00:12:30.000Z");
    api_time(text, 4102444800.5);
    ck_assert_str_eq(text, "2100-01-01T00:00:00.500Z");
}
END_TEST

START_TEST(documents_follow_the_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/job");
    TCase *tcase = tcase_create("job");
    tcase_add_unchecked_fixture(tcase, contract_open, NULL);
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_queued_job);
    tcase_add_test(tcase, a_finished_job);
    tcase_add_test(tcase, the_time_that_is_left);
    tcase_add_test(tcase, what_is_not_json_fails);
    tcase_add_test(tcase, no_memory_is_told_and_nothing_leaks);
    tcase_add_test(tcase, times);
    tcase_add_test(tcase, documents_follow_the_contract);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
