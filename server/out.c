/* SPDX-License-Identifier: MIT
 *
 * printf into memory that grows by doubling up to a limit. */
#include "server/out.h"

#include <stdarg.h>
#include <stdio.h>

enum { FIRST_CAPACITY = 4096 };

void lipd_out_init(struct lipd_out *out, size_t limit, struct lip_ctx *ctx)
{
    *out = (struct lipd_out){.ctx = ctx, .limit = limit};
}

/* Room for `more` bytes and a closing NUL. */
static bool reserve(struct lipd_out *out, size_t more)
{
    size_t need = out->size + more + 1;
    if (need <= out->capacity && need <= out->limit)
        return true;
    size_t capacity = out->capacity ? out->capacity : FIRST_CAPACITY;
    while (capacity < need)
        capacity *= 2;
    char *data = need <= out->limit
                     ? lip_realloc(out->ctx, out->data, capacity, 1)
                     : NULL;
    if (!data) {
        out->failed = true;
        return false;
    }
    out->data = data;
    out->capacity = capacity;
    return true;
}

void lipd_out_print(struct lipd_out *out, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = out->failed ? -1 : vsnprintf(NULL, 0, format, args);
    if (length >= 0 && reserve(out, (size_t)length)) {
        vsnprintf(out->data + out->size, (size_t)length + 1, format, again);
        out->size += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

char *lipd_out_take(struct lipd_out *out, size_t *size)
{
    char *data = out->failed ? NULL : out->data;
    if (!data)
        lip_free(out->data);
    *size = out->size;
    lipd_out_init(out, out->limit, out->ctx);
    return data;
}
