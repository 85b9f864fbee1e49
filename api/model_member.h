/* SPDX-License-Identifier: MIT
 *
 * The member "model" of a request's JSON object: {"layers": [...]}, or
 * {"id": "sha256:..."} for a stored one. */
#ifndef API_MODEL_MEMBER_H
#define API_MODEL_MEMBER_H

#include "base/digest.h"
#include "formats/format.h"
#include "formats/json_scan.h"

/* Reads the value of `member`, text[start .. end) of the body. Either *out is
 * a network, or id names a stored one; the other is left alone. Failures speak
 * of "/model/...": LIP_INVALID (neither of the two), those of
 * lip_json_read_model. */
enum lip_status api_model_member(struct lip_network **out,
                                 char id[LIP_DIGEST_TEXT],
                                 const unsigned char *text,
                                 const struct lip_json_member *member,
                                 const struct lip_read_options *options,
                                 struct lip_ctx *ctx);

/* "sha256:" and 64 hexadecimal digits in lower case. */
bool api_is_digest(const char *text);

/* Reads {"id": "sha256:..."} where the value begins with that member; *found
 * tells whether it does. */
enum lip_status api_reference_member(bool *found, char id[LIP_DIGEST_TEXT],
                                     const unsigned char *text,
                                     const struct lip_json_member *member,
                                     const char *pointer, struct lip_ctx *ctx);

#endif
