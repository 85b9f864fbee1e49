/* SPDX-License-Identifier: MIT
 *
 * Blocking sockets with a time limit of the kernel's. */
#include "tests/support/load_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STEP = 65536, PATIENCE = 120 };

void load_client_init(struct load_client *client, unsigned port)
{
    *client = (struct load_client){.port = port, .fd = -1};
}

static void hang_up(struct load_client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->size = 0;
}

void load_client_close(struct load_client *client)
{
    hang_up(client);
    free(client->in);
    client->in = NULL;
    client->room = 0;
}

int load_connect(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((in_port_t)port)};
    struct timeval patience = {.tv_sec = PATIENCE};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!connect(fd, (struct sockaddr *)&address, sizeof address))
        return fd;
    close(fd);
    return -1;
}

static bool send_all(int fd, const char *at, size_t size)
{
    while (size) {
        ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* An answer may come before all was sent: that not all can be sent is no
 * failure yet. */
static void say(struct load_client *client, const struct load_ask *ask)
{
    char head[2048], length[64] = "";
    if (ask->body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", ask->size);
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: a\r\n%s%s\r\n",
                     ask->method, ask->target, ask->fields ? ask->fields : "",
                     length);
    if (n > 0 && (size_t)n < sizeof head &&
        send_all(client->fd, head, (size_t)n) && ask->size)
        send_all(client->fd, ask->body, ask->size);
}

static bool receive(struct load_client *client)
{
    if (client->room - client->size < STEP + 1) {
        size_t room = 2 * client->room + STEP + 1;
        char *in = realloc(client->in, room);
        if (!in)
            abort();
        client->in = in;
        client->room = room;
    }
    ssize_t n = recv(client->fd, client->in + client->size, STEP, 0);
    if (n <= 0)
        return false;
    client->size += (size_t)n;
    client->in[client->size] = '\0';
    return true;
}

static void drop(struct load_client *client, size_t size)
{
    client->size -= size;
    memmove(client->in, client->in + size, client->size + 1);
}

/* Takes so many bytes to the end of a text. */
static bool take(struct load_client *client, char **out, size_t *have,
                 size_t size)
{
    while (client->size < size)
        if (!receive(client))
            return false;
    char *grown = realloc(*out, *have + size + 1);
    if (!grown)
        abort();
    *out = grown;
    if (size)
        memcpy(grown + *have, client->in, size);
    *have += size;
    grown[*have] = '\0';
    if (size)
        drop(client, size);
    return true;
}

/* The end of the first line that is there in full, behind its "\r\n". */
static size_t line_end(struct load_client *client, const char *end)
{
    const char *at;
    while (!client->size || !(at = strstr(client->in, end)))
        if (!receive(client))
            return 0;
    return (size_t)(at - client->in) + strlen(end);
}

static bool take_chunks(struct load_client *client, struct load_answer *answer)
{
    for (;;) {
        size_t line = line_end(client, "\r\n");
        if (!line)
            return false;
        size_t size = strtoul(client->in, NULL, 16);
        drop(client, line);
        if (!take(client, &answer->body, &answer->size, size) ||
            !line_end(client, "\r\n"))
            return false;
        drop(client, 2);
        if (!size)
            return true;
    }
}

void load_field(char *out, size_t size, const struct load_answer *answer,
                const char *name)
{
    size_t length = strlen(name);
    const char *line = answer->head ? strstr(answer->head, "\r\n") : NULL;
    out[0] = '\0';
    for (; line && line[2]; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) != 0 || line[2 + length] != ':')
            continue;
        const char *value = line + 3 + length;
        value += strspn(value, " ");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\r"), value);
        return;
    }
}

static bool take_answer(struct load_client *client, struct load_answer *answer,
                        bool head_only)
{
    char value[64];
    size_t zero = 0, head = line_end(client, "\r\n\r\n");
    if (!head || !take(client, &answer->head, &zero, head) ||
        sscanf(answer->head, "HTTP/1.%*d %d", &answer->status) != 1)
        return false;
    load_field(value, sizeof value, answer, "Transfer-Encoding");
    if (!strcasecmp(value, "chunked"))
        return take_chunks(client, answer);
    load_field(value, sizeof value, answer, "Content-Length");
    return take(client, &answer->body, &answer->size,
                head_only ? 0 : strtoul(value, NULL, 10));
}

bool load_ask(struct load_client *client, struct load_answer *answer,
              const struct load_ask *ask)
{
    char value[32];
    memset(answer, 0, sizeof *answer);
    for (bool fresh = false; !fresh;) {
        fresh = client->fd < 0;
        if (fresh)
            client->fd = load_connect(client->port);
        if (client->fd < 0)
            return false;
        say(client, ask);
        if (take_answer(client, answer, !strcmp(ask->method, "HEAD"))) {
            load_field(value, sizeof value, answer, "Connection");
            if (!strcasecmp(value, "close"))
                hang_up(client);
            return true;
        }
        hang_up(client);
        if (answer->head)
            return false;
    }
    return false;
}

void load_answer_clear(struct load_answer *answer)
{
    free(answer->head);
    free(answer->body);
    memset(answer, 0, sizeof *answer);
}
