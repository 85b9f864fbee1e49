/* SPDX-License-Identifier: MIT
 *
 * Texts are not copied. */
#include "server/store/sqlite_bind.h"

#include <stdint.h>

void lipd_sqlite_values(sqlite3_stmt *s, const char *types, va_list values)
{
    for (int i = 1; *types; types++, i++)
        if (*types == 't')
            sqlite3_bind_text(s, i, va_arg(values, const char *), -1,
                              SQLITE_STATIC);
        else if (*types == 'i')
            sqlite3_bind_int64(s, i, va_arg(values, int64_t));
        else
            sqlite3_bind_double(s, i, va_arg(values, double));
}
