/* SPDX-License-Identifier: MIT
 *
 * SHA-256 of canonical byte forms. */
#include "base/digest.h"

#include <stdio.h>
#include <string.h>

void lip_digest_text(char out[LIP_DIGEST_TEXT], struct sha256_ctx *hash)
{
    uint8_t bytes[SHA256_DIGEST_SIZE];
    sha256_digest(hash, sizeof bytes, bytes);
    memcpy(out, "sha256:", 7);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 7 + 2 * i, 3, "%02x", bytes[i]);
}

void lip_digest_u64(struct sha256_ctx *hash, uint64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    sha256_update(hash, sizeof bytes, bytes);
}

void lip_digest_double(struct sha256_ctx *hash, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    lip_digest_u64(hash, value == 0 ? 0 : bits);
}
