/* SPDX-License-Identifier: MIT
 *
 * One row a limit. */
#include "server/access_limits.h"

#include "server/config.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum type { WHOLE, BYTES, REAL };

static const struct limit {
    const char *name;
    enum type type;
    const char *unit; /* what must stand behind the number */
    double most;
    size_t offset;
} limits[] = {
#define AT(member) offsetof(struct lipd_token, member)
    {"requests=", REAL, "/s", 1e9, AT(rate.per_second)},
    {"stored=", BYTES, "", 1e15, AT(quota.stored)},
    {"jobs=", WHOLE, "", 1e6, AT(quota.jobs)},
    {"body=", BYTES, "", 1e15, AT(quota.body)},
    {"memory=", BYTES, "", 1e15, AT(quota.memory)},
    {"time=", REAL, "", 1e9, AT(quota.seconds)},
    {"flops=", REAL, "", 1e30, AT(quota.flops)},
#undef AT
};

static bool read_number(double *out, const struct limit *limit,
                        const char *text)
{
    char *end;
    if (!(*text >= '0' && *text <= '9') || strpbrk(text, "xXpP"))
        return false;
    *out = strtod(text, &end);
    double scale = limit->type == BYTES ? lipd_config_scale(*end) : 0;
    if (scale > 0) {
        *out *= scale;
        end++;
    }
    return *out > 0 && *out <= limit->most && !strcmp(end, limit->unit) &&
           (limit->type == REAL || !(*out > floor(*out)));
}

/* False where it was set before. */
static bool set(struct lipd_token *token, const struct limit *limit,
                double value)
{
    char *member = (char *)token + limit->offset;
    if (limit->type == REAL) {
        double before;
        memcpy(&before, member, sizeof before);
        memcpy(member, &value, sizeof value);
        return before <= 0;
    }
    size_t before, whole = (size_t)value;
    memcpy(&before, member, sizeof before);
    memcpy(member, &whole, sizeof whole);
    return before == 0;
}

bool lipd_limit_read(struct lipd_token *token, const char *word)
{
    double value;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        size_t length = strlen(limits[i].name);
        if (!strncmp(word, limits[i].name, length))
            return read_number(&value, &limits[i], word + length) &&
                   set(token, &limits[i], value);
    }
    return false;
}
