/* SPDX-License-Identifier: MIT
 *
 * Bodies of POST /datasets as a test wants them. */
#ifndef LIP_TESTS_SUPPORT_UPLOAD_H
#define LIP_TESTS_SUPPORT_UPLOAD_H

#include "api/dataset.h"
#include "tests/support/files.h"

/* Plans and reads a body with a query like "task=regression&target=y" (no
 * escapes). What is read keeps to what was planned, and a failure has its
 * sentence and leaves nothing: else the running test fails. */
enum lip_status upload_read(struct lip_data **out, const struct bytes *body,
                            const char *content_type, const char *query,
                            struct api_problem *problem);

/* The id of what must be readable. */
void upload_id(char out[LIP_DIGEST_TEXT], const struct bytes *body,
               const char *content_type, const char *query);

/* Must be refused with this status and a sentence that has this text. */
void upload_refused(const struct bytes *body, const char *content_type,
                    const char *query, int status, const char *says);

/* Every proper beginning and every flipped bit of the body: read or refused,
 * with a sentence, and nothing is left behind. */
void upload_damaged(const struct bytes *body, const char *content_type,
                    const char *query);

/* A form of parts; its content type. */
extern const char upload_form[];
void upload_part(struct bytes *body, const char *name,
                 const struct bytes *content);
void upload_form_end(struct bytes *body);

/* An npz with x and y of any dtype, raw bytes. */
struct upload_array {
    const char *name, *descr, *shape; /* "(3, 2)" */
    bool fortran;
    const void *data;
    size_t size;
};
void upload_npy(struct bytes *bytes, const struct upload_array *array);
void upload_npz(struct bytes *bytes, const struct upload_array *array,
                size_t count, bool deflated);

#endif
