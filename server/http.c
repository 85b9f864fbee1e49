/* SPDX-License-Identifier: MIT
 *
 * The adapter to libmicrohttpd 0.9.75. What it rests on, each measured and
 * each with a test in tests/e2e or tests/http:
 *
 * - an answer queued in the first callback (head only) is sent at once, the
 *   upload is not read and the connection ends: all refusals are made there;
 * - an answer cannot be queued while an upload is under way: what goes wrong
 *   then is answered at its end, or the connection is cut;
 * - the parser takes two Content-Length fields, or one beside chunked, folded
 *   lines (badly: see intact.h) and lines that end with a bare LF;
 * - it answers by itself, in HTML, what it cannot read at all; tests/http lists
 *   what that is;
 * - a chunked answer to HEAD has the end of the chunks that are not sent;
 * - a connection is suspended while a worker has its request: the library
 *   then neither times it out nor notices that the client left (watch.c does);
 * - the same while whoever makes a stream has nothing to send: suspending in
 *   the content reader and returning 0 is allowed (returning 0 alone makes the
 *   library ask again at once, for ever), and the maker may resume before the
 *   reader has returned;
 * - stopping with a suspended connection aborts the process;
 * - MHD_quiesce_daemon and the threads of the pool may both take the listener
 *   out of an epoll set, and the one that comes second panics (read in its
 *   source, seen by TSan). So the listener stays open to the end, which also
 *   lets new connections see that we are not ready any more. */
#include "server/http.h"

#include "server/account.h"
#include "server/admit.h"
#include "server/answer_fields.h"
#include "server/intact.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/routes.h"
#include "server/target.h"
#include "server/tls.h"
#include "server/watch.h"

#include <math.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes of a stream that the library takes at a time. */
enum { IO_THREADS = 2, STREAM_BLOCK = 16384 };

struct lipd_http {
    struct lipd_service *service;
    struct MHD_Daemon *daemon;
    struct lipd_watch *watch;
    _Atomic size_t in_flight;
    _Atomic size_t suspended;
};

/* One connection, as the library keeps it for us. */
struct link {
    struct lipd_connection *watched;
    struct lipd_tls_link *tls; /* NULL: plain */
};

/* One request with what the library and its upload need. */
struct exchange {
    struct lipd_request request;
    struct lipd_http *http;
    struct MHD_Connection *mhd;
    struct lipd_connection *connection;
    struct lipd_head head;
    struct lipd_intact intact;
    struct lipd_framing framing;
    struct lipd_body_state body;
    double began;
    bool submitted; /* to a queue */
    bool held;      /* counted as suspended */
    char path[256]; /* for the log */
};

/* --- answering */

static void add_header(void *response, const char *name, const char *value)
{
    MHD_add_response_header(response, name, value);
}

/* The connection is someone else's from here on, who may resume it at once. */
static void suspend(struct exchange *exchange)
{
    MHD_suspend_connection(exchange->mhd);
    atomic_fetch_add(&exchange->http->suspended, 1);
    exchange->held = true;
}

/* It is ours again. A client that left is seen by the library before it asks
 * for anything: then the end of the request is the first we hear. */
static void take_back(struct exchange *exchange)
{
    if (exchange->held)
        atomic_fetch_sub(&exchange->http->suspended, 1);
    exchange->held = false;
}

static double reply_deadline(const struct exchange *exchange)
{
    return lip_now() + exchange->http->service->config->reply_timeout;
}

/* --- streams */

static void resume_stream(struct lipd_stream *stream)
{
    MHD_resume_connection(((struct exchange *)stream->connection)->mhd);
}

static void leave_stream(struct lipd_request *request)
{
    request->reply.stream->leave(request->reply.stream);
}

static bool wait_for_stream(struct exchange *exchange)
{
    struct lipd_request *request = &exchange->request;
    struct lipd_stream *stream = request->reply.stream;
    if (!lipd_connection_enter(exchange->connection, LIPD_WAITING, 0, request))
        return false;
    suspend(exchange);
    stream->wait(stream);
    return true;
}

