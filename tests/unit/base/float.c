/* SPDX-License-Identifier: MIT
 *
 * lip_float_ready tells the environment that proofs need from all others. */
#include "base/float.h"
#include "tests/support/suite.h"

#include <fenv.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

START_TEST(a_fresh_process_is_ready)
{
    ck_assert(lip_float_ready());
}
END_TEST

START_TEST(directed_rounding_is_noticed)
{
    const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    ck_assert_int_eq(fesetround(modes[_i]), 0);
    bool ready = lip_float_ready();
    fesetround(FE_TONEAREST);
    ck_assert(!ready);
    ck_assert(lip_float_ready());
}
END_TEST

#if defined(__x86_64__)
START_TEST(lost_subnormals_are_noticed)
{
    const unsigned bits[] = {1u << 15, 1u << 6};
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | bits[_i]);
    bool ready = lip_float_ready();
    _mm_setcsr(before);
    ck_assert(!ready);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("base/float");
    TCase *tcase = tcase_create("environment");
    tcase_add_test(tcase, a_fresh_process_is_ready);
    tcase_add_loop_test(tcase, directed_rounding_is_noticed, 0, 3);
#if defined(__x86_64__)
    tcase_add_loop_test(tcase, lost_subnormals_are_noticed, 0, 2);
#endif
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
