/* SPDX-License-Identifier: MIT
 *
 * What travels with a library call: where a failure is recorded, whose memory
 * is spent, who hears of progress and when to stop. One context serves one
 * thread at a time. */
#ifndef LIP_BASE_CONTEXT_H
#define LIP_BASE_CONTEXT_H

#include "base/memory.h"
#include "base/status.h"

#include <stdarg.h>
#include <stdbool.h>

/* What kind of place `where` of an error names. */
enum lip_place {
    LIP_NOWHERE = 0,
    LIP_AT_POINTER, /* JSON pointer (RFC 6901): "/layers/2/weight/0/7" */
    LIP_AT_TENSOR,  /* tensor name in a model file: "fc1.weight" */
    LIP_AT_LAYER,   /* layer number, counted from 0: "3" */
    LIP_AT_BYTE     /* byte offset in the input: "1048576" */
};

/* The first failure of a call: one sentence for a person (what is wrong, what
 * to change) and the place in the input it speaks of. */
struct lip_error {
    enum lip_status status;
    char detail[640];
    enum lip_place place;
    char where[200];
};

/* State of a long computation. `best` is the best proven upper bound so far,
 * `floor` a proven lower bound of what it can become: the gap that is left.
 * Both NaN where there is none. */
struct lip_progress {
    const char *phase;
    double done, total;
    double best, floor;
};

/* Returns false to ask the computation to stop. A call that was allowed
 * several threads may ask from any of them, one at a time. */
typedef bool lip_progress_fn(void *arg, const struct lip_progress *progress);

struct lip_ctx {
    struct lip_error error;
    struct lip_budget *budget; /* NULL: memory is not limited */
    lip_progress_fn *progress; /* NULL: nobody listens */
    void *progress_arg;
    double deadline;  /* lip_now() at which to stop; 0: never */
    unsigned threads; /* that a call may use; 0 and 1: the caller's only.
                       * Results do not depend on it. */
};

/* Records a failure, unless one is recorded already, and returns `status`, so
 * that `return lip_fail(ctx, LIP_INVALID, "...")` reads as one step. The text
 * is cut at the record's size; control characters in it become '?'. ctx may
 * be NULL. */
enum lip_status lip_fail(struct lip_ctx *ctx, enum lip_status status,
                         const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with the place of the fault. */
enum lip_status lip_fail_at(struct lip_ctx *ctx, enum lip_status status,
                            enum lip_place place, const char *where,
                            const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Forgets a recorded failure. */
void lip_error_clear(struct lip_ctx *ctx);

/* Seconds of the monotonic clock. */
double lip_now(void);

/* To be called at least every ~50 ms of work: LIP_OK to go on, LIP_TIMEOUT
 * past the deadline, LIP_CANCELLED where the listener said stop. Both of the
 * latter record the error. `best` is a proven upper bound or NaN. */
enum lip_status lip_tick(struct lip_ctx *ctx, const char *phase, double done,
                         double total, double best);

/* The same, from a filled record. */
enum lip_status lip_report(struct lip_ctx *ctx,
                           const struct lip_progress *progress);

#endif
