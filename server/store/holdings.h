/* SPDX-License-Identifier: MIT
 *
 * Who keeps which models and data sets. Files are named by digests, so that the
 * same model of two tenants is one file; what a tenant may see is what it
 * holds, not what is there. A file that nobody holds any more is removed. All
 * calls may come from any thread; what returned true survives the loss of the
 * process. */
#ifndef LIPD_STORE_HOLDINGS_H
#define LIPD_STORE_HOLDINGS_H

#include "api/problem.h"
#include "base/digest.h"
#include "server/request.h"

#include <stdbool.h>
#include <stddef.h>

enum lipd_thing { LIPD_MODEL, LIPD_DATASET, LIPD_THINGS };

struct lipd_holding {
    enum lipd_thing thing;
    char id[LIP_DIGEST_TEXT];
    char tenant[LIPD_TENANT];
    size_t bytes;
    double created; /* seconds since 1970: when this tenant came to hold it */
    double used;    /* when it was last used; noted now and then */
};

/* What a tenant is to hold. */
struct lipd_wish {
    enum lipd_thing thing;
    const char *id, *tenant;
    size_t bytes;
    bool shared;     /* its file must be among the blobs of the same store */
    size_t most;     /* bytes of both things of the tenant; 0: any */
    size_t most_all; /* bytes of this thing, whoever's; 0: any */
    /* Idempotency-Key of the request and digest of what it says; NULL: none. */
    const char *key, *digest;
};

enum lipd_fate {
    LIPD_HELD,        /* it is held now */
    LIPD_GONE,        /* there is no such file among the blobs; nothing done */
    LIPD_TENANT_FULL, /* the limits do not allow it; nothing done */
    LIPD_ALL_FULL,
    LIPD_KEY_USED, /* the same request came before; nothing done */
    LIPD_KEY_TAKEN /* the key came with another request; nothing done */
};

struct lipd_held {
    enum lipd_fate fate;
    bool fresh; /* the tenant did not hold it before; KEY_USED: did not then */
    size_t bytes; /* of *_FULL: what is held already */
};

/* A use that is to be noted. */
struct lipd_use {
    char id[LIP_DIGEST_TEXT];
    char tenant[LIPD_TENANT];
    bool by_all; /* whoever holds it has used it */
    double when;
};

/* Keys are forgotten after a day, and a tenant's oldest where there are more
 * than these. */
enum { LIPD_KEYS = 10000, LIPD_KEY_SECONDS = 86400 };

struct lipd_holdings;

/* Functions that fail return false with the problem: STORAGE_FULL, INTERNAL, or
 * as said. */
struct lipd_holdings_ops {
    /* Decides on a wish, as one step however many ask at once, here and on
     * other machines. One that the tenant holds already stays as it is. */
    bool (*hold)(struct lipd_holdings *holdings, struct lipd_held *out,
                 const struct lipd_wish *wish, struct api_problem *problem);
    /* The holding of a tenant (NULL: anybody's oldest). False where there is
     * none, and where that cannot be found out: out->thing is LIPD_THINGS
     * then. */
    bool (*holds)(struct lipd_holdings *holdings, struct lipd_holding *out,
                  enum lipd_thing thing, const char *id, const char *tenant);
    /* Lets go, a tenant of NULL for all; *last: nobody holds it any more, and
     * the blob of it is gone with the same step. NOT_FOUND. */
    bool (*let_go)(struct lipd_holdings *holdings, enum lipd_thing thing,
                   const char *id, const char *tenant, bool *last,
                   struct api_problem *problem);
    /* The blob goes where nobody holds it: *last. */
    bool (*sweep)(struct lipd_holdings *holdings, enum lipd_thing thing,
                  const char *id, bool *last, struct api_problem *problem);
    /* What became of an Idempotency-Key: HELD: it is not known. */
    bool (*key)(struct lipd_holdings *holdings, struct lipd_held *out,
                const char *tenant, const char *key, const char *digest,
                struct api_problem *problem);
    /* Bytes of each thing that a tenant (NULL: all, files held twice counted
     * once) holds. */
    bool (*bytes)(struct lipd_holdings *holdings, const char *tenant,
                  size_t bytes[LIPD_THINGS], struct api_problem *problem);
    /* Up to `most` of a tenant (NULL: each once, whoever holds it), in the
     * order of their ids, after the id `after` ("": from the first). */
    bool (*list)(struct lipd_holdings *holdings, enum lipd_thing thing,
                 const char *tenant, const char *after,
                 struct lipd_holding *out, size_t *count, size_t most,
                 struct api_problem *problem);
    /* The same in the order of their last use, oldest first, after the first
     * `skip`. */
    bool (*stale)(struct lipd_holdings *holdings, enum lipd_thing thing,
                  const char *tenant, size_t skip, struct lipd_holding *out,
                  size_t *count, size_t most, struct api_problem *problem);
    /* Notes uses of models, no earlier than what is noted. */
    bool (*touch)(struct lipd_holdings *holdings, const struct lipd_use *use,
                  size_t count, struct api_problem *problem);
    void (*close)(struct lipd_holdings *holdings);
};

struct lipd_holdings {
    const struct lipd_holdings_ops *ops;
};

/* The kind of its blobs. */
const char *lipd_thing_kind(enum lipd_thing thing);

/* SQLite, in DIRECTORY/holdings.sqlite. NULL with a sentence. */
struct lipd_holdings *lipd_holdings_sqlite(const char *directory,
                                           char *complaint,
                                           size_t complaint_size);

#endif
