/* SPDX-License-Identifier: MIT
 *
 * Whether one more request may wait. In calm times one waits as long as
 * --max-wait at most: a burst is taken as far as it will be through by then.
 * When requests come faster than they are answered, and go on to, a line of
 * seconds would only make every answer late: then no more wait than there are
 * workers, or than are through in a few milliseconds, and who is taken is
 * answered nearly as soon as ever. The others are told at once.
 *
 * No locks, no clocks: whoever has it brings both. */
#ifndef LIPD_PACE_H
#define LIPD_PACE_H

#include <stdbool.h>
#include <stddef.h>

struct lipd_pace {
    double max_wait; /* seconds; 0: no bound */
    size_t workers;
    double mean; /* seconds of work of a request, the latest count most */
    /* Of the window of time that ends at `until`. */
    double until;
    size_t arrived, done;
    bool suspected;  /* the last window looked like too much */
    bool overloaded; /* the last two did */
    double refused;  /* when a request was, last; 0: never */
};

void lipd_pace_init(struct lipd_pace *pace, double max_wait, size_t workers);

/* A request comes while so many wait. */
void lipd_pace_arrive(struct lipd_pace *pace, size_t waiting, double now);

/* May it wait behind these? */
bool lipd_pace_takes(const struct lipd_pace *pace, size_t waiting);

/* One was answered after so much work. */
void lipd_pace_done(struct lipd_pace *pace, double seconds);

/* Seconds that one more would wait, by what the last ones took. */
double lipd_pace_wait(const struct lipd_pace *pace, size_t waiting);

#endif
