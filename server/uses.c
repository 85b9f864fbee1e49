/* SPDX-License-Identifier: MIT
 *
 * Few requests compute at once and few models are used within a minute: lists
 * that are walked from end to end. */
#include "server/uses.h"

#include "base/context.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NOTES = 256 };
static const double note_every = 60;

struct open {
    char id[LIP_DIGEST_TEXT];
    size_t count; /* 0: this entry is free, unless taken */
    bool taken;
};

struct lipd_uses {
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct open *open;
    size_t open_count;
    struct lipd_use note[NOTES];
    size_t notes;
    double noted; /* lip_now() of the last write */
};

struct lipd_uses *lipd_uses_new(void)
{
    struct lipd_uses *uses = lip_calloc(NULL, 1, sizeof *uses);
    if (!uses)
        return NULL;
    pthread_mutex_init(&uses->lock, NULL);
    pthread_cond_init(&uses->given, NULL);
    uses->noted = lip_now();
    return uses;
}

void lipd_uses_free(struct lipd_uses *uses)
{
    if (!uses)
        return;
    pthread_cond_destroy(&uses->given);
    pthread_mutex_destroy(&uses->lock);
    lip_free(uses->open);
    lip_free(uses);
}

/* --- what is open */

static struct open *find(struct lipd_uses *uses, const char *id)
{
    for (size_t i = 0; i < uses->open_count; i++)
        if ((uses->open[i].count || uses->open[i].taken) &&
            !strcmp(uses->open[i].id, id))
            return &uses->open[i];
    return NULL;
}

/* An entry for this model, which has none; NULL without memory. */
static struct open *add(struct lipd_uses *uses, const char *id)
{
    size_t i = 0;
    while (i < uses->open_count && (uses->open[i].count || uses->open[i].taken))
        i++;
    if (i == uses->open_count) {
        struct open *more =
            lip_realloc(NULL, uses->open, i + 1, sizeof *uses->open);
        if (!more)
            return NULL;
        uses->open = more;
        uses->open_count = i + 1;
    }
    struct open *entry = &uses->open[i];
    memset(entry, 0, sizeof *entry);
    snprintf(entry->id, sizeof entry->id, "%s", id);
    return entry;
}

bool lipd_uses_open(struct lipd_uses *uses, const char *id)
{
    struct open *entry;
    if (!uses)
        return true;
    pthread_mutex_lock(&uses->lock);
    while ((entry = find(uses, id)) && entry->taken)
        pthread_cond_wait(&uses->given, &uses->lock);
    if (!entry)
        entry = add(uses, id);
    if (entry)
        entry->count++;
    pthread_mutex_unlock(&uses->lock);
    return entry != NULL;
}

void lipd_uses_close(struct lipd_uses *uses, const char *id)
{
    if (!uses)
        return;
    pthread_mutex_lock(&uses->lock);
    struct open *entry = find(uses, id);
    if (entry && entry->count)
        entry->count--;
    pthread_mutex_unlock(&uses->lock);
}

bool lipd_uses_take(struct lipd_uses *uses, const char *id)
{
    if (!uses)
        return true;
    pthread_mutex_lock(&uses->lock);
    struct open *entry = find(uses, id) ? NULL : add(uses, id);
    if (entry)
        entry->taken = true;
    pthread_mutex_unlock(&uses->lock);
    return entry != NULL;
}

void lipd_uses_give(struct lipd_uses *uses, const char *id)
{
    if (!uses)
        return;
    pthread_mutex_lock(&uses->lock);
    struct open *entry = find(uses, id);
    if (entry)
        entry->taken = false;
    pthread_cond_broadcast(&uses->given);
    pthread_mutex_unlock(&uses->lock);
}

/* --- what was used when */

static double clock_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Takes the notes out: how many. */
static size_t take_notes(struct lipd_uses *uses, struct lipd_use *out)
{
    size_t count = uses->notes;
    memcpy(out, uses->note, count * sizeof *out);
    uses->notes = 0;
    uses->noted = lip_now();
    return count;
}

/* One that cannot be written is lost: the next use will be. */
static void write_notes(struct lipd_holdings *holdings,
                        const struct lipd_use *use, size_t count)
{
    struct api_problem ignored;
    if (count)
        holdings->ops->touch(holdings, use, count, &ignored);
}

static void remember(struct lipd_uses *uses, const char *id, const char *tenant)
{
    size_t i = 0;
    while (i < uses->notes &&
           (strcmp(uses->note[i].id, id) || uses->note[i].by_all != !tenant ||
            (tenant && strcmp(uses->note[i].tenant, tenant))))
        i++;
    struct lipd_use *use = &uses->note[i];
    if (i == uses->notes) {
        memset(use, 0, sizeof *use);
        snprintf(use->id, sizeof use->id, "%s", id);
        snprintf(use->tenant, sizeof use->tenant, "%s", tenant ? tenant : "");
        use->by_all = !tenant;
        uses->notes++;
    }
    use->when = clock_now();
}

void lipd_uses_note(struct lipd_uses *uses, struct lipd_holdings *holdings,
                    const char *id, const char *tenant)
{
    struct lipd_use due[NOTES];
    size_t count = 0;
    if (!uses || !holdings)
        return;
    pthread_mutex_lock(&uses->lock);
    remember(uses, id, tenant);
    if (uses->notes == NOTES || lip_now() > uses->noted + note_every)
        count = take_notes(uses, due);
    pthread_mutex_unlock(&uses->lock);
    write_notes(holdings, due, count);
}

void lipd_uses_flush(struct lipd_uses *uses, struct lipd_holdings *holdings)
{
    struct lipd_use due[NOTES];
    if (!uses || !holdings)
        return;
    pthread_mutex_lock(&uses->lock);
    size_t count = take_notes(uses, due);
    pthread_mutex_unlock(&uses->lock);
    write_notes(holdings, due, count);
}
