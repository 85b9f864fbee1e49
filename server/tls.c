/* SPDX-License-Identifier: MIT
 *
 * Keys are counted references: a reload makes new ones, and the old go with the
 * last connection that began with them. */
#include "server/tls.h"

#include "base/context.h"
#include "server/file.h"
#include "server/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A chain of certificates; the first message of a client, which is one of a
 * stranger. */
enum { FILE_MAX_BYTES = 1 << 20, HANDSHAKE_MAX_BYTES = 16384 };

struct keys {
    size_t users; /* under the lock of their owner */
    gnutls_certificate_credentials_t credentials;
    gnutls_datum_t tickets; /* what seals them */
    int64_t expiry;
};

/* Tells one file from another that came in its place. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
    mode_t mode;
};

struct lipd_tls {
    const char *certificate, *key;
    pthread_mutex_t lock;
    struct keys *keys;
    struct stamp seen[2];
};

struct lipd_tls_link {
    struct lipd_tls *tls;
    struct keys *keys;
    int fd;
    bool done; /* the handshake */
};

/* --- files */

static struct stamp stamp_of(const char *path)
{
    struct stat status;
    struct stamp stamp;
    memset(&stamp, 0, sizeof stamp);
    if (stat(path, &status))
        return stamp;
    stamp.device = status.st_dev;
    stamp.inode = status.st_ino;
    stamp.size = status.st_size;
    stamp.changed = status.st_ctim;
    stamp.mode = status.st_mode;
    return stamp;
}

static bool is_other(const struct stamp *a, const struct stamp *b)
{
    return a->device != b->device || a->inode != b->inode ||
           a->size != b->size || a->changed.tv_sec != b->changed.tv_sec ||
           a->changed.tv_nsec != b->changed.tv_nsec;
}

/* With a zero behind it, in lip_alloc memory. */
static bool read_pem(gnutls_datum_t *out, const char *what, const char *path,
                     char *complaint, size_t complaint_size)
{
    struct lip_ctx ctx = {.budget = NULL};
    size_t size = 0;
    errno = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum lip_status status =
        fd < 0 ? LIP_MALFORMED
               : lipd_read_file(&out->data, &size, fd, FILE_MAX_BYTES, &ctx);
    if (status != LIP_OK)
        snprintf(complaint, complaint_size,
                 "%s %.200s cannot be read: %s; it must be a file of at most "
                 "%d bytes.",
                 what, path, errno ? strerror(errno) : "it is none",
                 FILE_MAX_BYTES);
    out->size = (unsigned)size;
    if (fd >= 0)
        lipd_close(fd);
    return status == LIP_OK;
}

static void wipe(gnutls_datum_t *bytes)
{
    if (bytes->data)
        explicit_bzero(bytes->data, bytes->size);
    lip_free(bytes->data);
    *bytes = (gnutls_datum_t){NULL, 0};
}

/* --- keys */

static void free_keys(struct keys *keys)
{
    if (!keys)
        return;
    if (keys->credentials)
        gnutls_certificate_free_credentials(keys->credentials);
    if (keys->tickets.data)
        gnutls_memset(keys->tickets.data, 0, keys->tickets.size);
    gnutls_free(keys->tickets.data);
    lip_free(keys);
}

static int64_t read_expiry(gnutls_certificate_credentials_t credentials)
{
    gnutls_x509_crt_t *chain = NULL;
    unsigned count = 0;
    int64_t expiry = 0;
    if (gnutls_certificate_get_x509_crt(credentials, 0, &chain, &count) < 0)
        return 0;
    if (count)
        expiry = (int64_t)gnutls_x509_crt_get_expiration_time(chain[0]);
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(chain[i]);
    gnutls_free(chain);
    return expiry;
}

/* Is every certificate of the chain one? GnuTLS leaks memory where it finds
 * that out by itself while it reads a chain (3.7.9). */
