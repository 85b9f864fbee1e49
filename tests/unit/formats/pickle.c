/* SPDX-License-Identifier: MIT
 *
 * Pickles as data: every value is what Python would build, nothing is run, and
 * whatever the bytes are, time and memory stay in proportion to them. */
#include "formats/pickle.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

#define B(text) text, sizeof text - 1

static enum lip_status read(struct lip_pickle *out, const void *bytes,
                            size_t size, struct lip_ctx *ctx)
{
    return lip_pickle_read(out, bytes, size, ctx);
}

/* --- what values look like: "{'a': [1, (2.0)]}" */

static void show(struct bytes *out, const struct lip_pickle *p, uint32_t value);

static void show_items(struct bytes *out, const struct lip_pickle *p,
                       const struct lip_pickle_value *v, bool pairs)
{
    for (uint32_t i = v->first; i; i = p->item[i].next) {
        if (pairs) {
            show(out, p, p->item[i].key);
            bytes_text(out, ":");
        }
        show(out, p, p->item[i].value);
        bytes_text(out, ",");
    }
}

static void show_call(struct bytes *out, const struct lip_pickle *p,
                      const struct lip_pickle_value *v)
{
    bool pairs = v->first && p->item[v->first].key;
    show(out, p, v->callee);
    show(out, p, v->argument);
    if (v->first) {
        bytes_text(out, "<");
        show_items(out, p, v, pairs);
        bytes_text(out, ">");
    }
}

static void show(struct bytes *out, const struct lip_pickle *p, uint32_t value)
{
    const struct lip_pickle_value *v = &p->value[value];
    static const char *const open[] = {[LIP_PICKLE_TUPLE] = "(",
                                       [LIP_PICKLE_LIST] = "[",
                                       [LIP_PICKLE_DICT] = "{"};
    char name[100];
    switch (v->type) {
    case LIP_PICKLE_NONE:
        bytes_text(out, "None");
        break;
    case LIP_PICKLE_BOOL:
        bytes_text(out, v->integer ? "True" : "False");
        break;
    case LIP_PICKLE_INT:
        bytes_text(out, "%lld", (long long)v->integer);
        break;
    case LIP_PICKLE_NUMBER:
        bytes_text(out, "number");
        break;
    case LIP_PICKLE_STRING:
    case LIP_PICKLE_BYTES:
        bytes_text(out, "%s'%.*s'", v->type == LIP_PICKLE_BYTES ? "b" : "",
                   (int)v->size, v->text);
        break;
    case LIP_PICKLE_GLOBAL:
        bytes_text(out, "%s", lip_pickle_name(name, sizeof name, p, value));
        break;
    case LIP_PICKLE_CALL:
        show_call(out, p, v);
        break;
    case LIP_PICKLE_PERSISTENT:
        bytes_text(out, "id");
        show(out, p, v->argument);
        break;
    default:
        bytes_text(out, "%s", open[v->type]);
        show_items(out, p, v, v->type == LIP_PICKLE_DICT);
        bytes_text(out, "%c", ")]}"[v->type - LIP_PICKLE_TUPLE]);
    }
}

