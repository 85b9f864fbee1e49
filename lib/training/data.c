/* SPDX-License-Identifier: MIT
 *
 * Data sets: making, checking, dealing out. */
#include "training/data.h"

#include "base/size.h"
#include "training/random.h"

#include <endian.h>
#include <math.h>
#include <string.h>

static enum lip_status check_shape(size_t rows, size_t features, size_t classes,
                                   size_t targets, struct lip_ctx *ctx)
{
    if (rows == 0 || features == 0)
        return lip_fail(ctx, LIP_INVALID,
                        "The data set is empty (%zu rows of %zu features): it "
                        "needs at least one of each.",
                        rows, features);
    if ((classes > 0) == (targets > 0))
        return lip_fail(ctx, LIP_INVALID,
                        "A data set has either classes or target numbers.");
    if (rows >= UINT32_MAX || classes > LIP_MAX_CLASSES)
        return lip_fail(ctx, LIP_TOO_LARGE,
                        "The data set has %zu rows and %zu classes: at most "
                        "4294967294 rows and %d classes are taken.",
                        rows, classes, LIP_MAX_CLASSES);
    return LIP_OK;
}

/* rows x cols zeros; NULL with *status set where there is no room. */
static void *table(size_t rows, size_t cols, size_t size,
                   enum lip_status *status, struct lip_ctx *ctx)
{
    size_t count;
    if (*status != LIP_OK || cols == 0)
        return NULL;
    if (!lip_size_mul(&count, rows, cols)) {
        *status = lip_fail(ctx, LIP_TOO_LARGE,
                           "%zu rows of %zu numbers are more than the address "
                           "space.",
                           rows, cols);
        return NULL;
    }
    void *block = lip_calloc(ctx, count, size);
    if (!block)
        *status = ctx ? ctx->error.status : LIP_NO_MEMORY;
    return block;
}

enum lip_status lip_data_new(struct lip_data **out, size_t rows,
                             size_t features, size_t classes, size_t targets,
                             struct lip_ctx *ctx)
{
    *out = NULL;
    enum lip_status status = check_shape(rows, features, classes, targets, ctx);
    struct lip_data *data = table(1, 1, sizeof *data, &status, ctx);
    if (!data)
        return status;
    data->rows = rows;
    data->features = features;
    data->classes = classes;
    data->targets = targets;
    data->x = table(rows, features, sizeof *data->x, &status, ctx);
    data->label = table(rows, classes > 0, sizeof *data->label, &status, ctx);
    data->y = table(rows, targets, sizeof *data->y, &status, ctx);
    if (status == LIP_OK)
        *out = data;
    else
        lip_data_free(data);
    return status;
}

void lip_data_free(struct lip_data *data)
{
    if (!data)
        return;
    lip_free(data->x);
    lip_free(data->label);
    lip_free(data->y);
    lip_free(data);
}

static enum lip_status check_finite(const float *x, size_t rows, size_t cols,
                                    const char *what, struct lip_ctx *ctx)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            if (!isfinite(x[i * cols + j]))
                return lip_fail(ctx, LIP_INVALID,
                                "The %s in row %zu, column %zu (both counted "
                                "from 0) is not a finite number.",
                                what, i, j);
    return LIP_OK;
}

enum lip_status lip_data_check(const struct lip_data *data, struct lip_ctx *ctx)
{
    enum lip_status status =
        check_finite(data->x, data->rows, data->features, "feature", ctx);
    if (status == LIP_OK && data->y)
        status =
            check_finite(data->y, data->rows, data->targets, "target", ctx);
    for (size_t i = 0; status == LIP_OK && data->label && i < data->rows; i++)
        if (data->label[i] >= data->classes)
            status = lip_fail(ctx, LIP_INVALID,
                              "The label of row %zu is %u: labels go from 0 to "
                              "%zu.",
                              i, data->label[i], data->classes - 1);
    return status;
}

enum lip_status lip_data_pick(struct lip_data **out,
                              const struct lip_data *data,
                              const uint32_t *order, size_t count,
                              struct lip_ctx *ctx)
{
    size_t n = data->features, t = data->targets;
    enum lip_status status = lip_data_new(out, count, n, data->classes, t, ctx);
    if (status != LIP_OK)
        return status;
    struct lip_data *part = *out;
    for (size_t i = 0; i < count; i++) {
        size_t from = order[i];
        memcpy(part->x + i * n, data->x + from * n, n * sizeof *part->x);
        if (part->label)
            part->label[i] = data->label[from];
        else
            memcpy(part->y + i * t, data->y + from * t, t * sizeof *part->y);
    }
    return LIP_OK;
}

