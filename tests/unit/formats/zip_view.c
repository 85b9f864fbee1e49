/* SPDX-License-Identifier: MIT
 *
 * Zip files in place: zip64 and not, as torch and others write them; lying
 * directories are refused. */
#include "formats/zip_view.h"

#include "tests/support/files.h"
#include "tests/support/suite.h"

#include <string.h>
#include <zip.h>

static const struct entry files[] = {
    {"b/data.pkl", "pickle", 6}, {"b/x", "", 0}, {"a", "12345678", 8}};

static enum lip_status read(struct lip_zip_view *zip, const char *name,
                            const struct bytes *bytes, struct lip_ctx *ctx)
{
    enum lip_status status =
        lip_zip_open(zip, bytes->data, bytes->size, 8, ctx);
    if (status != LIP_OK)
        return status;
    struct lip_zip_entry *entry = lip_zip_find(zip, name, strlen(name));
    return entry ? lip_zip_data(zip, entry, ctx) : LIP_INVALID;
}

START_TEST(finds_what_is_there)
{
    struct bytes bytes = {0};
    struct lip_ctx ctx = {0};
    struct lip_zip_view zip;
    bytes_zip(&bytes, files, 3, ZIP_CM_STORE, NULL);
    ck_assert(lip_zip_holds(bytes.data, bytes.size, "data.pkl"));
    ck_assert(lip_zip_holds(bytes.data, bytes.size, "a"));
    ck_assert(!lip_zip_holds(bytes.data, bytes.size, "ata.pkl"));
    ck_assert(!lip_zip_holds(bytes.data, bytes.size, "b"));
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(read(&zip, files[i].name, &bytes, &ctx), LIP_OK);
        struct lip_zip_entry *entry =
            lip_zip_find(&zip, files[i].name, strlen(files[i].name));
        ck_assert_uint_eq(entry->size, files[i].size);
        ck_assert(memcmp(entry->data, files[i].data, files[i].size) == 0);
        lip_zip_close(&zip);
    }
    ck_assert_int_eq(read(&zip, "c", &bytes, &ctx), LIP_INVALID);
    lip_zip_close(&zip);
    bytes_clear(&bytes);
}
END_TEST

/* The same file with its directory's end in the form for large files, and the
 * sizes of the last entry in an extra field. */
static void put_zip64(struct bytes *out, uint64_t offset_of_end)
{
    struct bytes plain = {0};
    bytes_zip(&plain, files, 3, ZIP_CM_STORE, NULL);
    size_t end = plain.size - 22, directory = 0, last = 0;
    for (size_t i = 0; i + 4 < end; i++)
        if (memcmp(plain.data + i, "PK\1\2", 4) == 0) {
            directory = directory ? directory : i;
            last = i;
        }
    uint64_t offset = plain.data[last + 42] | plain.data[last + 43] << 8;
    memset(plain.data + last + 20, 0xff, 8);
    memset(plain.data + last + 42, 0xff, 4);
    plain.data[last + 30] = 5 + 28;
    bytes_put(out, plain.data, last + 47);
    bytes_put(out, "\7\0\1\0x\1\0\x18\0", 9);
    bytes_little(out, 8, 8);
    bytes_little(out, 8, 8);
    bytes_little(out, offset, 8);
    size_t end64 = out->size;
    bytes_put(out, "PK\6\6", 4);
    bytes_little(out, 44, 8);
    bytes_little(out, 0, 8);
    bytes_little(out, 0, 4);
    bytes_little(out, 3, 8);
    bytes_little(out, 3, 8);
    bytes_little(out, end64 - directory, 8);
    bytes_little(out, directory, 8);
    bytes_put(out, "PK\6\7\0\0\0\0", 8);
    bytes_little(out, offset_of_end ? offset_of_end : end64, 8);
    bytes_little(out, 1, 4);
    bytes_put(out, "PK\5\6\0\0\0\0\3\0\3\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0",
              22);
    bytes_clear(&plain);
}

