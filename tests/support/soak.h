/* SPDX-License-Identifier: MIT
 *
 * What a soak sends: networks of six sizes whose bounds are known, jobs, and
 * requests that are wrong in every way. */
#ifndef LIP_TESTS_SUPPORT_SOAK_H
#define LIP_TESTS_SUPPORT_SOAK_H

#include "tests/support/files.h"
#include "tests/support/load_client.h"

enum { SOAK_MODELS = 6, SOAK_CLASSES = 16, SOAK_TARGET = 160 };

/* A network as the body of a request. Some bytes of it are a bias of the last
 * layer, on which no bound depends: with another number there it is another
 * model with the same bounds. */
struct soak_model {
    const char *name, *query;
    const char *fields; /* content type */
    struct bytes body;
    size_t bias_at;
    bool is_text;
    char *reference; /* the answer, without what may differ */
};

/* Networks from a 2-3-1 one to a CNN for MNIST; ends the program where a file
 * of tests/models is missing. Cleared by soak_models_clear. */
void soak_models(struct soak_model model[SOAK_MODELS]);
void soak_models_clear(struct soak_model model[SOAK_MODELS]);

/* A copy of the body with the number in its bias, to be freed by free(). */
void *soak_variant(const struct soak_model *model, unsigned number);

/* Takes times, ids of models and data sets and times of day out of a document,
 * so that two of the same work are the same text. */
void soak_strip(char *json);

/* Requests that are wrong: what is sent, and the status that is the answer. */
struct soak_bad {
    const char *what;
    struct load_ask ask;
    int status;
};
extern const struct soak_bad soak_bad[];
extern const size_t soak_bad_count;

/* The body of a training request: 200 points, 8 units; `data` a data set's id,
 * or NULL for points that are generated. To be written to `out`. */
void soak_training(char *out, size_t size, const char *data, unsigned epochs);

/* A data set as CSV, which the number makes another one. */
void soak_csv(char *out, size_t size, unsigned number);

#endif
