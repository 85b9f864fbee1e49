/* SPDX-License-Identifier: MIT
 *
 * One request over a plain socket. */
#include "server/probe.h"

#include "server/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* Who listens on every address is reached on the loopback one: a connect to
 * the wildcard address goes there on Linux. */
static int ask(int fd, const struct lipd_address *address)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
                                  "Connection: close\r\n\r\n";
    static const char good[] = "HTTP/1.1 200 ";
    struct timeval limit = {.tv_sec = 3};
    char answer[sizeof good];
    size_t got = 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)&address->storage,
                address->size) ||
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
        return -1;
    while (got < sizeof good - 1) {
        ssize_t n = recv(fd, answer + got, sizeof good - 1 - got, 0);
        if (n <= 0)
            return -1;
        got += (size_t)n;
    }
    return memcmp(answer, good, sizeof good - 1) ? 1 : 0;
}

int lipd_probe(const char *listen, char *complaint, size_t complaint_size)
{
    struct lipd_address address;
    if (!lipd_address_read(&address, listen, complaint, complaint_size))
        return 1;
    int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = fd < 0 ? -1 : ask(fd, &address);
    if (result < 0)
        snprintf(complaint, complaint_size, "No answer from %s: %s.", listen,
                 strerror(errno));
    else if (result > 0)
        snprintf(complaint, complaint_size, "%s answers, but not with 200.",
                 listen);
    if (fd >= 0)
        close(fd);
    return result != 0;
}
