/* SPDX-License-Identifier: MIT
 *
 * Lists of what is stored, page by page: in the order of the ids, each page
 * from where the one before says. */
#ifndef LIPD_PAGE_H
#define LIPD_PAGE_H

#include "api/text.h"
#include "server/request.h"

struct lipd_page {
    size_t limit;
    const char *after; /* "": from the first */
};

/* ?limit= and ?after=, the id of one of these things ("model"). */
bool lipd_page_read(struct lipd_page *page, struct lipd_request *request,
                    const char *thing, struct api_problem *problem);

/* The answer: between the two the caller writes the items of the array NAME.
 * `next` is the id of the last of them, NULL where no page follows. */
void lipd_page_begin(struct api_text *text, struct lipd_request *request,
                     const char *name);
void lipd_page_end(struct api_text *text, struct lipd_request *request,
                   const char *next);

#endif
