/* SPDX-License-Identifier: MIT
 *
 * Reads lines of progress. */
#include "server/jobs/attempts.h"

#include <jansson.h>

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
