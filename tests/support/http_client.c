/* SPDX-License-Identifier: MIT
 *
 * Sockets with patience. */
#include "tests/support/http_client.h"

#include "base/context.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static gnutls_certificate_credentials_t trust;

void http_trust(const char *certificates)
{
    if (trust)
        gnutls_certificate_free_credentials(trust);
    trust = NULL;
    if (!certificates)
        return;
    ck_assert_int_eq(gnutls_certificate_allocate_credentials(&trust), 0);
    ck_assert_int_ge(gnutls_certificate_set_x509_trust_file(
                         trust, certificates, GNUTLS_X509_FMT_PEM),
                     1);
}

static bool reaches(struct http_client *client, unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *client = (struct http_client){.patience = 30};
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(client->fd, 0);
    if (!connect(client->fd, (struct sockaddr *)&address, sizeof address))
        return true;
    close(client->fd);
    return false;
}

void http_connect(struct http_client *client, unsigned port)
{
    ck_assert(reaches(client, port));
}

int http_handshake(struct http_client *client, const char *priorities)
{
    gnutls_session_t session;
    int error;
    ck_assert_int_eq(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL),
                     0);
    client->session = session;
    gnutls_priority_set_direct(session, priorities ? priorities : "NORMAL",
                               NULL);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, trust);
    gnutls_server_name_set(session, GNUTLS_NAME_DNS, "localhost", 9);
    gnutls_session_set_verify_cert(session, "localhost", 0);
    gnutls_transport_set_int(session, client->fd);
    gnutls_handshake_set_timeout(session, (unsigned)(client->patience * 1000));
    do {
        error = gnutls_handshake(session);
    } while (error < 0 && !gnutls_error_is_fatal(error));
    return error;
}

bool http_dial(struct http_client *client, unsigned port)
{
    if (!reaches(client, port))
        return false;
    if (!trust || !http_handshake(client, NULL))
        return true;
    http_close(client);
    return false;
}

void http_open(struct http_client *client, unsigned port)
{
    ck_assert(http_dial(client, port));
}

void http_close(struct http_client *client)
{
    if (client->session)
        gnutls_deinit(client->session);
    client->session = NULL;
    close(client->fd);
    free(client->pending);
    client->fd = -1;
    client->pending = NULL;
}

static ssize_t send_some(struct http_client *client, const void *bytes,
                         size_t size)
{
    return client->session ? gnutls_record_send(client->session, bytes, size)
                           : send(client->fd, bytes, size, MSG_NOSIGNAL);
}

static ssize_t receive_some(struct http_client *client, void *bytes,
                            size_t size)
{
    ssize_t n;
    if (!client->session)
        return recv(client->fd, bytes, size, 0);
    do {
        n = gnutls_record_recv(client->session, bytes, size);
    } while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
    return n;
}

bool http_send(struct http_client *client, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size) {
        ssize_t n = send_some(client, at, size);
        if ((n < 0 && !client->session && errno == EINTR) ||
            (client->session &&
             (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN)))
            continue;
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool http_say(struct http_client *client, const char *text)
{
    return http_send(client, text, strlen(text));
}

/* Are there bytes, or the end, within seconds? */
static bool has_news(struct http_client *client, double seconds)
{
    struct pollfd p = {.fd = client->fd, .events = POLLIN};
    if (client->session && gnutls_record_check_pending(client->session))
        return true;
    return poll(&p, 1, seconds > 0 ? (int)(seconds * 1000) + 1 : 0) > 0;
}

/* Some more bytes: how many, 0 at the end, less where it broke. */
static ssize_t receive_more(struct http_client *client)
{
    enum { STEP = 65536 };
    client->pending = realloc(client->pending, client->size + STEP + 1);
    ck_assert_ptr_nonnull(client->pending);
    ssize_t n = receive_some(client, client->pending + client->size, STEP);
    if (n > 0)
        client->size += (size_t)n;
    client->pending[client->size] = '\0';
    return n;
}

/* False at the end or out of patience. */
static bool receive(struct http_client *client)
{
    return has_news(client, client->patience) && receive_more(client) > 0;
}

bool http_receives(struct http_client *client, const char *text, double seconds)
{
    for (double end = lip_now() + seconds;;) {
        if (text && client->pending && strstr(client->pending, text))
            return true;
        if (!has_news(client, end - lip_now()))
            return false;
        ssize_t n = receive_more(client);
        if (n <= 0)
            return n == 0 && !text;
    }
}

/* Takes the first `size` pending bytes as a string. */
static char *take(struct http_client *client, size_t size)
{
    char *text = malloc(size + 1);
    ck_assert_ptr_nonnull(text);
    if (size)
        memcpy(text, client->pending, size);
    text[size] = '\0';
    client->size -= size;
    if (client->pending) {
        memmove(client->pending, client->pending + size, client->size);
        client->pending[client->size] = '\0';
    }
    return text;
}

bool http_read(struct http_answer *out, struct http_client *client,
               bool head_only)
{
    char *end;
    memset(out, 0, sizeof *out);
    while (!client->size || !(end = strstr(client->pending, "\r\n\r\n")))
        if (!receive(client))
            return false;
    out->head = take(client, (size_t)(end + 4 - client->pending));
    ck_assert_int_eq(sscanf(out->head, "HTTP/1.%*d %d", &out->status), 1);
    out->size =
        head_only ? 0 : strtoul(http_field(out, "Content-Length"), NULL, 10);
    while (client->size < out->size)
        if (!receive(client))
            return false;
    out->body = take(client, out->size);
    return true;
}

void http_clear(struct http_answer *answer)
{
    free(answer->head);
    free(answer->body);
    memset(answer, 0, sizeof *answer);
}

bool http_ended(struct http_client *client)
{
    size_t before = client->size;
    char byte;
    return has_news(client, client->patience) && before == 0 &&
           receive_some(client, &byte, 1) <= 0;
}

const char *http_field(struct http_answer *answer, const char *name)
{
    size_t length = strlen(name);
    answer->field[0] = '\0';
    for (const char *line = strstr(answer->head, "\r\n"); line && line[2];
         line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, length) && line[2 + length] == ':') {
            const char *value = line + 3 + length;
            value += strspn(value, " ");
            snprintf(answer->field, sizeof answer->field, "%.*s",
                     (int)strcspn(value, "\r"), value);
        }
    return answer->field;
}