START_TEST(values)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *value;
    } cases[] = {
        {B("\x80\2N."), "None"},
        {B("\x80\2\x88\x89\x86."), "(True,False,)"},
        {B("\x80\2K\xffM\xff\xffJ\xff\xff\xff\xff\x87."), "(255,65535,-1,)"},
        {B("\x80\2\x8a\0\x8a\1\x80\x8a\2\0\x80\x87."), "(0,-128,-32768,)"},
        {B("\x80\2\x8a\x8\xff\xff\xff\xff\xff\xff\xff\x7f."),
         "9223372036854775807"},
        {B("\x80\2\x8b\1\0\0\0\x7f."), "127"},
        {B("\x80\2\x8a\x9\0\0\0\0\0\0\0\0\1."), "number"},
        {B("\x80\2G\0\0\0\0\0\0\0\0."), "number"},
        {B("\x80\2X\2\0\0\0ab\x8c\1c\x86."), "('ab','c',)"},
        {B("\x80\2U\1aT\1\0\0\0bC\1c\x87."), "('a','b',b'c',)"},
        {B("\x80\4\x8d\1\0\0\0\0\0\0\0a\x8e\1\0\0\0\0\0\0\0b\x86."),
         "('a',b'b',)"},
        {B("\x80\2)]}\x87."), "((),[],{},)"},
        {B("\x80\2(K\1K\2t."), "(1,2,)"},
        {B("\x80\2(K\1K\2l(K\3K\4d\x86."), "([1,2,],{3:4,},)"},
        {B("\x80\2]K\1a(K\2K\3e."), "[1,2,3,]"},
        {B("\x80\2}K\1K\2s(K\3K\4K\5K\6u."), "{1:2,3:4,5:6,}"},
        {B("\x80\4\x8f(K\1K\2\x90(K\3\x91\x86."), "([1,2,],[3,],)"},
        {B("\x80\2K\1K\2"
           "0."),
         "1"},
        {B("\x80\2K\1(K\2K\3"
           "1."),
         "1"},
        {B("\x80\2K\1"
           "2\x86."),
         "(1,1,)"},
        {B("\x80\2K\7q\5"
           "0K\1h\5\x86."),
         "(1,7,)"},
        {B("\x80\2K\7r\0\1\0\0"
           "0j\0\1\0\0."),
         "7"},
        {B("\x80\4K\7\x94"
           "0K\x8\x94"
           "0h\1h\0\x86."),
         "(8,7,)"},
        {B("\x80\4\x95\1\0\0\0\0\0\0\0N."), "None"},
        {B("\x80\2ccollections\nOrderedDict\n)R(K\1K\2u}b."),
         "collections.OrderedDict()<1:2,>"},
        {B("\x80\4\x8c\1m\x8c\1n\x93K\1\x85\x81."), "m.n(1,)"},
        {B("\x80\4\x8c\1m\x8c\1n\x93)}\x92."), "m.n()"},
        {B("\x80\2X\1\0\0\0"
           "0Q."),
         "id'0'"},
        {B("\x80\2cposix\nsystem\nX\2\0\0\0ls\x85R."), "posix.system('ls',)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lip_ctx ctx = {0};
        struct lip_pickle pickle;
        struct bytes text = {0};
        enum lip_status status =
            read(&pickle, cases[i].bytes, cases[i].size, &ctx);
        ck_assert_msg(status == LIP_OK, "%zu: %s", i, ctx.error.detail);
        show(&text, &pickle, pickle.root);
        ck_assert_msg(text.size == strlen(cases[i].value) &&
                          !memcmp(text.data, cases[i].value, text.size),
                      "%zu: %.*s", i, (int)text.size, (char *)text.data);
        bytes_clear(&text);
        lip_pickle_clear(&pickle);
    }
}
END_TEST

START_TEST(names)
{
    static const struct {
        const char *bytes;
        size_t size;
        bool is;
    } cases[] = {
        {B("\x80\2ctorch._utils\nf\n."), true},
        {B("\x80\4\x8c\x0ctorch._utils\x8c\1f\x93."), true},
        {B("\x80\2ctorch\n_utils.f\n."), false},
        {B("\x80\2ctorch._utils\nff\n."), false},
        {B("\x80\2ctorch._utils\n\n."), false},
        {B("\x80\2c\n\n."), false},
        {B("\x80\4\x8c\0\x8c\0\x93."), false},
        {B("\x80\4\x8c\x0ctorch._utils\x8c\2ff\x93."), false},
        {B("\x80\2X\x0e\0\0\0torch._utils\nf."), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lip_ctx ctx = {0};
        struct lip_pickle pickle;
        ck_assert_int_eq(read(&pickle, cases[i].bytes, cases[i].size, &ctx),
                         LIP_OK);
        ck_assert_msg(lip_pickle_is_global(&pickle, pickle.root,
                                           "torch._utils f") == cases[i].is,
                      "%zu", i);
        lip_pickle_clear(&pickle);
    }
}
END_TEST

/* Reads, which must fail in this way, and leave nothing behind. */
static void must_fail(const void *bytes, size_t size, enum lip_status status,
                      const char *says, size_t which)
{
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_pickle pickle;
    lip_budget_init(&budget, 256 << 20);
    enum lip_status found = read(&pickle, bytes, size, &ctx);
    ck_assert_msg(found == status && strstr(ctx.error.detail, says),
                  "%zu: %s, %s", which, lip_status_name(found),
                  ctx.error.detail);
    lip_pickle_clear(&pickle);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}

START_TEST(damaged)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum lip_status status;
        const char *says;
    } cases[] = {
        {B(""), LIP_MALFORMED, "ends"},
        {B("\x80"), LIP_MALFORMED, "ends"},
        {B("\x80\2N"), LIP_MALFORMED, "ends"},
        {B("\x80\1N."), LIP_UNSUPPORTED, "protocol 1"},
        {B("\x80\6N."), LIP_UNSUPPORTED, "protocol 6"},
        {B("\x80\2I1\n."), LIP_UNSUPPORTED, "0x49"},
        {B("\x80\2\x82\1."), LIP_UNSUPPORTED, "0x82"},
        {B("\x80\2."), LIP_MALFORMED, "stack is empty"},
        {B("\x80\2(."), LIP_MALFORMED, "mark"},
        {B("\x80\2(\x85."), LIP_MALFORMED, "mark"},
        {B("\x80\2K\1t."), LIP_MALFORMED, "mark is missing"},
        {B("\x80\2K\1u."), LIP_MALFORMED, "mark is missing"},
        {B("\x80\2"
           "1."),
         LIP_MALFORMED, "mark is missing"},
        {B("\x80\2"
           "0."),
         LIP_MALFORMED, "stack is empty"},
        {B("\x80\2(2."), LIP_MALFORMED, "mark"},
        {B("\x80\2(q\1."), LIP_MALFORMED, "mark"},
        {B("\x80\2(K\1e."), LIP_MALFORMED, "stack is empty"},
        {B("\x80\2K\1K\2a."), LIP_MALFORMED, "holds none"},
        {B("\x80\2]K\1K\2s."), LIP_MALFORMED, "holds none"},
        {B("\x80\2}(K\1u."), LIP_MALFORMED, "no value"},
        {B("\x80\2}(K\1s."), LIP_MALFORMED, "mark"},
        {B("\x80\2(K\1d."), LIP_MALFORMED, "no value"},
        {B("\x80\2h\0."), LIP_MALFORMED, "not kept"},
        {B("\x80\2K\1q\1j\xff\xff\xff\xff."), LIP_MALFORMED, "not kept"},
        {B("\x80\2K\1r\xff\xff\xff\x7f."), LIP_TOO_LARGE, "remembers"},
        {B("\x80\2ca"), LIP_MALFORMED, "does not end"},
        {B("\x80\2ca\nb"), LIP_MALFORMED, "does not end"},
        {B("\x80\4K\1K\2\x93."), LIP_MALFORMED, "no text"},
        {B("\x80\2K\1R."), LIP_MALFORMED, "stack is empty"},
        {B("\x80\2K\1b."), LIP_MALFORMED, "stack is empty"},
        {B("\x80\2\x8a\xffx."), LIP_MALFORMED, "beyond its end"},
        {B("\x80\2\x8b\xff\xff\xff\x7fx."), LIP_MALFORMED, "beyond its end"},
        {B("\x80\2\x8b\xff\xff\xff\xffx."), LIP_MALFORMED, "beyond its end"},
        {B("\x80\2X\xff\xff\xff\xffx."), LIP_MALFORMED, "beyond its end"},
        {B("\x80\4\x8d\xff\xff\xff\xff\xff\xff\xff\xffx."), LIP_MALFORMED,
         "beyond its end"},
        {B("\x80\4\x8e\xff\xff\xff\xff\xff\xff\xff\x7fx."), LIP_MALFORMED,
         "beyond its end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        must_fail(cases[i].bytes, cases[i].size, cases[i].status, cases[i].says,
                  i);
}
END_TEST

