/* SPDX-License-Identifier: MIT
 *
 * Tables with a header line. */
#include "api/dataset_parts.h"

#include "training/csv.h"

#include <string.h>

static const unsigned char mark[] = "\xef\xbb\xbf";

/* Without the byte order mark that spreadsheets put in front. */
static struct lip_bytes text_of(const struct lip_bytes *part)
{
    size_t skip =
        part->size >= 3 && !memcmp(part->data, mark, sizeof mark - 1) ? 3 : 0;
    return (struct lip_bytes){part->data + skip, part->size - skip};
}

/* Text without control characters that has more than one line. */
static bool is_csv(const struct lip_bytes *part)
{
    enum { LOOK = 4096 };
    struct lip_bytes text = text_of(part);
    for (size_t i = 0; i < text.size && i < LOOK; i++)
        if ((text.data[i] < ' ' && !strchr("\t\r\n", text.data[i])) ||
            !text.data[i] || text.data[i] == 0x7f)
            return false;
    return text.size && (memchr(text.data, '\n', text.size) ||
                         memchr(text.data, '\r', text.size));
}

static enum lip_status plan(struct api_dataset_plan *plan, struct lip_ctx *ctx)
{
    struct lip_bytes text = text_of(&plan->part[0]);
    size_t cells = 1, lines = 1;
    (void)ctx;
    for (size_t i = 0; i < text.size; i++) {
        bool line = text.data[i] == '\n' || text.data[i] == '\r';
        cells += line || text.data[i] == ',';
        lines += line;
    }
    plan->memory = api_sum(api_product(cells, LIP_CSV_CELL + sizeof(float)),
                           api_product(lines, LIP_CSV_CELL + sizeof(float)));
    return LIP_OK;
}

static enum lip_status read(struct lip_data **out,
                            const struct api_dataset_plan *plan,
                            struct lip_ctx *ctx)
{
    struct lip_bytes text = text_of(&plan->part[0]);
    struct lip_csv_options options = {
        .target = plan->options.target,
        .classification = plan->options.task == API_TASK_CLASSIFICATION,
        .ignore = plan->options.ignored ? plan->options.ignore : NULL,
        .guess = plan->options.task == API_TASK_TOLD};
    return lip_csv_read(out, (const char *)text.data, text.size, &options, ctx);
}

const struct api_dataset_format api_dataset_csv = {
    .name = "csv",
    .title = "a table with a header line and ?target=COLUMN",
    .media_type = "text/csv",
    .parts = 1,
    .options = " task target ignore ",
    .detect = is_csv,
    .plan = plan,
    .read = read,
};
