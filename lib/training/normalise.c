/* SPDX-License-Identifier: MIT
 *
 * The normalisations. Statistics are sums in double, in order. */
#include "training/normalise.h"

#include <math.h>
#include <string.h>

static enum lip_status room(struct lip_scaling *out, size_t features,
                            struct lip_ctx *ctx)
{
    *out = (struct lip_scaling){.features = features};
    out->centre = lip_calloc(ctx, features, sizeof *out->centre);
    out->scale = lip_calloc(ctx, features, sizeof *out->scale);
    if (out->centre && out->scale)
        return LIP_OK;
    lip_scaling_clear(out);
    return ctx ? ctx->error.status : LIP_NO_MEMORY;
}

void lip_scaling_clear(struct lip_scaling *scaling)
{
    lip_free(scaling->centre);
    lip_free(scaling->scale);
    *scaling = (struct lip_scaling){0};
}

struct moments {
    double mean, deviation, min, max;
};

static struct moments column_moments(const struct lip_data *data, size_t j)
{
    double n = (double)data->rows, sum = 0, square = 0;
    struct moments m = {0, 0, data->x[j], data->x[j]};
    for (size_t i = 0; i < data->rows; i++) {
        double x = data->x[i * data->features + j];
        sum += x;
        m.min = fmin(m.min, x);
        m.max = fmax(m.max, x);
    }
    m.mean = sum / n;
    for (size_t i = 0; i < data->rows; i++) {
        double x = data->x[i * data->features + j] - m.mean;
        square += x * x;
    }
    m.deviation = sqrt(square / n);
    return m;
}

/* 1/size, or 1 where that is no useful float. */
static float inverse(double size)
{
    float scale = (float)(1 / size);
    return size > 1e-30 && isfinite(scale) && scale > 1e-30F ? scale : 1;
}

static enum lip_status fit_none(struct lip_scaling *out,
                                const struct lip_data *training,
                                struct lip_ctx *ctx)
{
    (void)ctx;
    *out = (struct lip_scaling){.features = training->features};
    return LIP_OK;
}

static enum lip_status fit_standard(struct lip_scaling *out,
                                    const struct lip_data *training,
                                    struct lip_ctx *ctx)
{
    enum lip_status status = room(out, training->features, ctx);
    for (size_t j = 0; status == LIP_OK && j < out->features; j++) {
        struct moments m = column_moments(training, j);
        out->centre[j] = (float)m.mean;
        out->scale[j] = inverse(m.deviation);
    }
    return status;
}

static enum lip_status fit_centre(struct lip_scaling *out,
                                  const struct lip_data *training,
                                  struct lip_ctx *ctx)
{
    enum lip_status status = room(out, training->features, ctx);
    for (size_t j = 0; status == LIP_OK && j < out->features; j++) {
        out->centre[j] = (float)column_moments(training, j).mean;
        out->scale[j] = 1;
    }
    return status;
}

static enum lip_status fit_range(struct lip_scaling *out,
                                 const struct lip_data *training,
                                 struct lip_ctx *ctx)
{
    enum lip_status status = room(out, training->features, ctx);
    for (size_t j = 0; status == LIP_OK && j < out->features; j++) {
        struct moments m = column_moments(training, j);
        out->centre[j] = (float)m.min;
        out->scale[j] = inverse(m.max - m.min);
    }
    return status;
}

/* One scale for all: it bends no distances, so that the limit loses nothing. */
static enum lip_status fit_uniform(struct lip_scaling *out,
                                   const struct lip_data *training,
                                   struct lip_ctx *ctx)
{
    enum lip_status status = room(out, training->features, ctx);
    double variance = 0;
    for (size_t j = 0; status == LIP_OK && j < out->features; j++) {
        struct moments m = column_moments(training, j);
        out->centre[j] = (float)m.mean;
        variance += m.deviation * m.deviation;
    }
    for (size_t j = 0; status == LIP_OK && j < out->features; j++)
        out->scale[j] = inverse(sqrt(variance / (double)out->features));
    return status;
}

static const struct lip_normalisation all[] = {
    {"none", "Inputs as they are", true, fit_none},
    {"centre", "Mean 0", false, fit_centre},
    {"uniform", "Mean 0, one scale for all features: mean variance 1", false,
     fit_uniform},
    {"standard", "Mean 0, variance 1, feature by feature", false, fit_standard},
    {"range", "Into [0, 1], feature by feature", false, fit_range},
};

const struct lip_normalisation *const lip_normalisations[] = {
    &all[0], &all[1], &all[2], &all[3], &all[4], NULL,
};

const struct lip_normalisation *lip_normalisation_find(const char *name)
{
    for (size_t i = 0; lip_normalisations[i]; i++)
        if (strcmp(lip_normalisations[i]->name, name) == 0)
            return lip_normalisations[i];
    return NULL;
}

enum lip_status lip_scaling_fit(struct lip_scaling *out,
                                const struct lip_normalisation *normalisation,
                                const struct lip_data *training,
                                struct lip_ctx *ctx)
{
    return normalisation->fit(out, training, ctx);
}

enum lip_status lip_scaling_share(struct lip_scaling *scaling,
                                  const double *limit, size_t features,
                                  struct lip_ctx *ctx)
{
    double most = 0;
    if (!scaling->scale) {
        enum lip_status status = room(scaling, features, ctx);
        if (status != LIP_OK)
            return status;
    }
    for (size_t j = 0; j < features; j++)
        most = fmax(most, limit[j]);
    for (size_t j = 0; j < features; j++) {
        float share = (float)(limit[j] / most);
        if (fma(share, most, -limit[j]) > 0) /* the sign is exact */
            share = nextafterf(share, 0);
        if (!isnormal(share))
            return lip_fail(ctx, LIP_INVALID,
                            "The limits of inputs lie too far apart.");
        scaling->scale[j] = share;
    }
    return LIP_OK;
}

void lip_scaling_apply(struct lip_data *data, const struct lip_scaling *scaling)
{
    if (!scaling->scale)
        return;
    for (size_t i = 0; i < data->rows; i++) {
        float *x = data->x + i * data->features;
        for (size_t j = 0; j < data->features; j++)
            x[j] = scaling->scale[j] * (x[j] - scaling->centre[j]);
    }
}

/* |D|_{p->q} of a diagonal is its largest number for p <= q: |D x|_q <=
 * |D x|_p <= max |x|_p, attained on a unit vector. */
double lip_scaling_norm(const struct lip_scaling *scaling,
                        struct lip_norm_pair pair)
{
    if (!lip_norm_pair_easy(pair))
        return INFINITY;
    double largest = scaling->scale ? 0 : 1;
    for (size_t j = 0; scaling->scale && j < scaling->features; j++)
        largest = fmax(largest, (double)scaling->scale[j]);
    return largest;
}
