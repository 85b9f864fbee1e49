/* SPDX-License-Identifier: MIT
 *
 * The last bits of a bound depend on the kernels that BLAS chose for the
 * machine: a report about a number needs them. */
#include "api/version.h"

#include "linalg/blas.h"

void api_version_write(struct api_text *text)
{
    api_object_open(text, NULL);
    api_put_string(text, "name", "lipschitzd");
    api_put_string(text, "version", API_VERSION);
    api_put_string(text, "compiler", __VERSION__);
    api_put_string(text, "blas_kernel", lip_blas_kernel());
    api_object_close(text);
}
