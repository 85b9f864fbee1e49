/* SPDX-License-Identifier: MIT
 *
 * Every address the daemon answers, in one table. The dispatch, the metrics,
 * the front page and the tests walk it; an endpoint is one row here and one
 * function in a route_*.c. */
#ifndef LIPD_ROUTES_H
#define LIPD_ROUTES_H

#include "server/access.h"
#include "server/request.h"

#include <stdbool.h>

enum lipd_weight {
    LIPD_LIGHT, /* answered at once by the thread that moves the bytes */
    LIPD_DISK,  /* touches the disk, computes nothing: on a thread apart */
    LIPD_HEAVY  /* computes: on a worker */
};

enum lipd_body {
    LIPD_NO_BODY,
    LIPD_MODEL_BODY, /* required; up to --max-body */
    LIPD_KEPT_BODY,  /* the same, to be stored: by way of the disk */
    LIPD_JSON_BODY,  /* required; up to LIPD_JSON_MAX */
    LIPD_DATA_BODY   /* required; up to --max-dataset, by way of the disk */
};

/* A tree of JSON numbers takes twenty times the room of its text. */
enum { LIPD_JSON_MAX = 8 << 20, LIPD_JSON_TREE = 24 };

struct lipd_route {
    const char *method;
    const char *path; /* may have one segment "{id}" */
    void (*handle)(struct lipd_request *request);
    enum lipd_weight weight;
    enum lipd_body body;
    unsigned scopes; /* of enum lipd_scope: one of them is needed; 0: open */
    bool probe;      /* asked all the time: logged only at level debug */
    const char *says;
};

extern const struct lipd_route lipd_routes[];
extern const size_t lipd_route_count;

/* What OPTIONS of any path of the table, and of "*", leads to. It is none of
 * the table's rows. */
extern const struct lipd_route lipd_options;

/* The row of this method and path (HEAD is answered as GET), with what stands
 * for {id} in argument; else NULL and the methods that the path does take,
 * comma separated, in allow ("" where there is no such path). They are there
 * for OPTIONS too; "*" takes what any path takes. */
const struct lipd_route *lipd_route_find(const char *method, const char *path,
                                         char *argument, size_t argument_size,
                                         char *allow, size_t allow_size);

void lipd_route_bound(struct lipd_request *request);
void lipd_route_certify(struct lipd_request *request);
void lipd_route_methods(struct lipd_request *request);
void lipd_route_constraints(struct lipd_request *request);
void lipd_route_alive(struct lipd_request *request);
void lipd_route_ready(struct lipd_request *request);
void lipd_route_version(struct lipd_request *request);
void lipd_route_metrics(struct lipd_request *request);
void lipd_route_openapi(struct lipd_request *request);
void lipd_route_front(struct lipd_request *request);
void lipd_route_options(struct lipd_request *request);
void lipd_route_model_store(struct lipd_request *request);
void lipd_route_model_list(struct lipd_request *request);
void lipd_route_model_show(struct lipd_request *request);
void lipd_route_model_delete(struct lipd_request *request);
void lipd_route_train(struct lipd_request *request);
void lipd_route_job_list(struct lipd_request *request);
void lipd_route_job_show(struct lipd_request *request);
void lipd_route_job_cancel(struct lipd_request *request);
void lipd_route_job_events(struct lipd_request *request);
void lipd_route_dataset_store(struct lipd_request *request);
void lipd_route_dataset_list(struct lipd_request *request);
void lipd_route_dataset_show(struct lipd_request *request);
void lipd_route_dataset_delete(struct lipd_request *request);

#endif
