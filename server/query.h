/* SPDX-License-Identifier: MIT
 *
 * Parameters of the query, for addresses that take a few simple ones. */
#ifndef LIPD_QUERY_H
#define LIPD_QUERY_H

#include "server/request.h"

/* False with the problem where there is a parameter that is none of `known`
 * (names with a space between), or one twice. */
bool lipd_query_only(const struct lipd_request *request, const char *known,
                     struct api_problem *problem);

/* NULL where it was not sent. */
const char *lipd_query_text(const struct lipd_request *request,
                            const char *name);

/* Reads a number, or a whole one, of [least, most] where there is one; *out
 * stays as it is where not. False with the problem. */
bool lipd_query_number(double *out, const struct lipd_request *request,
                       const char *name, double least, double most,
                       struct api_problem *problem);
bool lipd_query_whole(double *out, const struct lipd_request *request,
                      const char *name, double least, double most,
                      struct api_problem *problem);

#endif
