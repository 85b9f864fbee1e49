/* SPDX-License-Identifier: MIT
 *
 * Numbers up to 2^53 go through JSON unchanged, and no limit is larger. */
#include "server/quota.h"

#include <stdio.h>
#include <string.h>

size_t lipd_least(size_t common, size_t own)
{
    return own && (!common || own < common) ? own : common;
}

double lipd_least_of(double common, double own)
{
    return own > 0 && (!(common > 0) || own < common) ? own : common;
}

const char *lipd_quota_write(char out[LIPD_QUOTA_TEXT],
                             const struct lipd_quota *quota)
{
    if (!(quota->stored || quota->jobs || quota->body || quota->memory ||
          quota->seconds > 0 || quota->flops > 0))
        return NULL;
    snprintf(out, LIPD_QUOTA_TEXT,
             "{\"stored\": %zu, \"jobs\": %zu, \"body\": %zu, "
             "\"memory\": %zu, \"time\": %.17g, \"flops\": %.17g}",
             quota->stored, quota->jobs, quota->body, quota->memory,
             quota->seconds, quota->flops);
    return out;
}

static double number(const json_t *json, const char *name)
{
    double value = json_number_value(json_object_get(json, name));
    return value > 0 ? value : 0;
}

struct lipd_quota lipd_quota_of(const json_t *json)
{
    return (struct lipd_quota){
        .stored = (size_t)number(json, "stored"),
        .jobs = (size_t)number(json, "jobs"),
        .body = (size_t)number(json, "body"),
        .memory = (size_t)number(json, "memory"),
        .seconds = number(json, "time"),
        .flops = number(json, "flops"),
    };
}

bool lipd_quota_read(struct lipd_quota *out, const char *text)
{
    bool none = !text || !*text;
    json_t *json = none ? NULL : json_loads(text, 0, NULL);
    *out = lipd_quota_of(json);
    json_decref(json);
    return none || json;
}