/* How many rows of each class validate: floors of the shares, then one more
 * for those with the largest remainders until `want` are found. */
static void share(size_t *take, const size_t *size, size_t classes, double part,
                  size_t want)
{
    size_t given = 0;
    for (size_t c = 0; c < classes; c++) {
        take[c] = (size_t)floor(part * (double)size[c]);
        given += take[c];
    }
    while (given < want) {
        size_t best = 0;
        double most = -1;
        for (size_t c = 0; c < classes; c++) {
            double rest = part * (double)size[c] - (double)take[c];
            if (take[c] < size[c] && rest > most) {
                most = rest;
                best = c;
            }
        }
        take[best]++;
        given++;
    }
}

/* Moves the rows that validate to the end of `order`, which keeps its order on
 * either side. `room` has space for rows numbers, size and take for classes.
 */
static void deal(uint32_t *order, uint32_t *room, size_t *size, size_t *take,
                 const struct lip_data *data, double part, size_t want)
{
    size_t kept = 0, moved = 0;
    for (size_t i = 0; i < data->rows; i++)
        size[data->label ? data->label[i] : 0]++;
    share(take, size, data->classes ? data->classes : 1, part, want);
    for (size_t i = 0; i < data->rows; i++) {
        size_t c = data->label ? data->label[order[i]] : 0;
        if (take[c] > 0) {
            take[c]--;
            room[moved++] = order[i];
        } else {
            order[kept++] = order[i];
        }
    }
    memcpy(order + kept, room, moved * sizeof *order);
}

static enum lip_status check_part(const struct lip_data *data, double part,
                                  size_t want, struct lip_ctx *ctx)
{
    if (!(part >= 0 && part < 1))
        return lip_fail(ctx, LIP_INVALID,
                        "The validation part is %g: it must be at least 0 and "
                        "below 1.",
                        part);
    if (part > 0 && (want == 0 || want >= data->rows))
        return lip_fail(ctx, LIP_INVALID,
                        "A validation part of %g of %zu rows leaves one side "
                        "empty.",
                        part, data->rows);
    return LIP_OK;
}

enum lip_status lip_data_split(struct lip_data **training,
                               struct lip_data **validation,
                               const struct lip_data *data, double part,
                               uint64_t seed, struct lip_ctx *ctx)
{
    *training = *validation = NULL;
    size_t rows = data->rows, groups = data->classes ? data->classes : 1;
    size_t want = part > 0 && part < 1 ? (size_t)round(part * (double)rows) : 0;
    enum lip_status status = check_part(data, part, want, ctx);
    uint32_t *order = table(2, rows, sizeof *order, &status, ctx);
    size_t *count = table(2, groups, sizeof *count, &status, ctx);
    if (status != LIP_OK)
        goto out;
    lip_draw_permutation(order, (uint32_t)rows, seed, LIP_STREAM_SPLIT);
    deal(order, order + rows, count, count + groups, data, part, want);
    status = lip_data_pick(training, data, order, rows - want, ctx);
    if (status == LIP_OK && want > 0)
        status =
            lip_data_pick(validation, data, order + rows - want, want, ctx);
    if (status != LIP_OK) {
        lip_data_free(*training);
        *training = NULL;
    }
out:
    lip_free(order);
    lip_free(count);
    return status;
}

enum { STRIP = 512 };

/* In strips: a call for each number would take longer than the hashing. */
static void add_floats(struct sha256_ctx *hash, const float *x, size_t count)
{
    uint32_t strip[STRIP];
    for (size_t i = 0; i < count; i += STRIP) {
        size_t n = count - i < STRIP ? count - i : STRIP;
        for (size_t k = 0; k < n; k++) {
            float sum = x[i + k] + 0.0F; /* -0 counts as +0 */
            memcpy(&strip[k], &sum, sizeof sum);
            strip[k] = htole32(strip[k]);
        }
        sha256_update(hash, n * sizeof *strip, (const uint8_t *)strip);
    }
}

void lip_data_digest(char out[LIP_DIGEST_TEXT], const struct lip_data *data)
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    lip_digest_u64(&hash, data->rows);
    lip_digest_u64(&hash, data->features);
    lip_digest_u64(&hash, data->classes);
    lip_digest_u64(&hash, data->targets);
    add_floats(&hash, data->x, data->rows * data->features);
    if (data->y)
        add_floats(&hash, data->y, data->rows * data->targets);
    for (size_t i = 0; data->label && i < data->rows; i++)
        lip_digest_u64(&hash, data->label[i]);
    lip_digest_text(out, &hash);
}