/* The library wants bytes to send: what it was given before is out. */
static ssize_t read_stream(void *arg, uint64_t position, char *out, size_t room)
{
    struct exchange *exchange = arg;
    struct lipd_reply *reply = &exchange->request.reply;
    struct lipd_stream *stream = reply->stream;
    (void)position;
    take_back(exchange);
    if (stream->broken)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (!stream->size && stream->over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (!stream->size)
        return wait_for_stream(exchange) ? 0
                                         : MHD_CONTENT_READER_END_WITH_ERROR;
    if (!lipd_connection_enter(exchange->connection, LIPD_STREAMING,
                               reply_deadline(exchange), &exchange->request))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t size = stream->size < room ? stream->size : room;
    memcpy(out, stream->data, size);
    stream->data += size;
    stream->size -= size;
    reply->size += size;
    return (ssize_t)size;
}

static struct MHD_Response *new_response(struct exchange *exchange)
{
    const struct lipd_reply *reply = &exchange->request.reply;
    /* The bytes stay the request's until the library says it is through. */
    if (!reply->stream)
        return MHD_create_response_from_buffer(reply->size,
                                               (void *)(uintptr_t)reply->data,
                                               MHD_RESPMEM_PERSISTENT);
    reply->stream->connection = exchange;
    reply->stream->resume = resume_stream;
    exchange->request.leave = leave_stream;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, exchange, NULL);
    /* The library ends a chunked body that HEAD does not send. */
    if (response && !strcmp(exchange->head.method, "HEAD"))
        MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY,
                                 MHD_RO_END);
    return response;
}

