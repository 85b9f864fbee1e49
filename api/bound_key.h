/* SPDX-License-Identifier: MIT
 *
 * Names for answers to bound requests, so that what was answered once need not
 * be computed again. */
#ifndef API_BOUND_KEY_H
#define API_BOUND_KEY_H

#include "api/bound.h"

/* A digest of all that an answer follows from, but for the limits of whoever
 * gives it: the program (`build`), the model with the names that it gives to
 * its layers, and the options. Where the request only names a model
 * (request->network NULL), `edition` stands for those names: it must differ
 * wherever they may. Two requests have the same key where they have the same
 * API_BOUND_FINAL answer, but for its times. */
enum lip_status api_bound_key(char out[LIP_DIGEST_TEXT],
                              const struct api_bound_request *request,
                              const char *build, const char *edition,
                              struct lip_ctx *ctx);

/* The same with the limits, for an answer that is API_BOUND_LIMITED: memory,
 * work, the seconds that a request with this time_limit (0: none) has, and the
 * machine's speed to a power of two. */
void api_bound_key_within(char out[LIP_DIGEST_TEXT], const char *key,
                          const struct api_bound_limits *limits,
                          double time_limit);

#endif
