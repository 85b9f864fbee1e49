/* SPDX-License-Identifier: MIT
 *
 * npz: stored and deflated files give the same model; bombs, lies, encryption
 * and files that are something else are refused. */
#include "formats/npz.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zip.h>

static const double w1[] = {1, -2, 3, 4, 0, -1}, b1[] = {0.5, 0, -1};
static const double w2[] = {1, 2, -1};
static const struct array net[] = {
    {"W1", 2, {3, 2}, w1}, {"b1", 1, {3}, b1}, {"W2", 2, {1, 3}, w2}};

START_TEST(stored_and_deflated)
{
    static const char *const descr[] = {"<f8", ">f4"};
    char first[LIP_DIGEST_TEXT] = "", id[LIP_DIGEST_TEXT];
    for (int i = 0; i < 4; i++) {
        struct bytes bytes = {0};
        bytes_npz(&bytes, net, 3, descr[i / 2],
                  i % 2 ? ZIP_CM_DEFLATE : ZIP_CM_STORE);
        model_id(id, &bytes, NULL);
        if (i == 0)
            memcpy(first, id, sizeof id);
        ck_assert_str_eq(first, id);
        bytes_clear(&bytes);
    }
}
END_TEST

/* Where the nth record with this signature begins. */
static unsigned char *record(const struct bytes *bytes, const char *signature)
{
    for (size_t i = bytes->size - 4; i > 0; i--)
        if (memcmp(bytes->data + i, signature, 4) == 0)
            return bytes->data + i;
    ck_abort_msg("no such record");
    return NULL;
}

