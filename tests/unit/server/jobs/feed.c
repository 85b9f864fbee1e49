/* SPDX-License-Identifier: MIT
 *
 * The form of a server-sent event. (The stream itself: server/route_jobs.c.)
 */
#include "server/jobs/feed.h"

#include "server/jobs/job_store.h"
#include "server/out.h"
#include "tests/support/suite.h"

#include <stdio.h>

static void expect(const char *data, const char *text)
{
    char copy[100];
    struct lipd_out out;
    size_t size;
    struct lipd_job_event event = {.sequence = 7, .type = "state"};
    if (data) {
        snprintf(copy, sizeof copy, "%s", data);
        event.data = copy;
    }
    lipd_out_init(&out, 1000, NULL);
    lipd_feed_print(&out, &event);
    char *printed = lipd_out_take(&out, &size);
    ck_assert_ptr_nonnull(printed);
    ck_assert_str_eq(printed, text);
    lip_free(printed);
}

START_TEST(an_event_has_its_fields)
{
    expect("{\"a\":1}", "id: 7\nevent: state\ndata: {\"a\":1}\n\n");
    expect(NULL, "id: 7\nevent: state\ndata: \n\n");
}
END_TEST

/* A line end within the data would end the event, or begin another field. */
START_TEST(lines_stay_data)
{
    static const char two[] = "id: 7\nevent: state\ndata: {\ndata: }\n\n";
    expect("{\n}", two);
    expect("{\r\n}", two);
    expect("{\r}\n", two);
    expect("{\n\n}\n\n", two);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/jobs/feed");
    TCase *tcase = tcase_create("feed");
    tcase_add_test(tcase, an_event_has_its_fields);
    tcase_add_test(tcase, lines_stay_data);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
