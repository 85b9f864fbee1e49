/* SPDX-License-Identifier: MIT
 *
 * Addresses and sockets: "127.0.0.1:8080", "[::1]:8080", "localhost:8080".
 * Names are not looked up: the resolver would load half of libc. */
#ifndef LIPD_LISTEN_H
#define LIPD_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct lipd_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

/* False with a sentence where the text is no address. */
bool lipd_address_read(struct lipd_address *out, const char *text,
                       char *complaint, size_t complaint_size);

unsigned lipd_address_port(const struct lipd_address *address);

/* Writes the port to a file, as a whole; "": to none. False with errno. */
bool lipd_address_tell(const struct lipd_address *address, const char *file);

/* A listening socket, and in *address where it really listens. -1 with a
 * sentence on failure. */
int lipd_listen(struct lipd_address *address, char *complaint,
                size_t complaint_size);

#endif