/* One byte of the last directory entry or of the end record changed. */
START_TEST(lying_directories)
{
    static const struct {
        const char *signature;
        size_t at;
        unsigned char byte;
        struct refusal refusal;
    } cases[] = {
        {"PK\1\2", 8, 1, {LIP_UNSUPPORTED, LIP_NOWHERE, "", "encrypted"}},
        {"PK\1\2", 10, 12, {LIP_UNSUPPORTED, LIP_NOWHERE, "", "compression"}},
        {"PK\1\2", 16, 77, {LIP_MALFORMED, LIP_NOWHERE, "", "zip file"}},
        {"PK\1\2", 24, 1, {LIP_MALFORMED, LIP_NOWHERE, "", "zip"}},
        {"PK\1\2", 26, 9, {LIP_MALFORMED, LIP_NOWHERE, "", "zip"}},
        {"PK\1\2", 27, 127, {LIP_TOO_LARGE, LIP_NOWHERE, "", "over the limit"}},
        {"PK\5\6", 11, 255, {LIP_TOO_LARGE, LIP_NOWHERE, "", "8192 entries"}},
        {"PK\5\6", 10, 9, {LIP_MALFORMED, LIP_NOWHERE, "", "zip file"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        bytes_npz(&bytes, net, 3, "<f8", ZIP_CM_STORE);
        record(&bytes, cases[i].signature)[cases[i].at] = cases[i].byte;
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

/* Weights whose bytes are those of an end record of 65535 entries. */
START_TEST(numbers_that_look_like_a_directory)
{
    static const unsigned char bytes_of[24] = {'P', 'K', 5, 6, 0,   0,
                                               0,   0,   1, 0, 255, 255};
    double value[3];
    memcpy(value, bytes_of, sizeof value);
    struct array one = {"W1", 2, {1, 3}, value};
    struct bytes bytes = {0};
    char id[LIP_DIGEST_TEXT];
    bytes_npz(&bytes, &one, 1, "<f8", ZIP_CM_STORE);
    model_id(id, &bytes, NULL);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(zip64_is_refused)
{
    static const struct refusal refusal = {LIP_UNSUPPORTED, LIP_NOWHERE, "",
                                           "zip64"};
    struct bytes whole = {0}, bytes = {0};
    bytes_npz(&whole, net, 3, "<f8", ZIP_CM_STORE);
    size_t head = (size_t)(record(&whole, "PK\5\6") - whole.data);
    bytes_put(&bytes, whole.data, head);
    bytes_put(&bytes, "PK\6\7", 4);
    bytes_little(&bytes, 0, 8);
    bytes_little(&bytes, 0, 8);
    bytes_put(&bytes, whole.data + head, whole.size - head);
    must_refuse(&bytes, &refusal, NULL);
    bytes_clear(&bytes);
    bytes_clear(&whole);
}
END_TEST

START_TEST(other_zip_files)
{
    static const struct {
        const char *name;
        struct refusal refusal;
    } cases[] = {
        {"archive/data.pkl", {LIP_UNSUPPORTED, LIP_NOWHERE, "", "pickle"}},
        {"model.weights.h5", {LIP_UNSUPPORTED, LIP_NOWHERE, "", "Keras"}},
        {"word/document.xml", {LIP_UNSUPPORTED, LIP_NOWHERE, "", "not a .npy"}},
        {".npy", {LIP_UNSUPPORTED, LIP_NOWHERE, "", "not a .npy"}},
        {"W1.npy", {LIP_MALFORMED, LIP_AT_TENSOR, "W1", "does not begin"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        struct entry entry = {cases[i].name, "x", 1};
        bytes_zip(&bytes, &entry, 1, ZIP_CM_STORE, NULL);
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(odd_entries)
{
    static const struct refusal encrypted = {LIP_UNSUPPORTED, LIP_NOWHERE, "",
                                             "encrypted"};
    static const struct refusal long_name = {LIP_INVALID, LIP_NOWHERE, "",
                                             "255 bytes"};
    static const struct refusal method = {LIP_UNSUPPORTED, LIP_NOWHERE, "",
                                          "compression"};
    struct entry entry = {"W1.npy", "12345678901234567890", 20};
    struct bytes bytes = {0};
    char name[300];
    bytes_zip(&bytes, &entry, 1, ZIP_CM_STORE, "secret");
    must_refuse(&bytes, &encrypted, NULL);
    bytes_clear(&bytes);
    bytes_zip(&bytes, &entry, 1, ZIP_CM_BZIP2, NULL);
    must_refuse(&bytes, &method, NULL);
    bytes_clear(&bytes);
    memset(name, 'W', sizeof name);
    memcpy(name + sizeof name - 5, ".npy", 5);
    entry.name = name;
    bytes_zip(&bytes, &entry, 1, ZIP_CM_STORE, NULL);
    must_refuse(&bytes, &long_name, NULL);
    bytes_clear(&bytes);
}
END_TEST

/* 32 MB of zeros in 32 kB; and an honest file over a small limit. */
START_TEST(bombs)
{
    enum { SIDE = 2048 };
    static const struct refusal ratio = {LIP_TOO_LARGE, LIP_NOWHERE, "",
                                         "200 times"};
    static const struct refusal limit = {LIP_TOO_LARGE, LIP_NOWHERE, "",
                                         "over the limit of 100"};
    struct lip_read_options options = {.max_inflated = 100};
    double *zeros = calloc(SIDE * SIDE, sizeof *zeros);
    struct array array = {"w", 2, {SIDE, SIDE}, zeros};
    struct bytes bytes = {0};
    bytes_npz(&bytes, &array, 1, "<f8", ZIP_CM_DEFLATE);
    double start = (double)clock();
    must_refuse(&bytes, &ratio, NULL);
    ck_assert(((double)clock() - start) / CLOCKS_PER_SEC < 1);
    bytes_clear(&bytes);
    bytes_npz(&bytes, net, 3, "<f8", ZIP_CM_STORE);
    must_refuse(&bytes, &limit, &options);
    bytes_clear(&bytes);
    free(zeros);
}
END_TEST

START_TEST(twice_the_same_name)
{
    static const struct refusal refusal = {LIP_INVALID, LIP_AT_TENSOR, "W1",
                                           "twice"};
    struct bytes bytes = {0};
    bytes_npz(&bytes, net, 3, "<f8", ZIP_CM_STORE);
    memcpy(record(&bytes, "PK\1\2") + 46, "W1", 2);
    memcpy(record(&bytes, "PK\3\4") + 30, "W1", 2);
    must_refuse(&bytes, &refusal, NULL);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(an_archive_without_files)
{
    static const unsigned char empty[22] = "PK\5\6";
    static const struct refusal refusal = {LIP_INVALID, LIP_NOWHERE, "",
                                           "no tensors"};
    struct bytes bytes = {0};
    bytes_put(&bytes, empty, sizeof empty);
    must_refuse(&bytes, &refusal, NULL);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(lack_of_memory)
{
    struct bytes bytes = {0};
    bytes_npz(&bytes, net, 3, ">f8", ZIP_CM_DEFLATE);
    must_survive_lack_of_memory(&bytes);
    bytes_clear(&bytes);
}
END_TEST

START_TEST(damage)
{
    struct bytes bytes = {0};
    bytes_npz(&bytes, net + 2, 1, "<f4", ZIP_CM_DEFLATE);
    must_survive_damage(&bytes);
    bytes_clear(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npz");
    TCase *tests = tcase_create("npz");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, stored_and_deflated);
    tcase_add_test(tests, lying_directories);
    tcase_add_test(tests, numbers_that_look_like_a_directory);
    tcase_add_test(tests, zip64_is_refused);
    tcase_add_test(tests, other_zip_files);
    tcase_add_test(tests, odd_entries);
    tcase_add_test(tests, bombs);
    tcase_add_test(tests, twice_the_same_name);
    tcase_add_test(tests, an_archive_without_files);
    tcase_add_test(tests, lack_of_memory);
    tcase_add_test(tests, damage);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