START_TEST(zip64)
{
    static const uint64_t lies[] = {1, 1u << 20, UINT64_MAX, UINT64_MAX - 55};
    struct bytes bytes = {0};
    struct lip_ctx ctx = {0};
    struct lip_zip_view zip;
    put_zip64(&bytes, 0);
    ck_assert_int_eq(read(&zip, "a", &bytes, &ctx), LIP_OK);
    ck_assert(memcmp(zip.entry[0].data, "12345678", 8) == 0);
    lip_zip_close(&zip);
    bytes_clear(&bytes);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct lip_ctx failed = {0};
        put_zip64(&bytes, lies[i]);
        ck_assert_int_eq(read(&zip, "a", &bytes, &failed), LIP_MALFORMED);
        ck_assert(!lip_zip_holds(bytes.data, bytes.size, "a"));
        lip_zip_close(&zip);
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
    return bytes->data; /* the first one */
}

/* One byte of the last record of a kind changed. */
START_TEST(lies)
{
    static const struct {
        const char *signature;
        size_t at;
        unsigned char byte;
        enum lip_status status;
        const char *says;
    } cases[] = {
        {"PK\1\2", 0, 'X', LIP_MALFORMED, "directory"},
        {"PK\1\2", 8, 1, LIP_UNSUPPORTED, "encrypted"},
        {"PK\1\2", 10, 8, LIP_UNSUPPORTED, "compressed"},
        {"PK\1\2", 16, 77, LIP_MALFORMED, "checksum"},
        {"PK\1\2", 20, 9, LIP_UNSUPPORTED, "compressed"},
        {"PK\1\2", 28, 200, LIP_MALFORMED, "directory"},
        {"PK\1\2", 30, 200, LIP_MALFORMED, "directory"},
        {"PK\1\2", 32, 200, LIP_MALFORMED, "directory"},
        {"PK\1\2", 42, 255, LIP_MALFORMED, "outside"},
        {"PK\1\2", 45, 255, LIP_MALFORMED, "outside"},
        {"PK\5\6", 10, 4, LIP_MALFORMED, "directory"},
        {"PK\5\6", 11, 1, LIP_MALFORMED, "directory"},
        {"PK\5\6", 12, 0, LIP_MALFORMED, "directory"},
        {"PK\5\6", 18, 1, LIP_MALFORMED, "directory"},
        {"PK\5\6", 20, 1, LIP_MALFORMED, "directory"},
        {"PK\3\4", 0, 'X', LIP_MALFORMED, "outside"},
        {"PK\3\4", 26, 9, LIP_MALFORMED, "outside"},
        {"PK\3\4", 29, 9, LIP_MALFORMED, "outside"},
        {"PK\3\4", 30, 'q', LIP_MALFORMED, "outside"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes bytes = {0};
        struct lip_ctx ctx = {0};
        struct lip_zip_view zip;
        bytes_zip(&bytes, files, 3, ZIP_CM_STORE, NULL);
        record(&bytes, cases[i].signature)[cases[i].at] = cases[i].byte;
        enum lip_status status = read(&zip, "a", &bytes, &ctx);
        ck_assert_msg(status == cases[i].status &&
                          strstr(ctx.error.detail, cases[i].says),
                      "%zu: %s %s", i, lip_status_name(status),
                      ctx.error.detail);
        lip_zip_close(&zip);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(too_many_and_twice)
{
    struct bytes bytes = {0};
    struct lip_ctx ctx = {0}, again = {0};
    struct lip_zip_view zip;
    bytes_zip(&bytes, files, 3, ZIP_CM_STORE, NULL);
    ck_assert_int_eq(lip_zip_open(&zip, bytes.data, bytes.size, 2, &ctx),
                     LIP_TOO_LARGE);
    lip_zip_close(&zip);
    bytes_clear(&bytes);
    static const struct entry same[] = {{"aa", "", 0}, {"ab", "", 0}};
    bytes_zip(&bytes, same, 2, ZIP_CM_STORE, NULL);
    record(&bytes, "PK\1\2")[47] = 'a';
    ck_assert_int_eq(lip_zip_open(&zip, bytes.data, bytes.size, 8, &again),
                     LIP_MALFORMED);
    ck_assert(strstr(again.error.detail, "\"aa\" twice"));
    lip_zip_close(&zip);
    bytes_clear(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zip view");
    TCase *tests = tcase_create("zip view");
    tcase_add_test(tests, finds_what_is_there);
    tcase_add_test(tests, zip64);
    tcase_add_test(tests, lies);
    tcase_add_test(tests, too_many_and_twice);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
