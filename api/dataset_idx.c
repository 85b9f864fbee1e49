/* SPDX-License-Identifier: MIT
 *
 * The idx pair of MNIST and its relatives, as two parts of a form. */
#include "api/dataset_parts.h"

#include <string.h>

static bool is_gzip(const struct lip_bytes *part)
{
    return part->size >= 18 && !memcmp(part->data, "\x1f\x8b", 2);
}

static bool is_idx(const struct lip_bytes *part)
{
    return is_gzip(part) ||
           (part->size >= 4 && !memcmp(part->data, "\0\0\x08", 3));
}

/* What a part inflates to, as gzip says in its last four bytes. */
static size_t inflated(const struct lip_bytes *part)
{
    const unsigned char *end = part->data + part->size;
    if (!is_gzip(part))
        return part->size;
    return (size_t)end[-4] | (size_t)end[-3] << 8 | (size_t)end[-2] << 16 |
           (size_t)end[-1] << 24;
}

/* The most that either part may inflate to: one that says less than is true is
 * refused. */
static size_t most(const struct api_dataset_plan *plan)
{
    size_t x = inflated(&plan->part[0]), y = inflated(&plan->part[1]);
    return (x > y ? x : y) + 1;
}

/* Its block grows by doubling, up to that. */
static size_t inflating(const struct lip_bytes *part, size_t limit)
{
    size_t twice = 2 * inflated(part) + (1 << 16);
    return !is_gzip(part) ? 0 : twice < limit ? twice : limit + 1;
}

static enum lip_status plan(struct api_dataset_plan *plan, struct lip_ctx *ctx)
{
    (void)ctx;
    size_t rows = inflated(&plan->part[1]);
    size_t numbers = inflated(&plan->part[0]);
    plan->memory = api_sum(api_product(api_sum(rows, numbers), sizeof(float)),
                           api_sum(inflating(&plan->part[0], most(plan)),
                                   inflating(&plan->part[1], most(plan))));
    return LIP_OK;
}

static enum lip_status read(struct lip_data **out,
                            const struct api_dataset_plan *plan,
                            struct lip_ctx *ctx)
{
    return lip_idx_read(out, plan->part[0], plan->part[1], most(plan), ctx);
}

const struct api_dataset_format api_dataset_idx = {
    .name = "idx",
    .title = "an idx pair, gzip or not, as the parts images and labels of a "
             "form; bytes become 0 to 1",
    .media_type = "multipart/form-data",
    .parts = 2,
    .options = " ",
    .detect = is_idx,
    .plan = plan,
    .read = read,
};
