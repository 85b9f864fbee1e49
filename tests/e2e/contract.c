/* SPDX-License-Identifier: MIT
 *
 * The route table, the OpenAPI document and the answers say the same: each row
 * is a path and method of the document and the other way round, every status
 * that comes back is one the document lists for it, and every problem code is
 * in its list. */
#include "api/openapi.h"
#include "api/problem.h"
#include "server/routes.h"
#include "tests/support/daemon.h"
#include "tests/support/http_client.h"
#include "tests/support/models.h"
#include "tests/support/suite.h"
#include "tests/support/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The document is written in one style, which is all that is read here: paths
 * at an indent of 2, methods at 4, "responses:" at 6, statuses at 8. */
struct operation {
    char path[64], method[16];
    char statuses[200]; /* " 200 404 4XX" */
    bool open;          /* takes no token */
};

static struct operation operations[64];
static size_t count;

static size_t indent_of(const char *line)
{
    return strspn(line, " ");
}

static void read_line(const char *line, char *path, bool *in_responses)
{
    size_t indent = indent_of(line);
    char word[64];
    if (sscanf(line, " %63[^: ]", word) != 1)
        return;
    if (indent == 2 && word[0] == '/') {
        snprintf(path, 64, "%s", word);
    } else if (indent == 4 && strcmp(word, "parameters")) {
        struct operation *o = &operations[count++];
        snprintf(o->path, sizeof o->path, "%s", path);
        for (size_t i = 0; word[i] && i < sizeof o->method - 1; i++)
            o->method[i] = (char)(word[i] & ~0x20);
        *in_responses = false;
    } else if (indent == 6) {
        *in_responses = !strcmp(word, "responses");
        if (!strcmp(line, "      security: []") && count)
            operations[count - 1].open = true;
    } else if (indent == 8 && *in_responses && count) {
        char *statuses = operations[count - 1].statuses;
        const char *bare = word + (word[0] == '\'');
        snprintf(statuses + strlen(statuses),
                 sizeof operations->statuses - strlen(statuses), " %.3s", bare);
    }
}

static void read_document(void)
{
    char path[64] = "";
    bool in_paths = false, in_responses = false;
    const char *end = api_openapi_yaml + api_openapi_yaml_size;
    for (const char *line = api_openapi_yaml; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t size = (size_t)((next ? next : end) - line);
        char text[256];
        snprintf(text, sizeof text, "%.*s", (int)size, line);
        if (text[0] && text[0] != ' ')
            in_paths = !strcmp(text, "paths:");
        else if (in_paths)
            read_line(text, path, &in_responses);
        line += size + 1;
    }
}

static const struct operation *find(const char *method, const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(operations[i].path, path) &&
            !strcmp(operations[i].method, method))
            return &operations[i];
    return NULL;
}

START_TEST(every_route_is_in_the_document)
{
    read_document();
    for (size_t i = 0; i < lipd_route_count; i++)
        ck_assert_msg(find(lipd_routes[i].method, lipd_routes[i].path) != NULL,
                      "%s %s", lipd_routes[i].method, lipd_routes[i].path);
}
END_TEST

START_TEST(every_operation_of_the_document_is_a_route)
{
    read_document();
    ck_assert_uint_eq(count, lipd_route_count);
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t k = 0; k < lipd_route_count; k++)
            found |= !strcmp(operations[i].path, lipd_routes[k].path) &&
                     !strcmp(operations[i].method, lipd_routes[k].method);
        ck_assert_msg(found, "%s %s", operations[i].method, operations[i].path);
    }
}
END_TEST

START_TEST(every_problem_is_in_the_document)
{
    for (int i = 0; i < API_PROBLEM_COUNT; i++) {
        char line[128];
        snprintf(line, sizeof line, "'urn:lipschitzd:problem:%s'\n",
                 api_problem_name((enum api_problem_code)i));
        ck_assert_msg(memmem(api_openapi_yaml, api_openapi_yaml_size, line,
                             strlen(line)) != NULL,
                      "%s", line);
    }
}
END_TEST

START_TEST(what_takes_no_token_is_said)
{
    read_document();
    for (size_t i = 0; i < lipd_route_count; i++) {
        const struct lipd_route *route = &lipd_routes[i];
        ck_assert_msg(find(route->method, route->path)->open ==
                          (route->scopes == LIPD_SCOPE_NONE),
                      "%s %s", route->method, route->path);
    }
}
END_TEST

static struct daemon daemon_;
static char data[80], tokens[80];
static char nothing[TOKEN_SIZE], bound[TOKEN_SIZE], train[TOKEN_SIZE],
    slow[TOKEN_SIZE];

static void setup(void)
{
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    daemon_run(&daemon_, (const char *[]){"--data-dir", data, "--max-body",
                                          "1M", "--max-dataset", "1M", NULL});
    read_document();
}

static void teardown(void)
{
    daemon_end(&daemon_);
}

static void setup_tokens(void)
{
    daemon_prepare(&daemon_);
    snprintf(data, sizeof data, "%s/data", daemon_.directory);
    snprintf(tokens, sizeof tokens, "%s/tokens", daemon_.directory);
    token_add(nothing, "/dev/null", "stranger", "bound");
    token_add(bound, tokens, "b", "bound");
    token_add(train, tokens, "t", "train");
    token_add(slow, tokens, "s", "admin requests=0.001/s");
    daemon_run(&daemon_,
               (const char *[]){"--data-dir", data, "--tokens", tokens, NULL});
    read_document();
}

