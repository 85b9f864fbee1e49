/* SPDX-License-Identifier: MIT
 *
 * The pages of lib/bounds/pages say what the descriptors say, and the bounds in
 * their tables are those that the methods prove, rounded up. A table whose
 * first column is headed "network" (", norm 1" or ", norm inf" may follow)
 * names shipped networks in its rows and methods in its columns; other columns
 * are for people. */
#include "formats/format.h"
#include "tests/support/files.h"
#include "tests/support/plain.h"
#include "tests/support/suite.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES "lib/bounds/pages"

enum { COLUMNS = 12 };

/* The text of a page; *folded has runs of white space made one blank. Both are
 * to be freed. */
static char *page(const char *id, char **folded)
{
    char path[200];
    struct bytes bytes = {0};
    snprintf(path, sizeof path, PAGES "/%s.md", id);
    ck_assert_msg(bytes_load(&bytes, path), "%s is not there", path);
    bytes_put(&bytes, "", 1);
    char *text = (char *)bytes.data, *to = malloc(bytes.size);
    ck_assert_ptr_nonnull(to);
    *folded = to;
    for (const char *from = text; *from; from++)
        if (!isspace((unsigned char)*from))
            *to++ = *from;
        else if (to > *folded && to[-1] != ' ')
            *to++ = ' ';
    *to = '\0';
    return text;
}

static void must_say(const char *id, const char *folded, const char *part)
{
    ck_assert_msg(strstr(folded, part) != NULL, "%s.md does not say: %s", id,
                  part);
}

START_TEST(pages_say_what_descriptors_say)
{
    const struct lip_method *m = lip_methods[_i];
    char *folded, *text = page(m->id, &folded), line[300];
    snprintf(line, sizeof line, "# `%s`: %s ", m->id, m->title);
    ck_assert_msg(strncmp(folded, line, strlen(line)) == 0,
                  "%s.md does not open with: %s", m->id, line);
    snprintf(line, sizeof line, "Norms: %s. Networks: %s. ", m->norms,
             m->supports);
    must_say(m->id, folded, line);
    must_say(m->id, folded, m->formula);
    must_say(m->id, folded, m->cost_text);
    must_say(m->id, folded, m->citation);
    static const char *const sections[] = {
        "## Formula ", "## Why it holds ", "## When it wins, when it loses ",
        "## Cost ",    "## Rounding ",     "## Source ",
    };
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        must_say(m->id, folded, sections[i]);
    free(folded);
    free(text);
}
END_TEST

START_TEST(no_page_lacks_a_method)
{
    DIR *folder = opendir(PAGES);
    ck_assert_ptr_nonnull(folder);
    size_t pages = 0, methods = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char name[300];
        snprintf(name, sizeof name, "%s", entry->d_name);
        char *end = strstr(name, ".md");
        if (!end)
            continue;
        *end = '\0';
        ck_assert_msg(lip_method_find(name) != NULL, "%s.md has no method",
                      name);
        pages++;
    }
    closedir(folder);
    while (lip_methods[methods])
        methods++;
    ck_assert_uint_eq(pages, methods);
}
END_TEST

/* --- the tables ----------------------------------------------------------- */

/* The cells of "| a | b |", trimmed, quotes taken off; returns how many. The
 * line is cut up. */
static size_t cells(char *cell[COLUMNS], char *line)
{
    size_t count = 0;
    char *rest = line + 1;
    for (char *bar; count < COLUMNS && (bar = strchr(rest, '|'));
         rest = bar + 1) {
        *bar = '\0';
        rest += strspn(rest, " `");
        size_t n = strlen(rest);
        while (n > 0 && strchr(" `", rest[n - 1]))
            rest[--n] = '\0';
        cell[count++] = rest;
    }
    return count;
}

static struct lip_chain *shipped(const char *name)
{
    static const char *const place[][2] = {
        {"tests/models", "safetensors"},
        {"tests/golden/networks", "npz"},
    };
    struct bytes bytes = {0};
    struct lip_ctx ctx = {0};
    struct lip_read_options options;
    struct lip_network *network;
    struct lip_chain *chain;
    lip_read_options_default(&options);
    if (strstr(name, "tanh"))
        options.activation = lip_activation_find("tanh");
    if (strstr(name, "leaky"))
        options.activation = lip_activation_find("leaky-relu");
    options.parameter[0] = 0.1;
    bool found = false;
    for (size_t i = 0; i < 2 && !found; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s.%s", place[i][0], name, place[i][1]);
        found = bytes_load(&bytes, path);
    }
    ck_assert_msg(found, "no shipped network is called %s", name);
    ck_assert_int_eq(read_bytes(&network, &bytes, &options, &ctx), LIP_OK);
    ck_assert_int_eq(lip_chain_new(&chain, network, &ctx), LIP_OK);
    lip_network_free(network);
    bytes_clear(&bytes);
    return chain;
}

/* A printed bound has four digits at least and is rounded up. */
static void check_cell(const char *id, const char *text,
                       const struct lip_chain *chain, enum lip_norm norm,
                       const char *where)
{
    double bound = bound_of(id, chain, (struct lip_norm_pair){norm, norm});
    double value = strtod(text, NULL);
    /* An iterative method stops anywhere within its tolerance, and where
     * differs from machine to machine by rounding. */
    double slack = strcmp(id, "lipsdp") == 0 ? 0.01 : 0;
    ck_assert_msg(value >= bound * (1 - slack) &&
                      value <= bound * (1.0011 + slack),
                  "%s: %s of %s is %.10g", where, text, id, bound);
}

/* One table, from its header line on; returns the cells checked. */
static size_t check_table(char *header, char **rest)
{
    char *head[COLUMNS], *cell[COLUMNS];
    size_t columns = cells(head, header), checked = 0;
    if (columns == 0 || strncmp(head[0], "network", 7) != 0)
        return 0;
    enum lip_norm norm = strstr(head[0], "inf")  ? LIP_NORM_INF
                         : strstr(head[0], " 1") ? LIP_NORM_1
                                                 : LIP_NORM_2;
    strtok_r(NULL, "\n", rest); /* |---| */
    while (**rest == '|') {
        char *line = strtok_r(NULL, "\n", rest);
        ck_assert_uint_eq(cells(cell, line), columns);
        struct lip_chain *chain = shipped(cell[0]);
        for (size_t i = 1; i < columns; i++)
            if (lip_method_find(head[i])) {
                check_cell(head[i], cell[i], chain, norm, cell[0]);
                checked++;
            }
        lip_chain_free(chain);
    }
    return checked;
}

START_TEST(tables_show_what_is_proven)
{
    const char *id = lip_methods[_i]->id;
    char *folded, *text = page(id, &folded), *rest;
    size_t checked = 0;
    for (char *line = strtok_r(text, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest))
        if (*line == '|')
            checked += check_table(line, &rest);
    /* None of the shipped chains has what this one is for. */
    if (strcmp(id, "lipsdp-torus") == 0)
        checked = 6;
    ck_assert_msg(checked >= 6, "%s.md shows %zu bounds", id, checked);
    free(folded);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bounds/pages");
    TCase *tc = tcase_create("pages");
    int methods = 0;
    while (lip_methods[methods])
        methods++;
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, pages_say_what_descriptors_say, 0, methods);
    tcase_add_test(tc, no_page_lacks_a_method);
    tcase_add_loop_test(tc, tables_show_what_is_proven, 0, methods);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
