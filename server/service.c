/* SPDX-License-Identifier: MIT
 *
 * Limits that depend on the machine, and the memory estimate of a request. */
#include "server/service.h"

#include "base/size.h"
#include "server/machine.h"

#include <stdint.h>
#include <string.h>

/* float32 weights widen to twice their size; a method works on a few copies of
 * the largest layer. The rest is for parser and answer. */
enum { BODY_FACTOR = 4, REQUEST_BASE = 1 << 20 };

size_t lipd_estimate(size_t body)
{
    size_t bytes;
    if (!lip_size_mul(&bytes, body, BODY_FACTOR) ||
        !lip_size_add(&bytes, bytes, REQUEST_BASE))
        return SIZE_MAX;
    return bytes;
}

static size_t at_most(size_t value, size_t limit)
{
    return value < limit ? value : limit;
}

enum lip_status lipd_service_init(struct lipd_service *service,
                                  const struct lipd_config *config,
                                  struct lip_ctx *ctx)
{
    memset(service, 0, sizeof *service);
    service->config = config;
    service->started = lip_now();
    service->workers =
        config->workers ? config->workers : lipd_machine_processors();
    service->max_memory =
        config->max_memory ? config->max_memory : lipd_machine_memory() / 2;
    if (service->max_memory < 2 * REQUEST_BASE)
        service->max_memory = 2 * REQUEST_BASE;
    service->max_request_memory = config->max_request_memory
                                      ? config->max_request_memory
                                      : service->max_memory / 2;
    /* A body that could never be booked is too large, not bad luck. */
    service->max_body = at_most(
        config->max_body, (service->max_memory - REQUEST_BASE) / BODY_FACTOR);
    enum lip_status status = lipd_queue_init(&service->queue, config->queue,
                                             service->max_memory, ctx);
    if (status != LIP_OK)
        return status;
    lipd_pace_init(&service->queue.pace, config->max_wait, service->workers);
    status = lipd_queue_init(&service->desk, config->queue, service->max_memory,
                             ctx);
    if (status == LIP_OK)
        lipd_pace_init(&service->desk.pace, config->max_wait, 1);
    return status;
}

void lipd_service_clear(struct lipd_service *service)
{
    lipd_queue_clear(&service->queue);
    lipd_queue_clear(&service->desk);
}

struct lipd_queue *lipd_service_queue(struct lipd_service *service, bool disk)
{
    return disk && service->jobs ? &service->desk : &service->queue;
}
