/* SPDX-License-Identifier: MIT
 *
 * Writing the model document, as POST /bound takes it. */
#include "formats/write_layers.h"
#include "formats/writer.h"

static enum lip_status write(unsigned char **out, size_t *size,
                             const struct lip_network *network,
                             const struct lip_metadata *metadata,
                             struct lip_ctx *ctx)
{
    struct lip_output output = {.ctx = ctx};
    lip_output_text(&output, "{\"model\": {");
    if (metadata && metadata->count) {
        lip_output_text(&output, "\"metadata\": ");
        lip_write_metadata(&output, metadata);
        lip_output_text(&output, ",\n");
    }
    lip_output_text(&output, "\"layers\": ");
    lip_write_layers(&output, network, (struct lip_write_style){0});
    lip_output_text(&output, "}}\n");
    return lip_output_finish(out, size, &output);
}

const struct lip_writer lip_writer_json = {
    .name = "json",
    .media_type = "application/json",
    .extension = ".json",
    .write = write,
};
