/* SPDX-License-Identifier: MIT
 *
 * Which models requests have open, and when each was last used: what must not
 * make room for others, and what may first. A use is not written at once: many
 * are noted together, once a minute. Any thread may call; uses NULL do nothing.
 */
#ifndef LIPD_USES_H
#define LIPD_USES_H

#include "server/store/holdings.h"

struct lipd_uses;

/* NULL without memory. */
struct lipd_uses *lipd_uses_new(void);
void lipd_uses_free(struct lipd_uses *uses);

/* From here on nobody takes the model; waits while somebody has. False without
 * memory. */
bool lipd_uses_open(struct lipd_uses *uses, const char *id);
void lipd_uses_close(struct lipd_uses *uses, const char *id);

/* Takes the model to remove it: false where it is open. Who comes to open it
 * waits until it is given back. */
bool lipd_uses_take(struct lipd_uses *uses, const char *id);
void lipd_uses_give(struct lipd_uses *uses, const char *id);

/* Remembers a use by a tenant (NULL: by all) now, and writes what is remembered
 * where that is due; the other writes it anyhow. */
void lipd_uses_note(struct lipd_uses *uses, struct lipd_holdings *holdings,
                    const char *id, const char *tenant);
void lipd_uses_flush(struct lipd_uses *uses, struct lipd_holdings *holdings);

#endif
