/* SPDX-License-Identifier: MIT
 *
 * The file has no name, so that nothing is left of it whatever happens. */
#include "server/spool.h"

#include "server/shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void lipd_no_datasets(struct api_problem *problem)
{
    api_problem_set(problem, API_PROBLEM_NOT_FOUND,
                    "This daemon stores no data sets. Start it with --data-dir "
                    "DIR to keep them there.");
}

static bool book(struct lipd_spool *spool, size_t bytes,
                 struct api_problem *problem)
{
    if (lipd_shelf_book(spool->shelf, &spool->shelf->spooled, bytes)) {
        spool->booked += bytes;
        return true;
    }
    if (bytes > spool->shelf->quota - spool->booked)
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                        "The upload is larger than the %zu bytes that all "
                        "stored %ss together may take.",
                        spool->shelf->quota, spool->shelf->thing);
    else
        api_problem_set(problem, API_PROBLEM_OVERLOADED,
                        "The uploads on their way leave no room for this one. "
                        "Try again later.");
    return false;
}

static bool failed(const struct lipd_spool *spool, struct api_problem *problem)
{
    const char *thing = spool->shelf->thing;
    if (lipd_disk_full(errno))
        api_problem_set(problem, API_PROBLEM_STORAGE_FULL,
                        "The %s is not stored: %s. Delete stored %ss or give "
                        "the daemon more room.",
                        thing, strerror(errno), thing);
    else
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The %s is not stored: %s.", thing, strerror(errno));
    return false;
}

/* A full disk is told before the client has sent everything. */
static bool set_aside(int fd, size_t bytes)
{
    return !bytes || !fallocate(fd, 0, 0, (off_t)bytes) ||
           errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR;
}

bool lipd_spool_begin(struct lipd_spool *spool, struct lipd_shelf *shelf,
                      const void *head, size_t head_size, size_t announced,
                      struct api_problem *problem)
{
    *spool = (struct lipd_spool){
        .shelf = shelf, .fd = -1, .head = head_size, .size = head_size};
    if (book(spool, head_size + announced, problem)) {
        spool->fd = lipd_shelf_scratch(shelf);
        if (spool->fd >= 0 &&
            set_aside(spool->fd, announced ? head_size + announced : 0) &&
            lipd_write_all(spool->fd, head, head_size))
            return true;
        failed(spool, problem);
    }
    lipd_spool_clear(spool);
    return false;
}

bool lipd_spool_add(struct lipd_spool *spool, const void *bytes, size_t size,
                    struct api_problem *problem)
{
    size_t left = spool->booked - spool->size;
    if (left < size && !book(spool, size - left, problem))
        return false;
    if (!lipd_write_all(spool->fd, bytes, size))
        return failed(spool, problem);
    spool->size += size;
    return true;
}

bool lipd_spool_map(struct lipd_upload *out, struct lipd_spool *spool,
                    struct api_problem *problem)
{
    memset(out, 0, sizeof *out);
    if (spool->size == spool->head) {
        api_problem_set(problem, API_PROBLEM_MALFORMED_BODY,
                        "The body is empty. Send a %s.", spool->shelf->thing);
        return false;
    }
    void *file = mmap(NULL, spool->size, PROT_READ, MAP_PRIVATE, spool->fd, 0);
    if (file == MAP_FAILED) {
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The upload cannot be read back: %s.", strerror(errno));
        return false;
    }
    madvise(file, spool->size, MADV_SEQUENTIAL);
    *out = (struct lipd_upload){.shelf = spool->shelf,
                                .fd = spool->fd,
                                .file = file,
                                .bytes = (unsigned char *)file + spool->head,
                                .head = spool->head,
                                .size = spool->size - spool->head,
                                .booked = spool->booked};
    memset(spool, 0, sizeof *spool);
    return true;
}

void lipd_spool_clear(struct lipd_spool *spool)
{
    if (!spool->shelf)
        return;
    if (spool->fd >= 0)
        close(spool->fd);
    lipd_shelf_unbook(spool->shelf, &spool->shelf->spooled, spool->booked);
    memset(spool, 0, sizeof *spool);
}

void lipd_upload_clear(struct lipd_upload *upload)
{
    if (!upload->shelf)
        return;
    munmap(upload->file, upload->head + upload->size);
    close(upload->fd);
    lipd_shelf_unbook(upload->shelf, &upload->shelf->spooled, upload->booked);
    memset(upload, 0, sizeof *upload);
}
