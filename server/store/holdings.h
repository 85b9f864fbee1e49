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
};

struct lipd_holdings;

/* Functions that fail return false with the problem: STORAGE_FULL, INTERNAL, or
 * as said. */
struct lipd_holdings_ops {
    /* Notes that the tenant keeps it; one that is there stays as it is, and
     * *fresh tells. */
    bool (*hold)(struct lipd_holdings *holdings, enum lipd_thing thing,
                 const char *id, const char *tenant, size_t bytes, bool *fresh,
                 struct api_problem *problem);
    /* The holding of a tenant (NULL: anybody's oldest). False where there is
     * none, and where that cannot be found out: out->thing is LIPD_THINGS
     * then. */
    bool (*holds)(struct lipd_holdings *holdings, struct lipd_holding *out,
                  enum lipd_thing thing, const char *id, const char *tenant);
    /* Lets go, a tenant of NULL for all; *last: nobody holds it any more.
     * NOT_FOUND. */
    bool (*let_go)(struct lipd_holdings *holdings, enum lipd_thing thing,
                   const char *id, const char *tenant, bool *last,
                   struct api_problem *problem);
    /* Bytes of both things that a tenant (NULL: all, files held twice counted
     * once) holds. */
    bool (*bytes)(struct lipd_holdings *holdings, const char *tenant,
                  size_t *bytes, struct api_problem *problem);
    /* Up to `most` of a tenant (NULL: each once, whoever holds it), in the
     * order of their ids, after the id `after` ("": from the first). */
    bool (*list)(struct lipd_holdings *holdings, enum lipd_thing thing,
                 const char *tenant, const char *after,
                 struct lipd_holding *out, size_t *count, size_t most,
                 struct api_problem *problem);
    void (*close)(struct lipd_holdings *holdings);
};

struct lipd_holdings {
    const struct lipd_holdings_ops *ops;
};

/* SQLite, in DIRECTORY/holdings.sqlite. NULL with a sentence. */
struct lipd_holdings *lipd_holdings_sqlite(const char *directory,
                                           char *complaint,
                                           size_t complaint_size);

#endif
