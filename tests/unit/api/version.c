/* SPDX-License-Identifier: MIT
 *
 * Properties: GET /version names the version of the published interface and
 * the kernels that run. */
#include "api/version.h"

#include "api/openapi.h"
#include "linalg/blas.h"
#include "tests/support/contract.h"
#include "tests/support/suite.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

START_TEST(test_document)
{
    struct api_text text;
    size_t size;
    const char *name, *version, *compiler, *kernel;
    api_text_init(&text, 10000, NULL);
    api_version_write(&text);
    char *bytes = api_text_take(&text, &size);
    ck_assert_ptr_nonnull(bytes);
    contract_add("Version", bytes);
    json_t *root = json_loadb(bytes, size, 0, NULL);
    ck_assert_int_eq(json_unpack(root, "{s:s,s:s,s:s,s:s!}", "name", &name,
                                 "version", &version, "compiler", &compiler,
                                 "blas_kernel", &kernel),
                     0);
    ck_assert_str_eq(version, API_VERSION);
    ck_assert_str_eq(kernel, lip_blas_kernel());
    ck_assert_uint_gt(strlen(kernel), 0);
    ck_assert_uint_gt(strlen(compiler), 0);
    json_decref(root);
    lip_free(bytes);
}
END_TEST

START_TEST(test_version_of_the_interface)
{
    ck_assert_ptr_nonnull(
        strstr(api_openapi_yaml, "\n  version: " API_VERSION "\n"));
}
END_TEST

START_TEST(test_contract)
{
    contract_check();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api/version");
    TCase *t = tcase_create("version");
    tcase_add_unchecked_fixture(t, contract_open, NULL);
    tcase_add_test(t, test_document);
    tcase_add_test(t, test_version_of_the_interface);
    tcase_add_test(t, test_contract);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
