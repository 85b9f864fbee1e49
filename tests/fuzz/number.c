/* SPDX-License-Identifier: MIT
 *
 * Any text as a number: exactly what strtod makes of it, bit for bit. */
#include "formats/number.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    double ours, theirs;
    const unsigned char *past = lip_number_read(&ours, data, data + size);
    if (past != lip_number_skip(data, data + size))
        abort();
    if (!past)
        return 0;
    size_t n = (size_t)(past - data);
    char *copy = malloc(n + 1), *end;
    memcpy(copy, data, n);
    copy[n] = '\0';
    theirs = strtod(copy, &end);
    if (end != copy + n || memcmp(&ours, &theirs, sizeof ours) != 0)
        abort();
    free(copy);
    return 0;
}
