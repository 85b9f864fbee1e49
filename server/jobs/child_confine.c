/* SPDX-License-Identifier: MIT
 *
 * When the process of a job goes into its sandbox. */
#include "server/jobs/child.h"

#include "formats/hdf5.h"
#include "server/log.h"
#include "server/machine.h"
#include "server/model_load.h"
#include "server/sandbox_job.h"

#include <string.h>

void lipd_child_confine(struct lipd_child *child)
{
    if (!child->confines)
        return;
    child->confines = false;
    lip_hdf5_set_converter(NULL); /* no program can be started any more */
    unsigned force = lipd_sandbox_job_enter(child->folder);
    lipd_log(force ? LIPD_DEBUG : LIPD_WARNING, "job-sandbox", "%s%s%s",
             force & LIPD_CONFINED_CALLS ? "system calls " : "",
             force & LIPD_CONFINED_FILES ? "files " : "",
             force ? "confined" : "The kernel offers none.");
}

bool lipd_child_needs_program(const struct lip_buffer *bytes)
{
    static const char hdf5[] = "\x89HDF\r\n\x1a\n";
    return memmem(lip_buffer_bytes(bytes), lip_buffer_size(bytes), hdf5,
                  sizeof hdf5 - 1) != NULL;
}

struct lip_network *lipd_child_model(struct lipd_child *child, const char *id,
                                     struct api_problem *problem)
{
    struct lipd_stored stored;
    if (!lipd_model_of_folder(&stored, child->config->data_dir, id, problem,
                              child->ctx))
        return NULL;
    if (!lipd_child_needs_program(stored.body))
        lipd_child_confine(child);
    struct lip_network *network =
        lipd_model_parse(&stored, id, problem, child->ctx);
    lipd_stored_clear(&stored);
    lipd_child_confine(child);
    return network;
}
