/* SPDX-License-Identifier: MIT
 *
 * One request as the handlers see it: what was asked and the answer to be.
 * Nothing here knows the HTTP library. */
#ifndef LIPD_REQUEST_H
#define LIPD_REQUEST_H

#include "api/bound.h"
#include "api/problem.h"
#include "api/text.h"
#include "network/tensor.h"
#include "server/quota.h"
#include "server/spool.h"
#include "server/trace.h"

#include <stdatomic.h>
#include <stdbool.h>

struct lipd_route;
struct lipd_service;

enum {
    LIPD_REQUEST_ID = 64 + 1,
    LIPD_TENANT = 64 + 1,
    LIPD_ARGUMENT = 128,
    LIPD_ETAG = 40,
    LIPD_ANSWER_MAX = 64 << 20 /* bytes */
};

/* A body that is made while it goes out. It belongs to one side at a time: to
 * the connection from resume() until it calls wait(), to its maker from then
 * until he calls resume(). Memory is the maker's. */
struct lipd_stream {
    const char *data; /* goes out next */
    size_t size;
    bool over;   /* nothing comes after that */
    bool broken; /* the connection is to be cut off here */
    /* Everything is out: make more and call resume, from any thread; it may be
     * called before this returns. */
    void (*wait)(struct lipd_stream *stream);
    /* Called by the sweeper, to return at once, while the maker has the stream
     * or just gave it back: the client left, resume soon. */
    void (*leave)(struct lipd_stream *stream);
    void (*free)(struct lipd_stream *stream);
    /* For the connection. */
    void (*resume)(struct lipd_stream *stream);
    void *connection;
};

struct lipd_reply {
    int status; /* 0: none yet */
    const char *media_type;
    const char *data;
    char *owned; /* lip_alloc memory behind data, or NULL */
    size_t size;
    struct lipd_stream *stream; /* NULL: the body is `data` */
    unsigned retry_after;       /* seconds; 0: no header */
    char allow[64];             /* "": no header */
    char location[LIP_DIGEST_TEXT + 16];
    char file_name[64];   /* to be saved under this; "": no file */
    char etag[LIPD_ETAG]; /* "": none; the next as well */
    char content_range[80];
    bool ranges;         /* parts can be asked for */
    const char *caching; /* Cache-Control; NULL: as is right for the route */
    char preference[24]; /* of Prefer, that was heeded; "": none */
    char age[12];        /* "": no header; the next as well */
    char cache_status[40];
    bool close; /* the connection ends with this answer */
};

struct lipd_request {
    struct lipd_service *service;
    const struct lipd_route *route;
    char id[LIPD_REQUEST_ID];
    struct lipd_trace trace;
    /* Whose request it is; "": of a daemon without tokens. What one tenant
     * keeps, no other sees. */
    char tenant[LIPD_TENANT];
    bool sees_all;                /* an administrator */
    struct lipd_quota quota;      /* its token's */
    char argument[LIPD_ARGUMENT]; /* what stands for {id} in the path */
    struct api_query query;
    const char *content_type; /* NULL: not sent; the next four as well */
    const char *last_event_id, *idempotency_key, *prefer;
    const char *cache_control;
    const char *origin; /* of the page that asks; NULL: not sent, or twice */
    bool preflight;     /* a browser asks what that page may send */
    /* NULL: not sent, or twice. */
    const char *if_none_match, *range, *if_range;
    bool head_only;               /* HEAD */
    struct lip_buffer *body;      /* NULL: none, or it is a data set */
    struct lipd_upload upload;    /* the body where it went to the disk */
    char opened[LIP_DIGEST_TEXT]; /* a model that stays there; "": none */
    /* Everything that is allocated for this request, the answer too. */
    struct lip_budget budget;
    struct lip_ctx *ctx; /* of the thread that runs the handler */
    struct lipd_reply reply;
    size_t reserved;        /* bytes booked with the queue's gate */
    size_t memory_most;     /* how far meter.h lets the budget grow */
    bool no_room;           /* it was the gate that did not */
    _Atomic bool abandoned; /* nobody waits for the answer any more */
    double queued;          /* lip_now() when it went to the queue */
    /* Called when the reply is ready, by the worker or whoever it was parked
     * with; the request may be gone when it returns. */
    void (*finish)(struct lipd_request *request);
    void (*park)(struct lipd_request *request);
    void *connection; /* for finish and park */
    bool *parked;     /* the worker's; see lipd_request_park */
    void (*leave)(struct lipd_request *request);
    void *own; /* what a parked handler keeps */
};

/* For a handler that does not want to hold its worker up: someone else is going
 * to fill the reply and call finish, once. The worker leaves the request alone
 * from here on, and the handler must too once it has handed it over; its ctx is
 * gone. `leave` is called, perhaps more than once, where the client left, by
 * the sweeper, to return at once: the reply should come soon then. */
void lipd_request_park(struct lipd_request *request,
                       void (*leave)(struct lipd_request *request));

/* What it may use: what the daemon grants everybody, or its token where that is
 * less. Bytes, seconds, and (0: no limit) operations of one method. */
size_t lipd_request_memory(const struct lipd_request *request);
double lipd_request_seconds(const struct lipd_request *request);
double lipd_request_flops(const struct lipd_request *request);

/* Takes the client's id where it is 1 to 64 characters out of letters, digits
 * and "-_.:+/=", or makes one of 16 hexadecimal digits. */
void lipd_request_id(char out[LIPD_REQUEST_ID], const char *offered);

/* Answers with bytes that outlive the request. */
void lipd_reply_static(struct lipd_request *request, int status,
                       const char *media_type, const char *data, size_t size);

/* Answers with lip_alloc memory, taken. NULL answers 500, as the only way to
 * get there is that memory ran out. */
void lipd_reply_take(struct lipd_request *request, int status,
                     const char *media_type, char *data, size_t size);

/* Answers 200 with a stream, which is taken. */
void lipd_reply_stream(struct lipd_request *request, const char *media_type,
                       struct lipd_stream *stream);

/* Answers with a finished JSON text. */
void lipd_reply_json(struct lipd_request *request, int status,
                     struct api_text *text);

/* Answers with a problem document, over any earlier answer. */
void lipd_reply_problem(struct lipd_request *request,
                        const struct api_problem *problem);

/* The same from a code and a sentence. */
void lipd_reply_fail(struct lipd_request *request, enum api_problem_code code,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Frees the answer's memory and lets go of the body. */
void lipd_request_clear(struct lipd_request *request);

#endif
