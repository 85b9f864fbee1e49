/* SPDX-License-Identifier: MIT
 *
 * The header fields of an answer, all but those that frame its body. */
#ifndef LIPD_ANSWER_FIELDS_H
#define LIPD_ANSWER_FIELDS_H

#include "server/request.h"

/* Calls `put` with each field that the answer has: those that the handler asked
 * for in the reply, and those that protect whoever reads it. The value lives
 * until `put` returns. */
void lipd_answer_fields(const struct lipd_request *request,
                        void (*put)(void *arg, const char *name,
                                    const char *value),
                        void *arg);

#endif
