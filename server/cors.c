/* SPDX-License-Identifier: MIT
 *
 * The list is read as it stands: it is short, and seldom asked. */
#include "server/cors.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char between[] = ", \t";

/* The port of an origin, behind its colon: 1 to 5 digits. */
static bool is_port(const char *text, size_t size)
{
    return size >= 1 && size <= 5 && strspn(text, "0123456789") >= size;
}

/* A browser sends no path, no user and no final slash: an entry with one would
 * never match. */
static bool is_origin(const char *text, size_t size)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    size_t scheme = !strncasecmp(text, "https://", 8)  ? 8
                    : !strncasecmp(text, "http://", 7) ? 7
                                                       : 0;
    if (!scheme || size <= scheme)
        return false;
    const char *host = text + scheme, *end = text + size;
    size_t length = strspn(host, letters);
    if (*host == '[') {
        length = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
        length = host[length] == ']' && length > 1 ? length + 1 : 0;
    }
    const char *rest = host + length;
    if (!length || rest > end)
        return false;
    return rest == end ||
           (*rest == ':' && is_port(rest + 1, (size_t)(end - rest) - 1));
}

bool lipd_cors_check(const char *list, char *complaint, size_t complaint_size)
{
    if (!strcmp(list, "*"))
        return true;
    for (list += strspn(list, between); *list; list += strspn(list, between)) {
        size_t size = strcspn(list, between);
        if (!is_origin(list, size)) {
            snprintf(complaint, complaint_size,
                     "--cors-origins has \"%.*s\", which is no origin; write "
                     "for example https://a.example or "
                     "http://localhost:3000, without a path, or * alone.",
                     (int)(size < 80 ? size : 80), list);
            return false;
        }
        list += size;
    }
    return true;
}

const char *lipd_cors_allow(const char *list, const char *origin)
{
    if (!origin || !*list)
        return NULL;
    if (!strcmp(list, "*"))
        return list;
    size_t wanted = strlen(origin);
    for (list += strspn(list, between); *list; list += strspn(list, between)) {
        size_t size = strcspn(list, between);
        if (size == wanted && !strncasecmp(list, origin, size))
            return origin;
        list += size;
    }
    return NULL;
}
