/* SPDX-License-Identifier: MIT
 *
 * Is the head that the HTTP library shows the one that was sent? It cuts a
 * value at a zero byte and takes a bare LF for the end of a line, and of a
 * folded line it adds the second part to the *name* of the field, so that
 * "Content-Len: 9" and " gth" make a Content-Length. None of that can be told
 * from the texts. But they lie where they were received, one after the other,
 * each CR and LF at the end of a line replaced by a zero byte: what was cut,
 * folded or moved leaves a gap. */
#ifndef LIPD_INTACT_H
#define LIPD_INTACT_H

#include <stdbool.h>
#include <stddef.h>

struct lipd_intact {
    const char *end; /* of the last line that was seen: where its CR was */
    bool broken;
};

/* The lines as the library gave them, in their order: the version is the end
 * of the first. */
void lipd_intact_begin(struct lipd_intact *intact, const char *version);
void lipd_intact_field(struct lipd_intact *intact, const char *name,
                       size_t name_size, const char *value, size_t value_size);

/* Did the head come as lines that end with CR LF, and is this all of it? Reads
 * 4 bytes from the end of the last line on, which the library has received. */
bool lipd_intact_whole(const struct lipd_intact *intact);

#endif
