/* SPDX-License-Identifier: MIT
 *
 * A few ids under a lock. */
#include "server/jobs/ear.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void lipd_ear_init(struct lipd_ear *ear)
{
    memset(ear, 0, sizeof *ear);
    ear->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&ear->lock, NULL);
}

void lipd_ear_clear(struct lipd_ear *ear)
{
    if (ear->fd >= 0)
        close(ear->fd);
    pthread_mutex_destroy(&ear->lock);
}

void lipd_ear_hear(struct lipd_ear *ear, const char *job)
{
    pthread_mutex_lock(&ear->lock);
    struct lipd_heard *heard = &ear->heard;
    if (heard->count < LIPD_HEARD)
        snprintf(heard->job[heard->count], LIPD_JOB_ID, "%s", job);
    if (heard->count <= LIPD_HEARD)
        heard->count++;
    pthread_mutex_unlock(&ear->lock);
    eventfd_write(ear->fd, 1);
}

bool lipd_ear_take(struct lipd_ear *ear, struct lipd_heard *heard)
{
    eventfd_t times;
    if (eventfd_read(ear->fd, &times))
        return false;
    pthread_mutex_lock(&ear->lock);
    *heard = ear->heard;
    ear->heard.count = 0;
    pthread_mutex_unlock(&ear->lock);
    return true;
}

bool lipd_heard_concerns(const struct lipd_heard *heard, const char *job)
{
    if (heard->count > LIPD_HEARD)
        return true;
    for (size_t i = 0; i < heard->count; i++)
        if (!*heard->job[i] || !strcmp(heard->job[i], job))
            return true;
    return false;
}
