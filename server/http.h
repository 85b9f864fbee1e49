/* SPDX-License-Identifier: MIT
 *
 * HTTP. Two threads move bytes and nothing else: they read requests, answer
 * the light ones, hand the heavy ones to the queue and send the answers. The
 * HTTP library is known to http.c alone. */
#ifndef LIPD_HTTP_H
#define LIPD_HTTP_H

#include "server/service.h"

struct lipd_http;

/* Serves on a listening socket, which it takes; with TLS where the service has
 * keys. NULL where it cannot start. */
struct lipd_http *lipd_http_start(struct lipd_service *service, int listener);

/* Waits until no connection waits to be accepted, at most so long. */
void lipd_http_take_waiting(struct lipd_http *http, double seconds);

/* Requests that were begun and whose answer is not out yet. */
size_t lipd_http_in_flight(struct lipd_http *http);

/* Those of them that someone else has now: they are queued, computed, or wait
 * for news. */
size_t lipd_http_with_workers(struct lipd_http *http);

/* Closes every connection and ends the threads. No request may be with a
 * worker: the library aborts the process when it is stopped with a suspended
 * connection. */
void lipd_http_stop(struct lipd_http *http);

#endif
