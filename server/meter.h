/* SPDX-License-Identifier: MIT
 *
 * Memory that is booked with the queue's gate as it is needed, for work of
 * which nobody knows beforehand how much it takes. */
#ifndef LIPD_METER_H
#define LIPD_METER_H

#include "server/request.h"

/* From now on the request's budget is what is booked, and grows by booking
 * more, up to the limit that it had. */
void lipd_meter_start(struct lipd_request *request);

/* Did the work fail for want of room with the gate? Then it fills the problem:
 * OVERLOADED. */
bool lipd_meter_failed(const struct lipd_request *request,
                       struct api_problem *problem);

#endif
