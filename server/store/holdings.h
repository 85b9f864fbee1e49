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
    double created, used; /* seconds since 1970 */
    bool pinned;          /* never evicted: a job works with it */
};

struct lipd_holdings;

struct lipd_holdings_ops {
    /* Notes that the tenant keeps it; one that is there is used now. */
    bool (*hold)(struct lipd_holdings *holdings, enum lipd_thing thing,
                 const char *id, const char *tenant, size_t bytes,
                 struct api_problem *problem);
    /* Whether the tenant (NULL: anybody) holds it; then it is used now. Uses
     * may be written late: up to a minute of them may be lost. */
    bool (*holds)(struct lipd_holdings *holdings, enum lipd_thing thing,
                  const char *id, const char *tenant);
    /* Lets go; *last: nobody holds it any more. NOT_FOUND. */
    bool (*let_go)(struct lipd_holdings *holdings, enum lipd_thing thing,
                   const char *id, const char *tenant, bool *last,
                   struct api_problem *problem);
    /* Bytes that a tenant (NULL: all, files held twice counted once) holds. */
    bool (*bytes)(struct lipd_holdings *holdings, enum lipd_thing thing,
                  const char *tenant, size_t *bytes,
                  struct api_problem *problem);
    /* Up to `most`, of a tenant (NULL: of all), those used longest ago first,
     * after the id `after` in that order ("": from the first). */
    bool (*list)(struct lipd_holdings *holdings, enum lipd_thing thing,
                 const char *tenant, const char *after,
                 struct lipd_holding *out, size_t *count, size_t most,
                 struct api_problem *problem);
    void (*close)(struct lipd_holdings *holdings);
};

struct lipd_holdings {
    const struct lipd_holdings_ops *ops;
};

#endif
