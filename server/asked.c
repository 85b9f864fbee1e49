/* SPDX-License-Identifier: MIT
 *
 * The query says how the body is to be read: it belongs to what is asked. */
#include "server/asked.h"

#include "server/jobs/submit.h"
#include "server/routes.h"
#include "server/service.h"
#include "server/store/holdings.h"

#include <string.h>

/* With the zero byte, so that no two lists of texts are the same. */
static void add_text(struct sha256_ctx *hash, const char *text)
{
    sha256_update(hash, strlen(text) + 1, (const unsigned char *)text);
}

void lipd_asked_digest(char out[LIP_DIGEST_TEXT],
                       const struct lipd_request *request)
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    add_text(&hash, request->route->path);
    for (size_t i = 0; i < request->query.count; i++) {
        add_text(&hash, request->query.item[i].name);
        add_text(&hash, request->query.item[i].value);
    }
    add_text(&hash, "");
    add_text(&hash, request->content_type ? request->content_type : "");
    if (request->body) /* which may be the upload, lent */
        sha256_update(&hash, lip_buffer_size(request->body),
                      lip_buffer_bytes(request->body));
    else
        sha256_update(&hash, request->upload.size, request->upload.bytes);
    lip_digest_text(out, &hash);
}

bool lipd_asked_conflict(const char *key, struct api_problem *problem)
{
    api_problem_set(problem, API_PROBLEM_IDEMPOTENCY_CONFLICT,
                    "The Idempotency-Key %.80s came before, with a request "
                    "that was not the same. Send another key.",
                    key);
    return false;
}

bool lipd_asked_read(struct lipd_asked *out, const struct lipd_request *request,
                     struct api_problem *problem)
{
    struct lipd_holdings *holdings = request->service->holdings;
    struct lipd_held held;
    memset(out, 0, sizeof *out);
    if (!request->idempotency_key || !holdings)
        return true;
    if (!lipd_submit_key_valid(request, problem))
        return false;
    out->key = request->idempotency_key;
    lipd_asked_digest(out->digest, request);
    if (!holdings->ops->key(holdings, &held, request->tenant, out->key,
                            out->digest, problem))
        return false;
    out->again = held.fate == LIPD_KEY_USED;
    out->fresh = held.fresh;
    return held.fate != LIPD_KEY_TAKEN ||
           lipd_asked_conflict(out->key, problem);
}
