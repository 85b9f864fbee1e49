/* SPDX-License-Identifier: MIT
 *
 * Read in the source of libmicrohttpd 0.9.75 (get_next_header_line,
 * process_header_line, process_broken_line) and held by tests/http. */
#include "server/intact.h"

#include <stdint.h>
#include <string.h>

void lipd_intact_begin(struct lipd_intact *intact, const char *version)
{
    *intact = (struct lipd_intact){version + strlen(version), false};
}

void lipd_intact_field(struct lipd_intact *intact, const char *name,
                       size_t name_size, const char *value, size_t value_size)
{
    /* A name that was moved may lie anywhere: no arithmetic on pointers. */
    uintptr_t colon = (uintptr_t)name + name_size, first = (uintptr_t)value;
    if ((uintptr_t)name != (uintptr_t)intact->end + 2 || intact->end[0] ||
        intact->end[1] || first <= colon)
        intact->broken = true;
    if (intact->broken)
        return;
    size_t blanks = first - colon - 1;
    if (strspn(name + name_size + 1, " \t") < blanks)
        intact->broken = true;
    intact->end = value + value_size;
}

bool lipd_intact_whole(const struct lipd_intact *intact)
{
    return !intact->broken && !memcmp(intact->end, "\0\0\0\0", 4);
}
