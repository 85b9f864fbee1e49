/* SPDX-License-Identifier: MIT
 *
 * HTTP over sockets, plain or with TLS, byte by byte as a test wants it. */
#ifndef LIP_TESTS_SUPPORT_HTTP_CLIENT_H
#define LIP_TESTS_SUPPORT_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct http_client {
    int fd;
    char *pending; /* received and not read yet */
    size_t size;
    double patience; /* seconds to wait for bytes */
    void *session;   /* of TLS, or NULL */
};

struct http_answer {
    int status;
    char *head; /* status line and fields, NUL-terminated */
    char *body;
    size_t size;
    char field[256]; /* the last value http_field returned */
};

/* From here on connections use TLS, and believe who shows a certificate of
 * localhost that leads to one of this file. NULL: plain again. */
void http_trust(const char *certificates);

void http_open(struct http_client *client, unsigned port);
/* The same where nobody may listen: false. */
bool http_dial(struct http_client *client, unsigned port);
void http_close(struct http_client *client);

/* Only the socket; and the handshake, of the offers of `priorities` (NULL: the
 * usual ones): 0, or an error of GnuTLS. For tests about either. */
void http_connect(struct http_client *client, unsigned port);
int http_handshake(struct http_client *client, const char *priorities);

/* False where the other side has closed. */
bool http_send(struct http_client *client, const void *bytes, size_t size);
bool http_say(struct http_client *client, const char *text);

/* Reads one answer: head, and as many bytes as Content-Length says (none where
 * `head_only`). An interim 100 is an answer of its own. False where the
 * connection ends or nothing comes. */
bool http_read(struct http_answer *out, struct http_client *client,
               bool head_only);
void http_clear(struct http_answer *answer);

/* Receives into `pending`, as a string, until this text is in it, or to the end
 * (NULL). False where that does not come within seconds. */
bool http_receives(struct http_client *client, const char *text,
                   double seconds);

/* The connection has been closed and nothing is left to read. */
bool http_ended(struct http_client *client);

/* Value of a field of the answer, "" where it is not there. */
const char *http_field(struct http_answer *answer, const char *name);

/* Does the body contain this text? */
bool http_has(const struct http_answer *answer, const char *text);

/* Status and code of a problem document are these. */
bool http_is_problem(struct http_answer *answer, int status, const char *code);

/* A request on a connection of its own. body NULL: none. */
void http_ask(struct http_answer *out, unsigned port, const char *method,
              const char *target, const char *type, const void *body,
              size_t size);
/* The same with a token; NULL: without. */
void http_ask_as(struct http_answer *out, unsigned port, const char *token,
                 const char *method, const char *target, const char *type,
                 const void *body, size_t size);
/* The same with fields of its own, each ended by "\r\n". */
void http_ask_with(struct http_answer *out, unsigned port, const char *method,
                   const char *target, const char *fields, const void *body,
                   size_t size);
void http_get(struct http_answer *out, unsigned port, const char *target);
void http_post(struct http_answer *out, unsigned port, const char *target,
               const char *body);
void http_post_with(struct http_answer *out, unsigned port, const char *target,
                    const char *fields, const char *body);

#endif
