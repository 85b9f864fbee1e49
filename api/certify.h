/* SPDX-License-Identifier: MIT
 *
 * POST /certify: classes and proven radii of inputs.
 *
 *     {"model": {"layers": [...]} or {"id": "sha256:..."},
 *      "inputs": [[...], ...]     or "dataset": {"id": "sha256:..."},
 *      "labels": [0, 1, ...], "radii": [0.1, 0.3], "norm": 2,
 *      "time_limit": 5, "logits": false} */
#ifndef API_CERTIFY_H
#define API_CERTIFY_H

#include "api/problem.h"
#include "api/text.h"
#include "base/digest.h"
#include "linalg/norm.h"
#include "network/network.h"
#include "training/data.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    API_CERTIFY_RADII = 32,
    API_CERTIFY_NUMBERS = 2000000 /* predictions and logits of an answer */
};

struct api_certify_request {
    struct lip_network *network; /* NULL: model_id names a stored one */
    char model_id[LIP_DIGEST_TEXT];
    char dataset_id[LIP_DIGEST_TEXT]; /* "": the inputs are here */
    size_t count, columns;
    double *x;       /* count x columns, by rows; owned */
    size_t labels;   /* 0: none are given */
    uint32_t *label; /* owned */
    size_t radii;
    double radius[API_CERTIFY_RADII];
    struct lip_norm_pair norm;
    double seconds; /* for bounds better than products of norms */
    bool logits;    /* false: they are left out of the answer */
};

/* Reads a body. On failure the problem is filled, naming the place, and
 * nothing is owned. */
enum lip_status api_certify_read(struct api_certify_request *out,
                                 const unsigned char *body, size_t size,
                                 struct api_problem *problem,
                                 struct lip_ctx *ctx);
void api_certify_clear(struct api_certify_request *request);

/* Puts a stored data set in the place of inputs and labels. */
enum lip_status api_certify_take_data(struct api_certify_request *request,
                                      const struct lip_data *data,
                                      struct api_problem *problem,
                                      struct lip_ctx *ctx);

/* Checks inputs and labels against the network and writes the answer:
 * model, norm, "lipschitz", a prediction for each input, and with labels
 * accuracy and, at each of `radii`, the part of the inputs whose class is
 * right and whose radius is larger. max_bytes: of memory, as estimated
 * (0: any); max_seconds: cap of the whole (0: none). */
enum lip_status api_certify_answer(struct api_text *text,
                                   const struct api_certify_request *request,
                                   double max_bytes, double max_seconds,
                                   struct api_problem *problem,
                                   struct lip_ctx *ctx);

#endif
