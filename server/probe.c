/* SPDX-License-Identifier: MIT
 *
 * One request over a socket, encrypted or not. */
#include "server/probe.h"

#include "base/context.h"
#include "server/jobs/share.h"
#include "server/listen.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE = 3 /* seconds */ };

static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
                              "Connection: close\r\n\r\n";
static const char good[] = "HTTP/1.1 200 ";

/* Bytes over a socket: `session` NULL sends them as they are. */
struct wire {
    int fd;
    gnutls_session_t session;
};

static ssize_t send_some(const struct wire *wire, const void *bytes,
                         size_t size)
{
    return wire->session ? gnutls_record_send(wire->session, bytes, size)
                         : send(wire->fd, bytes, size, MSG_NOSIGNAL);
}

/* What is no data (tickets) is passed over; the socket's own timeout looks the
 * same, hence the clock. */
static ssize_t receive_some(const struct wire *wire, void *bytes, size_t size)
{
    if (!wire->session)
        return recv(wire->fd, bytes, size, 0);
    double end = lip_now() + PATIENCE;
    ssize_t n;
    do {
        n = gnutls_record_recv(wire->session, bytes, size);
    } while ((n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) &&
             lip_now() < end);
    return n;
}

/* -1: no answer; 0: the good one; 1: another. */
static int exchange(const struct wire *wire)
{
    char answer[sizeof good];
    size_t got = 0;
    if (send_some(wire, request, sizeof request - 1) < 0)
        return -1;
    while (got < sizeof good - 1) {
        ssize_t n = receive_some(wire, answer + got, sizeof good - 1 - got);
        if (n <= 0)
            return -1;
        got += (size_t)n;
    }
    return memcmp(answer, good, sizeof good - 1) ? 1 : 0;
}

/* Whoever answers there is believed, as over plain HTTP: nothing secret is
 * sent, and a certificate that has ended is not mended by the restart that a
 * failed probe leads to. */
static int exchange_sealed(int fd)
{
    struct wire wire = {.fd = fd};
    gnutls_certificate_credentials_t trust = NULL;
    int result = -1;
    errno = EPROTO;
    if (gnutls_init(&wire.session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL))
        return -1;
    if (gnutls_certificate_allocate_credentials(&trust) ||
        gnutls_set_default_priority(wire.session) ||
        gnutls_credentials_set(wire.session, GNUTLS_CRD_CERTIFICATE, trust))
        goto out;
    gnutls_transport_set_int(wire.session, fd);
    gnutls_handshake_set_timeout(wire.session, PATIENCE * 1000);
    int error;
    do {
        error = gnutls_handshake(wire.session);
    } while (error < 0 && error != GNUTLS_E_AGAIN &&
             !gnutls_error_is_fatal(error));
    if (!error)
        result = exchange(&wire);

out:
    gnutls_deinit(wire.session);
    if (trust)
        gnutls_certificate_free_credentials(trust);
    return result;
}

/* Who listens on every address is reached on the loopback one: a connect to
 * the wildcard address goes there on Linux. */
static int ask(int fd, const struct lipd_address *address, bool tls)
{
    struct timeval limit = {.tv_sec = PATIENCE};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)&address->storage, address->size))
        return -1;
    struct wire plain = {.fd = fd};
    return tls ? exchange_sealed(fd) : exchange(&plain);
}

static int probe(const char *listen, bool tls, char *complaint,
                 size_t complaint_size)
{
    struct lipd_address address;
    if (!lipd_address_read(&address, listen, complaint, complaint_size))
        return 1;
    int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = fd < 0 ? -1 : ask(fd, &address, tls);
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

int lipd_probe(const struct lipd_config *config, char *complaint,
               size_t complaint_size)
{
    bool works =
        !strcmp(config->role, "work") || lipd_owner_is_worker(config->data_dir);
    if (!works)
        return probe(config->listen, *config->tls_certificate, complaint,
                     complaint_size);
    if (lipd_owner_is_alive(config->data_dir, LIPD_OWNER_PATIENCE))
        return 0;
    snprintf(complaint, complaint_size, "No worker is alive in %s.",
             config->data_dir);
    return 1;
}