bool http_has(const struct http_answer *answer, const char *text)
{
    return answer->body && strstr(answer->body, text);
}

bool http_is_problem(struct http_answer *answer, int status, const char *code)
{
    char type[128], number[32];
    snprintf(type, sizeof type, "\"urn:lipschitzd:problem:%s\"", code);
    snprintf(number, sizeof number, "\"status\":%d", status);
    bool good = answer->status == status && http_has(answer, type) &&
                http_has(answer, number) &&
                !strcmp(http_field(answer, "Content-Type"),
                        "application/problem+json") &&
                http_has(answer, http_field(answer, "X-Request-Id"));
    if (!good)
        fprintf(stderr, "not %d %s:\n%s%s\n", status, code, answer->head,
                answer->body);
    return good;
}

void http_ask(struct http_answer *out, unsigned port, const char *method,
              const char *target, const char *type, const void *body,
              size_t size)
{
    http_ask_as(out, port, NULL, method, target, type, body, size);
}

void http_ask_as(struct http_answer *out, unsigned port, const char *token,
                 const char *method, const char *target, const char *type,
                 const void *body, size_t size)
{
    char fields[1024];
    int n = snprintf(fields, sizeof fields, "%s%s%s%s%s%s",
                     token ? "Authorization: Bearer " : "", token ? token : "",
                     token ? "\r\n" : "", type ? "Content-Type: " : "",
                     type ? type : "", type ? "\r\n" : "");
    ck_assert(n >= 0 && (size_t)n < sizeof fields);
    http_ask_with(out, port, method, target, fields, body, size);
}

void http_ask_with(struct http_answer *out, unsigned port, const char *method,
                   const char *target, const char *fields, const void *body,
                   size_t size)
{
    struct http_client client;
    char head[2048], length[64] = "";
    if (body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", size);
    int n = snprintf(head, sizeof head,
                     "%s %s HTTP/1.1\r\nHost: test\r\n%s%s"
                     "Connection: close\r\n\r\n",
                     method, target, fields, length);
    ck_assert(n > 0 && (size_t)n < sizeof head);
    http_open(&client, port);
    http_say(&client, head);
    if (size)
        http_send(&client, body, size); /* may be refused before it is out */
    if (!http_read(out, &client, !strcmp(method, "HEAD")))
        ck_abort_msg("%s %s was not answered", method, target);
    http_close(&client);
}

void http_get(struct http_answer *out, unsigned port, const char *target)
{
    http_ask(out, port, "GET", target, NULL, NULL, 0);
}

void http_post(struct http_answer *out, unsigned port, const char *target,
               const char *body)
{
    http_post_with(out, port, target, "", body);
}

void http_post_with(struct http_answer *out, unsigned port, const char *target,
                    const char *fields, const char *body)
{
    char all[1500];
    int n = snprintf(all, sizeof all, "Content-Type: application/json\r\n%s",
                     fields);
    ck_assert(n > 0 && (size_t)n < sizeof all);
    http_ask_with(out, port, "POST", target, all, body, strlen(body));
}
