/* SPDX-License-Identifier: MIT
 *
 * Sockets with patience. */
#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

bool http_dial(struct http_client *client, unsigned port)
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

void http_open(struct http_client *client, unsigned port)
{
    ck_assert(http_dial(client, port));
}

void http_close(struct http_client *client)
{
    close(client->fd);
    free(client->pending);
    client->fd = -1;
    client->pending = NULL;
}

bool http_send(struct http_client *client, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size) {
        ssize_t n = send(client->fd, at, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
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

/* Receives some more; false at the end or out of patience. */
static bool receive(struct http_client *client)
{
    enum { STEP = 65536 };
    struct pollfd p = {.fd = client->fd, .events = POLLIN};
    if (poll(&p, 1, (int)(client->patience * 1000)) <= 0)
        return false;
    client->pending = realloc(client->pending, client->size + STEP + 1);
    ck_assert_ptr_nonnull(client->pending);
    ssize_t n = recv(client->fd, client->pending + client->size, STEP, 0);
    if (n <= 0)
        return false;
    client->size += (size_t)n;
    client->pending[client->size] = '\0';
    return true;
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
    struct pollfd p = {.fd = client->fd, .events = POLLIN};
    if (poll(&p, 1, (int)(client->patience * 1000)) <= 0)
        return false;
    char byte;
    return before == 0 && recv(client->fd, &byte, 1, 0) <= 0;
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
    struct http_client client;
    char head[2048], length[64] = "";
    if (body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", size);
    int n = snprintf(head, sizeof head,
                     "%s %s HTTP/1.1\r\nHost: test\r\n%s%s%s%s%s%s%s"
                     "Connection: close\r\n\r\n",
                     method, target, token ? "Authorization: Bearer " : "",
                     token ? token : "", token ? "\r\n" : "",
                     type ? "Content-Type: " : "", type ? type : "",
                     type ? "\r\n" : "", length);
    ck_assert(n > 0 && (size_t)n < sizeof head);
    http_open(&client, port);
    http_say(&client, head);
    if (size)
        http_send(&client, body, size);
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
    http_ask(out, port, "POST", target, "application/json", body, strlen(body));
}