/* Many times the same bytes between a beginning and an end. */
static void repeat(struct bytes *out, const char *begin, size_t begin_size,
                   const char *unit, size_t unit_size, size_t count,
                   const char *end)
{
    bytes_put(out, begin, begin_size);
    for (size_t i = 0; i < count; i++)
        bytes_put(out, unit, unit_size);
    bytes_put(out, end, strlen(end));
}

START_TEST(deep_and_wide)
{
    struct bytes bytes = {0};
    repeat(&bytes, B("\x80\2"), B("("), (1 << 20) + 1, ".");
    must_fail(bytes.data, bytes.size, LIP_TOO_LARGE, "stack of more", 0);
    bytes_clear(&bytes);
    repeat(&bytes, B("\x80\2"), B("N"), (16 << 20) + 1, ".");
    must_fail(bytes.data, bytes.size, LIP_TOO_LARGE, "longer than", 1);
    bytes_clear(&bytes);
}
END_TEST

/* A million lists in one another; a list that holds itself; lists of ten times
 * the last one, which expanded would fill any memory. */
START_TEST(bombs)
{
    static const char ten[] = "](h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0eq\0";
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_pickle pickle;
    struct bytes bytes[3] = {{0}};
    lip_budget_init(&budget, 256 << 20);
    repeat(&bytes[0], B("\x80\2N"), B("\x85"), 1000000, ".");
    repeat(&bytes[1], B("\x80\2]q\0"), B("h\0a"), 1000, ".");
    repeat(&bytes[2], B("\x80\2]q\0"), B(ten), 1000, ".");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(read(&pickle, bytes[i].data, bytes[i].size, &ctx),
                         LIP_OK);
        lip_pickle_clear(&pickle);
        bytes_clear(&bytes[i]);
    }
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}
END_TEST

static bool never(void *arg, const struct lip_progress *progress)
{
    (void)arg;
    (void)progress;
    return false;
}

START_TEST(cancelled)
{
    struct lip_ctx ctx = {.progress = never};
    struct lip_pickle pickle;
    struct bytes bytes = {0};
    repeat(&bytes, B("\x80\2"), B("N0"), 100000, "N.");
    ck_assert_int_eq(read(&pickle, bytes.data, bytes.size, &ctx),
                     LIP_CANCELLED);
    lip_pickle_clear(&pickle);
    bytes_clear(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pickle");
    TCase *tests = tcase_create("pickle");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, values);
    tcase_add_test(tests, names);
    tcase_add_test(tests, damaged);
    tcase_add_test(tests, deep_and_wide);
    tcase_add_test(tests, bombs);
    tcase_add_test(tests, cancelled);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
