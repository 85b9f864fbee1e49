/* SPDX-License-Identifier: MIT
 *
 * What the request of a job says of kept answers, and to whom. */
#include "server/jobs/job_recall.h"

#include "api/text.h"
#include "server/build.h"
#include "server/recall.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char kind[] = "bound";

/* What a job is told that was accepted by this program, with its build in the
 * place of our own. */
static struct lipd_job_recall told(const struct lipd_recall *recall,
                                   const char *build)
{
    struct api_text text;
    struct lipd_job_recall out;
    struct lipd_job job = {.tenant = "a"};
    size_t size;
    api_text_init(&text, 4096, NULL);
    api_object_open(&text, NULL);
    lipd_recall_write(recall, &text);
    api_object_close(&text);
    char *written = api_text_take(&text, &size);
    json_t *json = json_loads(written, 0, NULL);
    lip_free(written);
    json_t *member = json_object_get(json, LIPD_RECALL);
    if (build && *build)
        json_object_set_new(member, "build", json_string(build));
    else if (build)
        json_object_del(member, "build");
    job.request = json_dumps(json, 0);
    memcpy(job.kind, kind, sizeof kind);
    lipd_job_recall_read(&out, &job);
    free(job.request);
    json_decref(json);
    return out;
}

START_TEST(it_is_read_as_it_was_written)
{
    for (int i = 0; i < 4; i++) {
        const struct lipd_recall recall = {.look = i & 1,
                                           .keep = i & 2,
                                           .max_age = INFINITY,
                                           .key = "sha256:01"};
        struct lipd_job_recall out = told(&recall, NULL);
        ck_assert(out.look == (i & 1) && out.keep == !!(i & 2));
        ck_assert_str_eq(out.key, i ? "sha256:01" : "");
        ck_assert_str_eq(out.tenant, i ? "a" : "");
    }
}
END_TEST

/* The key is of answers of one program only. */
START_TEST(another_program_neither_takes_nor_gives)
{
    const struct lipd_recall recall = {
        .look = true, .keep = true, .max_age = INFINITY, .key = "sha256:01"};
    ck_assert(told(&recall, lipd_build()).keep);
    static const char *const other[] = {"", "0.0.1 00", "0"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        struct lipd_job_recall out = told(&recall, other[i]);
        ck_assert(!out.look && !out.keep);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("job_recall");
    TCase *tests = tcase_create("job_recall");
    tcase_add_test(tests, it_is_read_as_it_was_written);
    tcase_add_test(tests, another_program_neither_takes_nor_gives);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
