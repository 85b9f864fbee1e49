/* SPDX-License-Identifier: MIT
 *
 * A client for load: connections that stay open, answers of known and of
 * unknown length, from any thread. Nothing here fails a test; what does not
 * come back is counted by who asked. */
#ifndef LIP_TESTS_SUPPORT_LOAD_CLIENT_H
#define LIP_TESTS_SUPPORT_LOAD_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct load_client {
    unsigned port;
    int fd; /* -1: not connected */
    char *in;
    size_t size, room; /* received and not read yet */
};

struct load_ask {
    const char *method, *target;
    const char *fields; /* more lines of the head, each with its end, or NULL */
    const void *body;   /* NULL: none */
    size_t size;
};

struct load_answer {
    int status;
    char *head;
    char *body; /* NUL-terminated */
    size_t size;
};

void load_client_init(struct load_client *client, unsigned port);
void load_client_close(struct load_client *client);

/* A connection to a port of this machine; -1 where there is none. */
int load_connect(unsigned port);

/* Asks and reads the whole answer, a stream to its end; a connection that was
 * closed while it was idle is opened again, once. False where no answer came
 * within 120 seconds. The answer is cleared by load_answer_clear in any case.
 */
bool load_ask(struct load_client *client, struct load_answer *answer,
              const struct load_ask *ask);
void load_answer_clear(struct load_answer *answer);

/* Copies the value of a field of the head; "" where it is not there. */
void load_field(char *out, size_t size, const struct load_answer *answer,
                const char *name);

#endif
