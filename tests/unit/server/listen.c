/* SPDX-License-Identifier: MIT
 *
 * Addresses as they are written. */
#include "server/listen.h"

#include "tests/support/suite.h"

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static struct lipd_address address;
static char complaint[256];

static bool read_address(const char *text)
{
    return lipd_address_read(&address, text, complaint, sizeof complaint);
}

START_TEST(good_addresses)
{
    static const struct {
        const char *text;
        int family;
        unsigned port;
    } cases[] = {{"127.0.0.1:8080", AF_INET, 8080},
                 {"0.0.0.0:0", AF_INET, 0},
                 {"localhost:65535", AF_INET, 65535},
                 {"[::1]:80", AF_INET6, 80},
                 {"[::]:1", AF_INET6, 1}};
    ck_assert(read_address(cases[_i].text));
    ck_assert_int_eq(address.storage.ss_family, cases[_i].family);
    ck_assert_uint_eq(lipd_address_port(&address), cases[_i].port);
}
END_TEST

START_TEST(bad_addresses)
{
    static const char *const texts[] = {
        "",         "8080",        ":8080",         "127.0.0.1",
        "1.2.3.4:", "1.2.3.4:-1",  "1.2.3.4:65536", "1.2.3.4:80x",
        "::1:80",   "[::1:80",     "[]:80",         "example.org:80",
        "1.2.3:80", "[1.2.3.4]:8", "[:]:80"};
    ck_assert(!read_address(texts[_i]));
    ck_assert_ptr_nonnull(strstr(complaint, "127.0.0.1:8080"));
}
END_TEST

START_TEST(port_zero_becomes_a_real_one_and_is_taken)
{
    ck_assert(read_address("127.0.0.1:0"));
    int fd = lipd_listen(&address, complaint, sizeof complaint);
    ck_assert_int_ge(fd, 0);
    ck_assert_uint_gt(lipd_address_port(&address), 0);
    struct lipd_address same = address;
    ck_assert_int_eq(lipd_listen(&same, complaint, sizeof complaint), -1);
    ck_assert_ptr_nonnull(strstr(complaint, "in use"));
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/listen");
    TCase *tcase = tcase_create("address");
    tcase_add_loop_test(tcase, good_addresses, 0, 5);
    tcase_add_loop_test(tcase, bad_addresses, 0, 15);
    tcase_add_test(tcase, port_zero_becomes_a_real_one_and_is_taken);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
