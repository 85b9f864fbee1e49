/* SPDX-License-Identifier: MIT
 *
 * preference = token [ "=" word ] *( ";" parameter ), with commas between. */
#include "server/prefer.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { WAIT_MOST = 1000000 };

/* Moves past the preference at `at`: to the comma behind it, if it is not in a
 * quoted string, or to the end. */
static const char *skip(const char *at)
{
    for (bool quoted = false; *at && (quoted || *at != ','); at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (quoted && *at == '\\' && at[1])
            at++;
    }
    return at;
}

/* Seconds, as digits only, in quotes or not; 0 for anything else. */
static unsigned seconds(const char *at)
{
    unsigned value = 0;
    bool quoted = *at == '"';
    at += quoted;
    for (; *at >= '0' && *at <= '9'; at++)
        if (value < WAIT_MOST)
            value = 10 * value + (unsigned)(*at - '0');
    bool ended = quoted ? *at == '"' : !*at || strchr(",; \t", *at);
    return !ended ? 0 : value < WAIT_MOST ? value : WAIT_MOST;
}

static bool is(const char *at, size_t length, const char *name)
{
    return length == strlen(name) && !strncasecmp(at, name, length);
}

void lipd_prefer_read(struct lipd_prefer *out, const char *field)
{
    const char *at = field ? field : "";
    *out = (struct lipd_prefer){false, 0};
    for (; *at; at = skip(at)) {
        at += strspn(at, ", \t");
        size_t length = strcspn(at, "=,; \t");
        const char *value = at + length + strspn(at + length, " \t");
        if (is(at, length, "respond-async"))
            out->async = true;
        else if (is(at, length, "wait") && *value == '=' && !out->wait)
            out->wait = seconds(value + 1 + strspn(value + 1, " \t"));
    }
    if (out->async)
        out->wait = 0;
}
