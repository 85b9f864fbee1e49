/* SPDX-License-Identifier: MIT
 *
 * The head of a request (method, path, header fields) and what is checked on
 * it before a byte of the body is read. The HTTP library is lenient where
 * leniency lets two parsers disagree about where a request ends (request
 * smuggling), so the framing fields are judged again here. */
#ifndef LIPD_HEAD_H
#define LIPD_HEAD_H

#include "server/request.h"

#include <stdint.h>

/* The last value of a field and how often it came; of a list, all of them. */
struct lipd_field {
    const char *value;
    unsigned count;
};

struct lipd_head {
    const char *method, *version;
    const char *path; /* NULL: of a URL whose authority cannot be read */
    struct lipd_field content_length, transfer_encoding, host, content_type,
        request_id, last_event_id, idempotency_key, prefer, if_none_match,
        range, if_range, cache_control, authorization, traceparent, origin,
        preflight; /* Access-Control-Request-Method */
    /* What stood in several fields, with commas between. */
    char prefer_list[256], cache_control_list[256];
    bool bad_field; /* a name or value with a byte that may not stand there */
    bool torn;      /* not what was sent; see intact.h */
};

enum lipd_body_form { LIPD_BODY_NONE, LIPD_BODY_SIZED, LIPD_BODY_CHUNKED };

struct lipd_framing {
    enum lipd_body_form form;
    uint64_t size; /* of a sized body */
};

/* Takes one header field; the strings must outlive the head. */
void lipd_head_add(struct lipd_head *head, const char *name, size_t name_size,
                   const char *value, size_t value_size);

/* Is it a host, or an address, and perhaps a port (RFC 9110, 7.2)? The text may
 * go on after `size`. */
bool lipd_head_is_host(const char *text, size_t size);

/* How the body is framed. False, with the problem, where two parsers could
 * read it differently; the connection must then be closed. */
bool lipd_head_framing(struct lipd_framing *out, const struct lipd_head *head,
                       struct api_problem *problem);

#endif
