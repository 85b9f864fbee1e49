/* SPDX-License-Identifier: MIT
 *
 * What comes and what is done is counted in windows of time. Two in a row with
 * half as much again coming as is done, and a line left that is long in heads
 * and in time, are too much; one with about as much is calm again. So neither a
 * burst, nor a request that takes long, nor many clients that each wait for
 * their answer before they ask again, are taken for too much: the line is long
 * then, but does not grow. */
#include "server/pace.h"

#include <math.h>

/* A window is so many seconds, and time for so many requests to be done, but
 * not more than LONGEST. */
static const double SHORTEST = 0.1, LONGEST = 10, REQUESTS = 8;

/* A line is long where it has so many heads for each worker and takes so many
 * seconds; it grows where so many more come for each worker than are done. */
static const double LONG_HEADS = 8, LONG_WAIT = 1, GROWTH = 4;

/* A wait that nobody feels, in seconds. */
static const double SHORT_WAIT = 0.005;

/* Of the mean the latest request is this part. */
static const double LATEST = 1.0 / 32;

void lipd_pace_init(struct lipd_pace *pace, double max_wait, size_t workers)
{
    *pace = (struct lipd_pace){.max_wait = max_wait,
                               .workers = workers ? workers : 1};
}

double lipd_pace_wait(const struct lipd_pace *pace, size_t waiting)
{
    return (double)waiting * pace->mean / (double)pace->workers;
}

static double window(const struct lipd_pace *pace)
{
    double wanted = REQUESTS * pace->mean / (double)pace->workers;
    return fmin(fmax(wanted, SHORTEST), LONGEST);
}

/* The window is over. */
static void judge(struct lipd_pace *pace, size_t waiting)
{
    double came = (double)pace->arrived, done = (double)pace->done;
    double workers = (double)pace->workers;
    bool grows = came > 1.5 * done + GROWTH * workers &&
                 (double)waiting > LONG_HEADS * workers &&
                 lipd_pace_wait(pace, waiting) > LONG_WAIT;
    if (came <= 1.1 * done + workers)
        pace->overloaded = false;
    else if (grows && pace->suspected)
        pace->overloaded = true;
    pace->suspected = grows;
}

void lipd_pace_arrive(struct lipd_pace *pace, size_t waiting, double now)
{
    if (now >= pace->until) {
        /* After a window in which nothing came: calm. */
        if (now >= pace->until + window(pace))
            pace->suspected = pace->overloaded = false;
        else
            judge(pace, waiting);
        pace->until = now + window(pace);
        pace->arrived = pace->done = 0;
    }
    pace->arrived++;
}

bool lipd_pace_takes(const struct lipd_pace *pace, size_t waiting)
{
    double wait = lipd_pace_wait(pace, waiting);
    if (waiting < pace->workers)
        return true;
    if (pace->overloaded)
        return wait <= SHORT_WAIT;
    return pace->max_wait <= 0 || wait <= pace->max_wait;
}

void lipd_pace_done(struct lipd_pace *pace, double seconds)
{
    pace->done++;
    pace->mean += (pace->mean > 0 ? LATEST : 1) * (seconds - pace->mean);
}
