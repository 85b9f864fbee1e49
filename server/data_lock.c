/* SPDX-License-Identifier: MIT
 *
 * flock() and not fcntl(): the lock is the open file's, so that no other
 * close() in the process gives it up. */
#include "server/data_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int complain(char *out, size_t size, const char *what,
                    const char *directory)
{
    snprintf(out, size, "%s %.200s: %s.", what, directory, strerror(errno));
    return -1;
}

int lipd_data_lock(const char *directory, char *complaint,
                   size_t complaint_size)
{
    if (mkdir(directory, 0700) && errno != EEXIST)
        return complain(complaint, complaint_size, "Cannot make", directory);
    int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return complain(complaint, complaint_size, "Cannot open", directory);
    int fd = openat(parent, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int error = errno;
    close(parent);
    errno = error;
    if (fd < 0)
        return complain(complaint, complaint_size, "Cannot write to",
                        directory);
    if (!flock(fd, LOCK_EX | LOCK_NB))
        return fd;
    if (errno == EWOULDBLOCK)
        snprintf(complaint, complaint_size,
                 "Another lipschitzd serves %.200s already; give this one a "
                 "--data-dir of its own.",
                 directory);
    else
        complain(complaint, complaint_size, "Cannot lock", directory);
    close(fd);
    return -1;
}
