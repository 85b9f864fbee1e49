/* SPDX-License-Identifier: MIT
 *
 * inet_pton, bind, listen. */
#include "server/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_port(const char *text, in_port_t *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long port = strtoul(text, &end, 10);
    *out = htons((in_port_t)port);
    return !*end && port <= 65535;
}

static bool read_host(struct lipd_address *out, const char *host,
                      in_port_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->storage;
    if (!strcmp(host, "localhost"))
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = port;
        out->size = sizeof *v4;
        return true;
    }
    size_t length = strlen(host);
    char inner[INET6_ADDRSTRLEN];
    if (length < 3 || length - 2 >= sizeof inner || host[0] != '[' ||
        host[length - 1] != ']')
        return false;
    snprintf(inner, sizeof inner, "%.*s", (int)length - 2, host + 1);
    if (inet_pton(AF_INET6, inner, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = port;
    out->size = sizeof *v6;
    return true;
}

bool lipd_address_read(struct lipd_address *out, const char *text,
                       char *complaint, size_t complaint_size)
{
    char host[64];
    in_port_t port = 0;
    const char *colon = strrchr(text, ':');
    memset(out, 0, sizeof *out);
    if (colon && (size_t)(colon - text) < sizeof host &&
        read_port(colon + 1, &port)) {
        snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
        if (read_host(out, host, port))
            return true;
    }
    snprintf(complaint, complaint_size,
             "\"%.80s\" is no address to listen on; write for example "
             "127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080.",
             text);
    return false;
}

unsigned lipd_address_port(const struct lipd_address *address)
{
    if (address->storage.ss_family == AF_INET6)
        return ntohs(
            ((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
}

int lipd_listen(struct lipd_address *address, char *complaint,
                size_t complaint_size)
{
    struct sockaddr *where = (struct sockaddr *)&address->storage;
    int on = 1;
    int fd =
        socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && !bind(fd, where, address->size) && !listen(fd, SOMAXCONN) &&
        !getsockname(fd, where, &address->size))
        return fd;
    snprintf(complaint, complaint_size, "Cannot listen there: %s.",
             strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

bool lipd_address_tell(const struct lipd_address *address, const char *file)
{
    char temporary[4096];
    if (!*file)
        return true;
    snprintf(temporary, sizeof temporary, "%s.new", file);
    FILE *out = fopen(temporary, "we");
    if (!out)
        return false;
    bool written = fprintf(out, "%u\n", lipd_address_port(address)) > 0;
    written = !fclose(out) && written;
    return written && !rename(temporary, file);
}
