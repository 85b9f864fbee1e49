/* SPDX-License-Identifier: MIT
 *
 * The file is two numbers; it may be lost with the machine, which only gives a
 * job more attempts. */
#include "server/jobs/attempts.h"

#include "server/jobs/folder.h"

#include <jansson.h>
#include <stdio.h>

void lipd_attempts_read(struct lipd_attempts *attempts, int folders,
                        const char *id)
{
    static const struct lipd_attempts none;
    size_t size;
    char *text = lipd_folder_read(folders, id, "attempts", 99, &size);
    if (!text || sscanf(text, "%u %lg", &attempts->vain, &attempts->best) != 2)
        *attempts = none;
    lip_free(text);
}

void lipd_attempts_write(const struct lipd_attempts *attempts, int folders,
                         const char *id)
{
    char text[64];
    snprintf(text, sizeof text, "%u %.17g\n", attempts->vain, attempts->best);
    lipd_folder_write(folders, id, "attempts", text);
}

bool lipd_attempts_weigh(struct lipd_attempts *attempts, const char *line,
                         size_t size)
{
    json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    bool object = json_is_object(json);
    double done = json_number_value(json_object_get(json, "done"));
    double total = json_number_value(json_object_get(json, "total"));
    double step = total > 0 ? total / 100 : 1;
    if (object && done >= attempts->best + step) {
        attempts->best = done;
        attempts->vain = 0;
    }
    json_decref(json);
    return object;
}
