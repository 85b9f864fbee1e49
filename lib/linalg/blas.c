/* SPDX-License-Identifier: MIT
 *
 * Process-wide settings of BLAS. */
#include "linalg/blas.h"

void lip_blas_single_threaded(void)
{
    openblas_set_num_threads(1);
}

const char *lip_blas_kernel(void)
{
    return openblas_get_corename();
}
