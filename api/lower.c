/* SPDX-License-Identifier: MIT
 *
 * How much of a request goes into its lower bound. */
#include "api/lower.h"

#include <math.h>

/* What one second of searching takes, in multiplications; of the order of a
 * core's speed, and the same everywhere, so that the answer is too. */
static const double effort_per_second = 2e9;

bool api_lower_wanted(const struct api_bound_request *request)
{
    if (request->lower_bound != API_LOWER_DEFAULT)
        return request->lower_bound == API_LOWER_YES;
    return request->choice != API_METHODS_NAMED;
}

double api_lower_share(const struct api_bound_request *request)
{
    double limit = request->options.time_limit;
    return limit > 0 && api_lower_wanted(request) ? limit / 20 : 0;
}

enum lip_status api_lower_find(struct lip_lower_bound *out,
                               const struct api_bound_request *request,
                               double max_bytes, double upper,
                               struct lip_ctx *ctx)
{
    const struct lip_network *network = request->network;
    double share = api_lower_share(request);
    struct lip_lower_options options = {
        .seed = 1,
        .effort = fmax(lip_lower_effort(network), share * effort_per_second),
        .time_limit = share,
        .enough = upper * (1 - 1e-9),
    };
    *out = (struct lip_lower_bound){.method = LIP_LOWER_METHOD};
    if (max_bytes > 0 && lip_lower_bytes(network) > max_bytes) {
        out->cut = true;
        return LIP_OK;
    }
    enum lip_status status =
        lip_lower_bound(out, network, request->options.norm, &options, ctx);
    if (status != LIP_TOO_LARGE)
        return status;
    out->cut = true;
    lip_error_clear(ctx);
    return LIP_OK;
}
