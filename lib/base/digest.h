/* SPDX-License-Identifier: MIT
 *
 * SHA-256 (nettle) with the two shapes the project uses. */
#ifndef LIP_BASE_DIGEST_H
#define LIP_BASE_DIGEST_H

#include <nettle/sha2.h>
#include <stdint.h>

/* "sha256:" and 64 lower-case hexadecimal digits, and the closing NUL. */
enum { LIP_DIGEST_TEXT = 7 + 64 + 1 };

/* Finishes a running hash and writes its text form. */
void lip_digest_text(char out[LIP_DIGEST_TEXT], struct sha256_ctx *hash);

/* Adds a 64-bit number, little-endian, whatever the machine's order. */
void lip_digest_u64(struct sha256_ctx *hash, uint64_t value);

/* Adds a double by its IEEE bits; -0 counts as +0. */
void lip_digest_double(struct sha256_ctx *hash, double value);

#endif
