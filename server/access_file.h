/* SPDX-License-Identifier: MIT
 *
 * The lines of a token file (see access.h), read and made. */
#ifndef LIPD_ACCESS_FILE_H
#define LIPD_ACCESS_FILE_H

#include "server/access.h"
#include "server/access_rate.h"

#include <stdint.h>
#include <stdio.h>

enum { LIPD_TOKEN_HASH = 32, LIPD_TOKENS_MAX = 10000 };

struct lipd_token {
    char name[LIPD_TENANT];
    uint8_t hash[LIPD_TOKEN_HASH]; /* SHA-256 of the token */
    unsigned scopes;               /* of enum lipd_scope */
    struct lipd_rate rate;
    struct lipd_quota quota;
};

/* Reads lines, which '\n' or ';' ends; empty ones and what stands behind '#'
 * are passed over. *out is lip_alloc memory, NULL where there are none. False
 * with a sentence that names the line and nothing of what stands in it. */
bool lipd_tokens_read(struct lipd_token **out, size_t *count, const char *text,
                      char *complaint, size_t complaint_size);

/* SHA-256. */
void lipd_token_hash(uint8_t out[LIPD_TOKEN_HASH], const char *token,
                     size_t size);

/* Makes a token: it goes to `secret`, its line for the file to `line`. The
 * words are its name and, where they are given, scopes (bound,train where not)
 * and limits; NULL ends them. False with a sentence. */
bool lipd_token_make(FILE *line, FILE *secret, char *const *words,
                     char *complaint, size_t complaint_size);

#endif
