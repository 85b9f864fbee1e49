/* SPDX-License-Identifier: MIT
 *
 * multipart/form-data (RFC 7578) over a body that lies in memory, read
 * strictly: what two readers could take in two ways is refused. */
#ifndef API_MULTIPART_H
#define API_MULTIPART_H

#include "base/context.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    API_MAX_PARTS = 8,
    API_MAX_PART_HEADERS = 8,
    API_MAX_PART_HEAD = 4096, /* bytes of all headers of a part */
    API_PART_NAME = 64,
    API_MAX_BOUNDARY = 70
};

/* One part: its field name, and where its content lies in the body. */
struct api_part {
    char name[API_PART_NAME];
    size_t offset, size;
};

/* True where the media type is multipart/form-data, whatever follows it. */
bool api_is_multipart(const char *content_type);

/* Lists the parts in their order. LIP_MALFORMED, at a byte where one is known:
 * no boundary or a bad one in the content type, an unterminated part, a part
 * without a name, a nested multipart, a transfer encoding, a name given twice.
 * LIP_TOO_LARGE: more parts or longer headers than the limits above. O(size),
 * no memory is allocated. */
enum lip_status api_multipart_parts(struct api_part part[API_MAX_PARTS],
                                    size_t *count, const unsigned char *body,
                                    size_t size, const char *content_type,
                                    struct lip_ctx *ctx);

#endif
