/* SPDX-License-Identifier: MIT
 *
 * System calls that may do a part of the work or be interrupted, and the order
 * of them that a machine which stops cannot break. */
#include "server/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool lipd_disk_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

bool lipd_short_of(int error)
{
    return error == ENOMEM || error == EMFILE || error == ENFILE;
}

bool lipd_write_all(int fd, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    while (size) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

bool lipd_read_all(int fd, void *bytes, size_t size)
{
    unsigned char *at = bytes;
    while (size) {
        ssize_t n = read(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = 0;
        if (n <= 0)
            return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

enum lip_status lipd_read_file(unsigned char **bytes, size_t *size, int fd,
                               size_t most, struct lip_ctx *ctx)
{
    struct stat status;
    *bytes = NULL;
    *size = 0;
    if (fstat(fd, &status) || !S_ISREG(status.st_mode) || status.st_size < 0 ||
        (uintmax_t)status.st_size > most)
        return LIP_MALFORMED;
    size_t total = (size_t)status.st_size;
    unsigned char *block = lip_alloc(ctx, total + 1, 1);
    if (!block)
        return LIP_NO_MEMORY;
    if (!lipd_read_all(fd, block, total)) {
        lip_free(block);
        return LIP_MALFORMED;
    }
    block[total] = '\0';
    *bytes = block;
    *size = total;
    return LIP_OK;
}

bool lipd_make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

void lipd_close(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
}

void lipd_unlink(int folder, const char *name)
{
    int error = errno;
    unlinkat(folder, name, 0);
    errno = error;
}

/* --- writing a whole file */

bool lipd_write_parts(int fd, const void *parts)
{
    for (const struct lipd_part *part = parts; part->bytes; part++)
        if (!lipd_write_all(fd, part->bytes, part->size))
            return false;
    return true;
}

bool lipd_fill(int fd, const struct lipd_content *content, bool sync)
{
    if (content->write(fd, content->what) && (!sync || !fsync(fd)))
        return !close(fd);
    lipd_close(fd);
    return false;
}

bool lipd_put_file(int folder, const char *name, const char *suffix,
                   const struct lipd_content *content, bool sync)
{
    char temporary[NAME_MAX + 1];
    if (snprintf(temporary, sizeof temporary, "%s%s", name, suffix) >=
        (int)sizeof temporary) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0600);
    if (fd < 0)
        return false;
    if (lipd_fill(fd, content, sync) &&
        !renameat(folder, temporary, folder, name) && (!sync || !fsync(folder)))
        return true;
    lipd_unlink(folder, temporary);
    return false;
}

/* --- folders */

void lipd_complain(char *out, size_t size, const char *what,
                   const char *directory)
{
    snprintf(out, size, "%s %.200s: %s.", what, directory, strerror(errno));
}

int lipd_open_directory(const char *directory, char *complaint,
                        size_t complaint_size)
{
    if (mkdir(directory, 0700) && errno != EEXIST) {
        lipd_complain(complaint, complaint_size, "Cannot make", directory);
        return -1;
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        lipd_complain(complaint, complaint_size, "Cannot open", directory);
    return fd;
}

int lipd_open_folder(const char *directory, const char *name, char *complaint,
                     size_t complaint_size)
{
    int folder = -1;
    int parent = lipd_open_directory(directory, complaint, complaint_size);
    if (parent < 0)
        return -1;
    if ((!mkdirat(parent, name, 0700) || errno == EEXIST) && !fsync(parent))
        folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        snprintf(complaint, complaint_size,
                 "Cannot use the folder %s in %.200s: %s.", name, directory,
                 strerror(errno));
    close(parent);
    return folder;
}

DIR *lipd_entries(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list && fd >= 0)
        lipd_close(fd);
    return list;
}
