/* SPDX-License-Identifier: MIT
 *
 * The file has no name, so that nothing is left of it whatever happens. */
#include "server/spool.h"

#include "server/dataset_store.h"

#include <errno.h>
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
    if (lipd_dataset_spool_book(spool->store, bytes)) {
        spool->booked += bytes;
        return true;
    }
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "The uploads on their way leave no room for this one. Try "
                    "again later.");
    return false;
}

bool lipd_spool_begin(struct lipd_spool *spool,
                      struct lipd_dataset_store *store, size_t announced,
                      struct api_problem *problem)
{
    *spool = (struct lipd_spool){.store = store, .fd = -1};
    if (!store) {
        lipd_no_datasets(problem);
        return false;
    }
    if (book(spool, announced, problem))
        spool->fd = lipd_dataset_spool(store, announced, problem);
    if (spool->fd >= 0)
        return true;
    lipd_spool_clear(spool);
    return false;
}

bool lipd_spool_add(struct lipd_spool *spool, const void *bytes, size_t size,
                    struct api_problem *problem)
{
    size_t left = spool->booked - spool->size;
    if (left < size && !book(spool, size - left, problem))
        return false;
    if (!lipd_dataset_spool_add(spool->fd, bytes, size, problem))
        return false;
    spool->size += size;
    return true;
}

bool lipd_spool_map(struct lipd_upload *out, struct lipd_spool *spool,
                    struct api_problem *problem)
{
    memset(out, 0, sizeof *out);
    if (spool->size == 0) {
        api_problem_set(problem, API_PROBLEM_MALFORMED_BODY,
                        "The body is empty. Send a data set.");
        return false;
    }
    void *bytes = mmap(NULL, spool->size, PROT_READ, MAP_PRIVATE, spool->fd, 0);
    if (bytes == MAP_FAILED) {
        api_problem_set(problem, API_PROBLEM_INTERNAL,
                        "The upload cannot be read back: %s.", strerror(errno));
        return false;
    }
    madvise(bytes, spool->size, MADV_SEQUENTIAL);
    *out = (struct lipd_upload){.store = spool->store,
                                .bytes = bytes,
                                .size = spool->size,
                                .booked = spool->booked};
    spool->booked = 0;
    lipd_spool_clear(spool); /* the mapping keeps the file */
    return true;
}

void lipd_spool_clear(struct lipd_spool *spool)
{
    if (!spool->store)
        return;
    if (spool->fd >= 0)
        close(spool->fd);
    lipd_dataset_spool_unbook(spool->store, spool->booked);
    memset(spool, 0, sizeof *spool);
}

void lipd_upload_clear(struct lipd_upload *upload)
{
    if (!upload->store)
        return;
    munmap(upload->bytes, upload->size);
    lipd_dataset_spool_unbook(upload->store, upload->booked);
    memset(upload, 0, sizeof *upload);
}
