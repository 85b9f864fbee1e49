/* SPDX-License-Identifier: MIT
 *
 * What the library does to a head in its memory, done here in the same way, is
 * found out wherever it changes what the head says. */
#include "server/intact.h"

#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

/* The library's parser: lines end with LF or CR LF, which become zero bytes;
 * the colon, too; a folded line lengthens the name, which is moved if `moves`,
 * or else grows over what follows it. */
static bool parse(const char *head, size_t size, bool moves)
{
    static char memory[1024];
    struct lipd_intact intact;
    char *at = memory, *name = NULL, *value = NULL, *moved = memory + 512;
    memset(memory, 'x', sizeof memory);
    memcpy(memory, head, size);
    for (int line = 0;; line++) {
        char *end = memchr(at, '\n', (size_t)(memory + 512 - at));
        char *next = end + 1;
        *end = '\0';
        if (end > at && end[-1] == '\r')
            end[-1] = '\0';
        if (line && (at[0] == ' ' || at[0] == '\t')) {
            size_t length = strlen(name);
            char *more = at + strspn(at, " \t");
            size_t added = strlen(more) + 1;
            if (moves)
                memcpy(moved, name, length + 1);
            if (moves)
                memset(name, 0, length + 1);
            name = moves ? moved : name;
            memmove(name + length, more, added);
        } else {
            if (name)
                lipd_intact_field(&intact, name, strlen(name), value,
                                  strlen(value));
            if (!*at && line)
                return lipd_intact_whole(&intact);
            name = line ? at : NULL;
            if (!line)
                lipd_intact_begin(&intact, strrchr(at, ' ') + 1);
            char *colon = line ? strchr(at, ':') : NULL;
            if (colon)
                *colon = '\0';
            value = colon ? colon + 1 + strspn(colon + 1, " \t") : NULL;
        }
        at = next;
    }
}

#define LINE "GET / HTTP/1.1\r\n"
#define HEAD(text)                                                             \
    {                                                                          \
        text, sizeof(text) - 1                                                 \
    }

static const struct {
    const char *text;
    size_t size;
} whole[] =
    {
        HEAD(LINE "\r\n"),
        HEAD(LINE "a: b\r\n\r\n"),
        HEAD(LINE "a:b\r\ncd: \t ef gh \r\n\r\nbody"),
        HEAD(LINE "a:\r\nb: \r\n\r\n body"),
        HEAD(LINE "a: b\0\r\n\r\n"), /* the same as a blank there */
},
  torn[] = {
      HEAD(LINE "a: b\r\n c\r\n\r\n"),
      HEAD(LINE "a: b\r\n\tc\r\nd: e\r\n\r\n"),
      HEAD(LINE "a: b\r\n \r\nd: e\r\n\r\n"),
      HEAD(LINE "a:\r\n b\r\n\r\n"),
      HEAD(LINE "h: x\r\nContent-Lengt: 54\r\n h\r\n\r\n"),
      HEAD(LINE "Content-Len: 54\r\n gth\r\nh: x\r\n\r\n"),
      HEAD(LINE "a: b\0c\r\n\r\n"),
      HEAD(LINE "a: b\0c\r\nd: e\r\n\r\n"),
      HEAD("GET / HTTP/1.1\na: b\r\n\r\n"),
      HEAD(LINE "a: b\nc: d\r\n\r\n"),
      HEAD(LINE "a: b\n\r\nbody"),
      HEAD(LINE "a: b\r\n\nbody"),
      HEAD(LINE "a: b\n\nbody"),
};

START_TEST(a_head_as_it_should_be)
{
    ck_assert(parse(whole[_i].text, whole[_i].size, false));
}
END_TEST

START_TEST(a_head_that_was_folded_cut_or_ended_otherwise)
{
    ck_assert(!parse(torn[_i].text, torn[_i].size, true));
    ck_assert(!parse(torn[_i].text, torn[_i].size, false));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/intact");
    TCase *tcase = tcase_create("intact");
    tcase_add_loop_test(tcase, a_head_as_it_should_be, 0,
                        sizeof whole / sizeof whole[0]);
    tcase_add_loop_test(tcase, a_head_that_was_folded_cut_or_ended_otherwise, 0,
                        sizeof torn / sizeof torn[0]);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