static int check_chain(const gnutls_datum_t *chain)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    char *at = strstr((char *)chain->data, begin);
    int error = at ? 0 : GNUTLS_E_NO_CERTIFICATE_FOUND;
    for (; at && !error; at = strstr(at + 1, begin)) {
        gnutls_datum_t rest = {.data = (unsigned char *)at};
        gnutls_x509_crt_t crt;
        rest.size = chain->size - (unsigned)(rest.data - chain->data);
        error = gnutls_x509_crt_init(&crt);
        if (error)
            break;
        error = gnutls_x509_crt_import(crt, &rest, GNUTLS_X509_FMT_PEM);
        gnutls_x509_crt_deinit(crt);
    }
    return error;
}

static struct keys *new_keys(const gnutls_datum_t *certificate,
                             const gnutls_datum_t *key, char *complaint,
                             size_t complaint_size)
{
    struct keys *keys = lip_calloc(NULL, 1, sizeof *keys);
    int error = keys ? check_chain(certificate) : GNUTLS_E_MEMORY_ERROR;
    if (!error)
        error = gnutls_certificate_allocate_credentials(&keys->credentials);
    if (!error)
        error = gnutls_certificate_set_x509_key_mem2(
            keys->credentials, certificate, key, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (error >= 0)
        error = gnutls_session_ticket_key_generate(&keys->tickets);
    if (error >= 0) {
        keys->users = 1;
        keys->expiry = read_expiry(keys->credentials);
        return keys;
    }
    snprintf(complaint, complaint_size,
             "The certificate and its key cannot be used: %s%s",
             gnutls_strerror(error),
             error == GNUTLS_E_DECRYPTION_FAILED
                 ? " The key must not need a password."
                 : "");
    free_keys(keys);
    return NULL;
}

static struct keys *read_keys(const struct lipd_tls *tls, char *complaint,
                              size_t complaint_size)
{
    gnutls_datum_t certificate = {NULL, 0}, key = {NULL, 0};
    struct keys *keys = NULL;
    if (read_pem(&certificate, "--tls-certificate", tls->certificate, complaint,
                 complaint_size) &&
        read_pem(&key, "--tls-key", tls->key, complaint, complaint_size))
        keys = new_keys(&certificate, &key, complaint, complaint_size);
    wipe(&certificate);
    wipe(&key);
    return keys;
}

static void drop(struct lipd_tls *tls, struct keys *keys)
{
    pthread_mutex_lock(&tls->lock);
    bool last = keys && !--keys->users;
    pthread_mutex_unlock(&tls->lock);
    if (last)
        free_keys(keys);
}

/* --- the daemon's */

struct lipd_tls *lipd_tls_open(const char *certificate, const char *key,
                               char *complaint, size_t complaint_size)
{
    struct lipd_tls *tls = lip_calloc(NULL, 1, sizeof *tls);
    if (!tls) {
        snprintf(complaint, complaint_size, "There is no memory for keys.");
        return NULL;
    }
    /* GnuTLS would write what it agrees on with clients to such a file. */
    unsetenv("SSLKEYLOGFILE");
    gnutls_global_set_log_level(0);
    tls->certificate = certificate;
    tls->key = key;
    pthread_mutex_init(&tls->lock, NULL);
    if (lipd_tls_reload(tls, complaint, complaint_size))
        return tls;
    lipd_tls_close(tls);
    return NULL;
}

bool lipd_tls_reload(struct lipd_tls *tls, char *complaint,
                     size_t complaint_size)
{
    /* Before they are read: a change meanwhile is a change. */
    tls->seen[0] = stamp_of(tls->certificate);
    tls->seen[1] = stamp_of(tls->key);
    struct keys *keys = read_keys(tls, complaint, complaint_size);
    if (!keys)
        return false;
    pthread_mutex_lock(&tls->lock);
    struct keys *before = tls->keys;
    tls->keys = keys;
    pthread_mutex_unlock(&tls->lock);
    drop(tls, before);
    lipd_metric_set(LIPD_TLS_EXPIRY, 0, keys->expiry);
    return true;
}

bool lipd_tls_changed(const struct lipd_tls *tls)
{
    struct stamp now[2] = {stamp_of(tls->certificate), stamp_of(tls->key)};
    return is_other(&now[0], &tls->seen[0]) || is_other(&now[1], &tls->seen[1]);
}

bool lipd_tls_key_is_open(const struct lipd_tls *tls)
{
    return tls->seen[1].mode & S_IROTH;
}

int64_t lipd_tls_expiry(struct lipd_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    int64_t expiry = tls->keys->expiry;
    pthread_mutex_unlock(&tls->lock);
    return expiry;
}

void lipd_tls_close(struct lipd_tls *tls)
{
    if (!tls)
        return;
    drop(tls, tls->keys);
    pthread_mutex_destroy(&tls->lock);
    lip_free(tls);
}

/* --- a connection's */

/* The client's last message of the handshake. */
static int note_end(gnutls_session_t session, unsigned type, unsigned when,
                    unsigned incoming, const gnutls_datum_t *message)
{
    struct lipd_tls_link *link = gnutls_db_get_ptr(session);
    (void)type;
    (void)when;
    (void)message;
    if (incoming && !link->done) {
        link->done = true;
        lipd_metric_add(LIPD_TLS_HANDSHAKES, 0, 1);
    }
    return 0;
}

/* While a handshake waits for its client, libmicrohttpd 0.9.75 asks for bytes
 * again and again without a pause (seen by strace): whoever sends one byte and
 * stops would keep a thread busy. So one of those who wait takes a rest in each
 * round, which bytes of its own end early. */
static void rest(const struct lipd_tls_link *link)
{
    enum { PAUSE = 1 /* milliseconds */ };
    static _Thread_local const struct lipd_tls_link *rests;
    static _Thread_local double woke;
    struct pollfd p = {.fd = link->fd, .events = POLLIN};
    if (rests != link && lip_now() < woke + 0.01)
        return;
    rests = link;
    poll(&p, 1, PAUSE);
    woke = lip_now();
}

static ssize_t pull(gnutls_transport_ptr_t arg, void *bytes, size_t size)
{
    const struct lipd_tls_link *link = arg;
    ssize_t n = recv(link->fd, bytes, size, 0);
    if (n < 0 && errno == EAGAIN && !link->done) {
        rest(link);
        errno = EAGAIN;
    }
    return n;
}

struct lipd_tls_link *lipd_tls_take(struct lipd_tls *tls,
                                    gnutls_session_t session)
{
    struct lipd_tls_link *link = lip_calloc(NULL, 1, sizeof *link);
    int on = 1;
    if (!link)
        return NULL;
    pthread_mutex_lock(&tls->lock);
    link->keys = tls->keys;
    link->keys->users++;
    pthread_mutex_unlock(&tls->lock);
    link->tls = tls;
    if (gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
                               link->keys->credentials) ||
        gnutls_session_ticket_enable_server(session, &link->keys->tickets)) {
        drop(tls, link->keys);
        lip_free(link);
        return NULL;
    }
    /* A handshake is many small writes. Each would wait for the client's word
     * that it has the one before, which clients take 40 ms for. */
    link->fd = gnutls_transport_get_int(session);
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    gnutls_transport_set_ptr2(session, link,
                              (gnutls_transport_ptr_t)(intptr_t)link->fd);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_handshake_set_max_packet_length(session, HANDSHAKE_MAX_BYTES);
    /* The pointer of a store of sessions, which there is not: the session's own
     * is the HTTP library's. */
    gnutls_db_set_ptr(session, link);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED,
                                       GNUTLS_HOOK_POST, note_end);
    return link;
}

void lipd_tls_put(struct lipd_tls_link *link)
{
    if (!link)
        return;
    if (!link->done)
        lipd_metric_add(LIPD_TLS_FAILURES, 0, 1);
    drop(link->tls, link->keys);
    lip_free(link);
}

int lipd_tls_no_keys(gnutls_session_t session,
                     const struct gnutls_cert_retr_st *info,
                     gnutls_pcert_st **certificates, unsigned *count,
                     gnutls_ocsp_data_st **staples, unsigned *staple_count,
                     gnutls_privkey_t *key, unsigned *flags)
{
    (void)session;
    (void)info;
    (void)certificates;
    (void)count;
    (void)staples;
    (void)staple_count;
    (void)key;
    (void)flags;
    return -1;
}
