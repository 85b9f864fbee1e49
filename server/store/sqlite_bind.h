/* SPDX-License-Identifier: MIT
 *
 * Parameters of SQLite's statements: what the stores that are files share. */
#ifndef LIPD_STORE_SQLITE_BIND_H
#define LIPD_STORE_SQLITE_BIND_H

#include <sqlite3.h>
#include <stdarg.h>

/* Binds the parameters from the first on, a letter each: 't' a text (NULL
 * allowed), 'i' an int64_t, 'r' a double. Texts must live until the statement
 * is reset or finalized. */
void lipd_sqlite_values(sqlite3_stmt *s, const char *types, va_list values);

#endif
