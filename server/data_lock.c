/* SPDX-License-Identifier: MIT
 *
 * flock() and not fcntl(): the lock is the open file's, so that no other
 * close() in the process gives it up. */
#include "server/data_lock.h"

#include "server/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

int lipd_data_lock(const char *directory, char *complaint,
                   size_t complaint_size)
{
    int parent = lipd_open_directory(directory, complaint, complaint_size);
    if (parent < 0)
        return -1;
    int fd = openat(parent, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    lipd_close(parent);
    if (fd < 0) {
        lipd_complain(complaint, complaint_size, "Cannot write to", directory);
        return -1;
    }
    if (!flock(fd, LOCK_EX | LOCK_NB))
        return fd;
    if (errno == EWOULDBLOCK)
        snprintf(complaint, complaint_size,
                 "Another lipschitzd serves %.200s already; give this one a "
                 "--data-dir of its own.",
                 directory);
    else
        lipd_complain(complaint, complaint_size, "Cannot lock", directory);
    close(fd);
    return -1;
}