static enum MHD_Result send_reply(struct exchange *exchange)
{
    const struct lipd_reply *reply = &exchange->request.reply;
    if (!lipd_connection_enter(exchange->connection, LIPD_REPLYING,
                               reply_deadline(exchange), NULL))
        return MHD_NO;
    struct MHD_Response *response = new_response(exchange);
    if (!response)
        return MHD_NO;
    lipd_answer_fields(&exchange->request, add_header, response);
    enum MHD_Result result =
        MHD_queue_response(exchange->mhd, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* Refuses a request at its head. An answer queued now ends the connection, so
 * that a request without a body is answered by the next callback instead. */
static enum MHD_Result refuse(struct exchange *exchange,
                              const struct api_problem *problem)
{
    bool unread = exchange->framing.form != LIPD_BODY_NONE;
    exchange->request.reply.close |= unread;
    lipd_reply_problem(&exchange->request, problem);
    if (!exchange->request.reply.close)
        return MHD_YES;
    lipd_connection_linger(exchange->connection);
    return send_reply(exchange);
}

/* --- the head */

static enum MHD_Result take_field(void *arg, enum MHD_ValueKind kind,
                                  const char *name, size_t name_size,
                                  const char *value, size_t value_size)
{
    struct exchange *exchange = arg;
    (void)kind;
    lipd_intact_field(&exchange->intact, name, name_size, value, value_size);
    lipd_head_add(&exchange->head, name, name_size, value, value_size);
    return MHD_YES;
}

static enum MHD_Result take_argument(void *arg, enum MHD_ValueKind kind,
                                     const char *name, size_t name_size,
                                     const char *value, size_t value_size)
{
    struct api_query *query = &((struct exchange *)arg)->request.query;
    (void)kind;
    (void)name_size;
    (void)value_size;
    if (query->count < API_MAX_QUERY) {
        query->item[query->count].name = name;
        query->item[query->count].value = value ? value : "";
    }
    query->count++;
    return MHD_YES;
}

/* The time that a fast start grants is not to be spent in silence. */
static double body_deadline(const struct exchange *exchange)
{
    const struct lipd_config *config = exchange->http->service->config;
    double granted = (double)exchange->body.arrived / (double)config->body_rate;
    return fmin(exchange->began + granted, lip_now()) + config->body_timeout;
}

static struct exchange *new_exchange(struct lipd_http *http,
                                     struct MHD_Connection *mhd)
{
    struct exchange *exchange = lip_calloc(NULL, 1, sizeof *exchange);
    if (!exchange)
        return NULL;
    struct lipd_request *request = &exchange->request;
    request->service = http->service;
    lip_budget_init(&request->budget, http->service->max_request_memory);
    exchange->http = http;
    exchange->mhd = mhd;
    exchange->began = lip_now();
    const struct link *link =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
            ->socket_context;
    exchange->connection = link ? link->watched : NULL;
    atomic_fetch_add(&http->in_flight, 1);
    lipd_metric_add(LIPD_IN_FLIGHT, 0, 1);
    return exchange;
}

/* Two of a field are none: who knows which is meant. */
static const char *only(const char *value, unsigned count)
{
    return count == 1 ? value : NULL;
}

/* The first callback of a request. */
static enum MHD_Result begin(struct lipd_http *http, struct MHD_Connection *mhd,
                             const char *path, const char *method,
                             const char *version, void **slot)
{
    struct exchange *exchange = *slot = new_exchange(http, mhd);
    if (!exchange || !exchange->connection)
        return MHD_NO;
    struct lipd_request *request = &exchange->request;
    struct api_problem problem;
    exchange->head.path = lipd_target_path(path);
    exchange->head.method = method;
    exchange->head.version = version;
    snprintf(exchange->path, sizeof exchange->path, "%s", path);
    lipd_intact_begin(&exchange->intact, version);
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, take_field, exchange);
    exchange->head.torn = !lipd_intact_whole(&exchange->intact);
    MHD_get_connection_values_n(mhd, MHD_GET_ARGUMENT_KIND, take_argument,
                                exchange);
    request->content_type = exchange->head.content_type.value;
    request->last_event_id = exchange->head.last_event_id.value;
    request->idempotency_key = exchange->head.idempotency_key.value;
    request->prefer = exchange->head.prefer.value;
    request->if_none_match = only(exchange->head.if_none_match.value,
                                  exchange->head.if_none_match.count);
    request->range =
        only(exchange->head.range.value, exchange->head.range.count);
    request->if_range =
        only(exchange->head.if_range.value, exchange->head.if_range.count);
    request->head_only = !strcmp(method, "HEAD");
    request->cache_control = exchange->head.cache_control.value;
    if (exchange->head.origin.count == 1)
        request->origin = exchange->head.origin.value;
    request->preflight = exchange->head.preflight.count > 0;
    lipd_request_id(request->id, exchange->head.request_id.value);
    /* Two of them are none: who knows which trace it is. */
    if (exchange->head.traceparent.count == 1)
        lipd_trace_read(&request->trace, exchange->head.traceparent.value);
    if (!lipd_admit(request, &exchange->head, &exchange->framing,
                    &exchange->body, &problem))
        return refuse(exchange, &problem);
    if (exchange->framing.form != LIPD_BODY_NONE &&
        !lipd_connection_enter(exchange->connection, LIPD_READING_BODY,
                               body_deadline(exchange), request))
        return MHD_NO;
    return MHD_YES;
}

/* --- the body and the work */

static enum MHD_Result take_body(struct exchange *exchange, const char *bytes,
                                 size_t *size)
{
    lipd_metric_add(LIPD_RECEIVED, 0, (int64_t)*size);
    lipd_metric_add(LIPD_IN_FLIGHT_BYTES, 0, (int64_t)*size);
    bool go_on =
        lipd_body_add(&exchange->body, &exchange->request, bytes, *size);
    *size = 0;
    return go_on && lipd_connection_enter(
                        exchange->connection, LIPD_READING_BODY,
                        body_deadline(exchange), &exchange->request)
               ? MHD_YES
               : MHD_NO;
}

/* On the thread that has the request, when the answer is ready. */
static void resume(struct lipd_request *request)
{
    MHD_resume_connection(((struct exchange *)request->connection)->mhd);
}

static void park(struct lipd_request *request)
{
    struct exchange *exchange = request->connection;
    lipd_connection_enter(exchange->connection, LIPD_WAITING, 0, request);
}

static enum MHD_Result submit(struct exchange *exchange)
{
    struct lipd_request *request = &exchange->request;
    struct lipd_queue *queue = lipd_service_queue(
        request->service, request->route->weight == LIPD_DISK);
    struct MHD_Connection *mhd = exchange->mhd;
    if (!lipd_connection_enter(exchange->connection, LIPD_WORKING, 0, request))
        return MHD_NO;
    request->connection = exchange;
    request->finish = resume;
    request->park = park;
    request->queued = lip_now();
    exchange->submitted = true;
    suspend(exchange);
    if (lipd_queue_push(queue, request))
        return MHD_YES;
    lipd_metric_add(LIPD_REJECTS, LIPD_REJECT_QUEUE, 1);
    struct api_problem problem;
    lipd_queue_refuse(queue, &problem);
    lipd_reply_problem(request, &problem);
    MHD_resume_connection(mhd);
    return MHD_YES;
}

/* The request is complete. */
static enum MHD_Result serve(struct exchange *exchange)
{
    struct lipd_request *request = &exchange->request;
    struct api_problem problem;
    if (!lipd_body_end(&exchange->body, request, &problem)) {
        lipd_reply_problem(request, &problem);
        return send_reply(exchange);
    }
    if (request->route->weight != LIPD_LIGHT)
        return submit(exchange);
    struct lip_ctx ctx = {.budget = &request->budget};
    request->ctx = &ctx;
    request->route->handle(request);
    request->ctx = NULL;
    return send_reply(exchange);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *mhd,
                              const char *path, const char *method,
                              const char *version, const char *bytes,
                              size_t *size, void **slot)
{
    struct exchange *exchange = *slot;
    if (!exchange)
        return begin(arg, mhd, path, method, version, slot);
    /* No bytes of a body: another request, after one that expects 100. */
    if (bytes)
        return *size ? take_body(exchange, bytes, size) : MHD_YES;
    take_back(exchange);
    if (!exchange->submitted && !exchange->request.reply.status)
        return serve(exchange);
    return send_reply(exchange);
}

/* --- the end of a request */

static void completed(void *arg, struct MHD_Connection *mhd, void **slot,
                      enum MHD_RequestTerminationCode code)
{
    struct lipd_http *http = arg;
    struct exchange *exchange = *slot;
    (void)mhd;
    if (!exchange)
        return;
    *slot = NULL;
    take_back(exchange);
    if (exchange->connection)
        lipd_connection_enter(exchange->connection, LIPD_READING_HEAD,
                              lip_now() + http->service->config->header_timeout,
                              NULL);
    struct lipd_account account = {
        .request = &exchange->request,
        .path = exchange->path,
        .received = exchange->body.arrived,
        .seconds = lip_now() - exchange->began,
        .complete = code == MHD_REQUEST_TERMINATED_COMPLETED_OK};
    lipd_account_log(&account);
    lipd_account_count(&account);
    lipd_body_clear(&exchange->body);
    lipd_request_clear(&exchange->request);
    lipd_queue_release(&http->service->queue, exchange->request.reserved);
    lip_free(exchange);
    lipd_metric_add(LIPD_IN_FLIGHT, 0, -1);
    atomic_fetch_sub(&http->in_flight, 1);
}

/* --- the daemon */

static int descriptor(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)
        ->connect_fd;
}

