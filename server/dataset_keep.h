/* SPDX-License-Identifier: MIT
 *
 * Data sets as a request may see them. */
#ifndef LIPD_DATASET_KEEP_H
#define LIPD_DATASET_KEEP_H

#include "server/asked.h"
#include "server/dataset_store.h"
#include "server/keep.h"

/* lipd_dataset_put for the request's tenant: `fresh` and `created` are of his
 * own holding, and tell nothing of others'. Of a request that came before,
 * nothing is stored. */
bool lipd_dataset_keep(struct lipd_request *request,
                       const struct lip_data *data,
                       const struct lipd_asked *asked, struct lipd_dataset *out,
                       struct api_problem *problem);

/* lipd_dataset_show of what the tenant holds. */
bool lipd_dataset_find(const struct lipd_request *request, const char *id,
                       struct lipd_dataset *out, struct api_problem *problem);

/* lipd_dataset_list of what the tenant holds. */
bool lipd_dataset_page(const struct lipd_request *request, const char *after,
                       struct lipd_dataset *out, size_t limit, size_t *count,
                       bool *more, struct api_problem *problem);

#endif
