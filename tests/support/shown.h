/* SPDX-License-Identifier: MIT
 *
 * Documents that show the library's tables: GET /methods and GET /constraints.
 * A failure fails the running test. */
#ifndef LIP_TESTS_SUPPORT_SHOWN_H
#define LIP_TESTS_SUPPORT_SHOWN_H

#include "api/text.h"
#include "network/activation.h"

#include <jansson.h>

/* The document, collected as one of this schema; for json_decref(). */
json_t *shown_document(void (*write)(struct api_text *text),
                       const char *schema);

/* The member is this text, which is not empty. */
void shown_text(const json_t *object, const char *key, const char *expected);

/* "parameters" are those of the table, which ends with a row of no name. */
void shown_parameters(const json_t *object, const struct lip_parameter *p);

#endif