/* Before the handshake, where there is one. The session has got credentials of
 * the library's own, which lead nowhere (see lipd_tls_no_keys). */
static bool begin_tls(struct link *link, struct lipd_http *http,
                      struct MHD_Connection *mhd)
{
    if (!http->service->tls)
        return true;
    lipd_connection_seal(link->watched);
    link->tls = lipd_tls_take(
        http->service->tls,
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)
            ->tls_session);
    return link->tls;
}

static struct link *new_link(struct lipd_http *http, struct MHD_Connection *mhd)
{
    int fd = descriptor(mhd);
    struct link *link = lip_calloc(NULL, 1, sizeof *link);
    if (link)
        link->watched = lipd_watch_add(
            http->watch, fd, lip_now() + http->service->config->header_timeout);
    if (link && link->watched && begin_tls(link, http, mhd))
        return link;
    shutdown(fd, SHUT_RDWR);
    return link;
}

/* The library has done with the session of TLS. */
static void free_link(struct lipd_http *http, struct link *link)
{
    if (!link)
        return;
    if (link->watched)
        lipd_watch_remove(http->watch, link->watched);
    lipd_tls_put(link->tls);
    lip_free(link);
}

static void connection_changed(void *arg, struct MHD_Connection *mhd,
                               void **slot,
                               enum MHD_ConnectionNotificationCode code)
{
    struct lipd_http *http = arg;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *slot = new_link(http, mhd);
        lipd_metric_add(LIPD_CONNECTIONS, 0, 1);
    } else {
        free_link(http, *slot);
        lipd_metric_add(LIPD_CONNECTIONS, 0, -1);
    }
}

