/* SPDX-License-Identifier: MIT
 *
 * What the stores of results share. */
#include "server/store/results.h"

#include "base/memory.h"

#include <stdio.h>

void lipd_result_clear(struct lipd_result *result)
{
    lip_free(result->document);
    *result = (struct lipd_result){.size = 0};
}

void lipd_result_etag(char out[LIPD_RESULT_ETAG], const char *document,
                      size_t size)
{
    struct sha256_ctx hash;
    char digest[LIP_DIGEST_TEXT];
    sha256_init(&hash);
    sha256_update(&hash, size, (const uint8_t *)document);
    lip_digest_text(digest, &hash);
    snprintf(out, LIPD_RESULT_ETAG, "\"%.32s\"", digest + sizeof "sha256:" - 1);
}

bool lipd_result_fits(const struct lipd_results *results, size_t size)
{
    size_t room = results->most / 4;
    return room >= LIPD_RESULT_ROW && size <= room - LIPD_RESULT_ROW;
}
