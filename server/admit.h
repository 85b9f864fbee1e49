/* SPDX-License-Identifier: MIT
 *
 * Everything that can be said of a request before its body is read: is the
 * head sound, is there such an address, does the token allow it, is there room,
 * may it have this body.
 */
#ifndef LIPD_ADMIT_H
#define LIPD_ADMIT_H

#include "server/body.h"
#include "server/head.h"

/* Sets the request's route and argument, how its body is framed, and prepares
 * for the body. False with the problem, and the reply's `allow` and `close`
 * where they are called for. */
bool lipd_admit(struct lipd_request *request, const struct lipd_head *head,
                struct lipd_framing *framing, struct lipd_body_state *body,
                struct api_problem *problem);

#endif
