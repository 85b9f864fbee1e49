/* SPDX-License-Identifier: MIT
 *
 * The proven lower bound of the true constant that stands beside the upper
 * bounds in an answer. */
#ifndef API_LOWER_H
#define API_LOWER_H

#include "api/bound.h"
#include "certify/lower_bound.h"

/* Whether the answer to this request has one. */
bool api_lower_wanted(const struct api_bound_request *request);

/* The seconds that are kept for it: a twentieth of the time limit that the
 * client gave, 0 where none was given. Without a limit the search takes about
 * a millisecond, and another for every 10^4 parameters. */
double api_lower_share(const struct api_bound_request *request);

/* Searches and proves. `upper` is the least upper bound proven, which ends the
 * search where it is reached, or 0. Whatever keeps it from finding one (memory,
 * time) leaves the value 0, which is true too, and sets out->cut. Failures:
 * LIP_CANCELLED, LIP_NO_MEMORY. The caller clears *out. */
enum lip_status api_lower_find(struct lip_lower_bound *out,
                               const struct api_bound_request *request,
                               double max_bytes, double upper,
                               struct lip_ctx *ctx);

#endif