/* Is the status listed, itself or as its class? */
static void expect_listed(const struct lipd_route *route, int status)
{
    const struct operation *o = find(route->method, route->path);
    char exact[16], class[16];
    ck_assert_ptr_nonnull(o);
    snprintf(exact, sizeof exact, " %d", status);
    snprintf(class, sizeof class, " %dXX", status / 100);
    ck_assert_msg(strstr(o->statuses, exact) || strstr(o->statuses, class),
                  "%s %s answers %d; the document lists%s", route->method,
                  route->path, status, o->statuses);
}

static void target_of(char out[256], const struct lipd_route *route)
{
    const char *open = strchr(route->path, '{');
    snprintf(out, 256, "%.*s%s%s", (int)strcspn(route->path, "{"), route->path,
             open ? "sha256:00" : "", open ? strchr(open, '}') + 1 : "");
}

/* Asks for a route as somebody; the status, which the document lists. */
static int ask_as(const struct lipd_route *route, const char *token)
{
    char target[256];
    struct http_answer answer;
    target_of(target, route);
    http_ask_as(&answer, daemon_.port, token, route->method, target, NULL, NULL,
                0);
    int status = answer.status;
    expect_listed(route, status);
    if (status == 401) {
        ck_assert(http_is_problem(&answer, 401, "unauthorized"));
        ck_assert_str_eq(http_field(&answer, "WWW-Authenticate"),
                         "Bearer realm=\"lipschitzd\"");
    } else if (status == 403) {
        ck_assert(http_is_problem(&answer, 403, "forbidden"));
    } else if (status == 429) {
        ck_assert(http_is_problem(&answer, 429, "rate-limited"));
        ck_assert_int_gt(atoi(http_field(&answer, "Retry-After")), 100);
    } else {
        ck_assert_str_eq(http_field(&answer, "WWW-Authenticate"), "");
    }
    http_clear(&answer);
    return status;
}

static bool is_refusal(int status)
{
    return status == 401 || status == 403 || status == 429;
}

START_TEST(tokens_open_what_the_table_says)
{
    ask_as(&lipd_routes[1], slow); /* the only one for a while */
    for (size_t i = 0; i < lipd_route_count; i++) {
        const struct lipd_route *route = &lipd_routes[i];
        bool open = route->scopes == LIPD_SCOPE_NONE;
        ck_assert_int_eq(ask_as(route, NULL) == 401, !open);
        ck_assert_int_eq(ask_as(route, nothing) == 401, !open);
        ck_assert_int_eq(ask_as(route, slow) == 429, !open);
        ck_assert_int_eq(is_refusal(ask_as(route, bound)),
                         !open && !(route->scopes & LIPD_SCOPE_BOUND));
        ck_assert_int_eq(is_refusal(ask_as(route, train)),
                         !open && !(route->scopes & LIPD_SCOPE_TRAIN));
    }
}
END_TEST

static void try_bodies(const struct lipd_route *route, const char *target)
{
    static const char *const bodies[] = {
        "{" TINY_LAYERS "}", "{", "hello", "{\"model\":{\"layers\":[]}}",
        "{\"model\":{\"id\":\"sha256:"
        "0000000000000000000000000000000000000000000000000000000000000000"
        "\"}}"};
    static char large[2 << 20];
    struct http_answer answer;
    for (int i = 0; i < 5; i++) {
        http_post(&answer, daemon_.port, target, bodies[i]);
        expect_listed(route, answer.status);
        http_clear(&answer);
    }
    http_ask(&answer, daemon_.port, route->method, target, NULL, large,
             sizeof large);
    ck_assert_int_eq(answer.status, 413);
    expect_listed(route, answer.status);
    http_clear(&answer);
}

START_TEST(every_answer_is_one_the_document_lists)
{
    struct http_answer answer;
    for (size_t i = 0; i < lipd_route_count; i++) {
        const struct lipd_route *route = &lipd_routes[i];
        char target[256], many[512];
        target_of(target, route);
        http_ask(&answer, daemon_.port, route->method, target, NULL, NULL, 0);
        ck_assert_int_ne(answer.status, 405);
        ck_assert_str_ne(http_field(&answer, "X-Request-Id"), "");
        expect_listed(route, answer.status);
        http_clear(&answer);
        snprintf(many, sizeof many, "%s?a", target);
        for (int k = 0; k < 40; k++)
            strncat(many, "&a", sizeof many - strlen(many) - 1);
        http_ask(&answer, daemon_.port, route->method, many, NULL, NULL, 0);
        ck_assert_int_eq(answer.status, 400);
        http_clear(&answer);
        if (route->body != LIPD_NO_BODY)
            try_bodies(route, target);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("e2e/contract");
    TCase *tables = tcase_create("tables");
    tcase_add_test(tables, every_route_is_in_the_document);
    tcase_add_test(tables, every_operation_of_the_document_is_a_route);
    tcase_add_test(tables, every_problem_is_in_the_document);
    tcase_add_test(tables, what_takes_no_token_is_said);
    suite_add_tcase(suite, tables);
    TCase *answers = tcase_create("answers");
    tcase_set_timeout(answers, 60);
    tcase_add_checked_fixture(answers, setup, teardown);
    tcase_add_test(answers, every_answer_is_one_the_document_lists);
    suite_add_tcase(suite, answers);
    TCase *access = tcase_create("tokens");
    tcase_set_timeout(access, 60);
    tcase_add_checked_fixture(access, setup_tokens, teardown);
    tcase_add_test(access, tokens_open_what_the_table_says);
    suite_add_tcase(suite, access);
    return run_suite(suite);
}