static size_t unescape(void *arg, struct MHD_Connection *mhd, char *text)
{
    (void)arg;
    (void)mhd;
    return lipd_target_decode(text);
}

static void library_log(void *arg, const char *format, va_list args)
{
    char text[512];
    (void)arg;
    if (!lipd_log_on(LIPD_DEBUG))
        return;
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    lipd_log(LIPD_DEBUG, "http", "%s", text);
}

static void library_panic(void *arg, const char *file, unsigned line,
                          const char *reason)
{
    (void)arg;
    lipd_log(LIPD_ERROR, "panic", "libmicrohttpd %s:%u: %s", file, line,
             reason ? reason : "");
    abort();
}

static struct MHD_Daemon *start_daemon(struct lipd_http *http, int listener)
{
    const struct lipd_config *config = http->service->config;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG |
                     MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)LIPD_TLS_PRIORITIES},
        {MHD_OPTION_HTTPS_CERT_CALLBACK2, 0,
         (void *)(uintptr_t)lipd_tls_no_keys},
        {MHD_OPTION_END, 0, NULL}};
    if (http->service->tls)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, answer, http, MHD_OPTION_EXTERNAL_LOGGER,
        library_log, NULL, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)IO_THREADS,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)config->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)config->connections_per_ip,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, config->header_memory,
        MHD_OPTION_CONNECTION_TIMEOUT, 0u, /* watch.c has the deadlines */
        MHD_OPTION_NOTIFY_COMPLETED, completed, http,
        MHD_OPTION_NOTIFY_CONNECTION, connection_changed, http,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_ARRAY,
        http->service->tls ? tls : &tls[2], MHD_OPTION_END);
}

struct lipd_http *lipd_http_start(struct lipd_service *service, int listener)
{
    struct lipd_http *http = lip_calloc(NULL, 1, sizeof *http);
    if (!http)
        return NULL;
    http->service = service;
    http->watch = lipd_watch_start();
    MHD_set_panic_func(library_panic, NULL);
    if (http->watch)
        http->daemon = start_daemon(http, listener);
    if (http->daemon)
        return http;
    lipd_watch_stop(http->watch);
    lip_free(http);
    return NULL;
}

void lipd_http_take_waiting(struct lipd_http *http, double seconds)
{
    int fd =
        MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    for (double end = lip_now() + seconds;
         lip_now() < end && poll(&waiting, 1, 0) > 0;)
        usleep(1000);
}

size_t lipd_http_in_flight(struct lipd_http *http)
{
    return atomic_load(&http->in_flight);
}

size_t lipd_http_with_workers(struct lipd_http *http)
{
    return atomic_load(&http->suspended);
}

void lipd_http_stop(struct lipd_http *http)
{
    if (!http)
        return;
    MHD_stop_daemon(http->daemon);
    lipd_watch_stop(http->watch);
    lip_free(http);
}
