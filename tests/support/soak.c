/* SPDX-License-Identifier: MIT
 *
 * Two networks made here, four from tests/models. */
#include "tests/support/soak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OCTETS "Content-Type: application/octet-stream\r\n"
#define JSON "Content-Type: application/json\r\n"

static const char mark[] = "1000000000";

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}

static double number_at(size_t i)
{
    return (double)((i * 2654435761u) >> 8 & 0xffff) / 65536 - 0.5;
}

static void put_dense(struct bytes *text, size_t rows, size_t columns,
                      size_t seed)
{
    bytes_text(text, "{\"type\":\"dense\",\"weight\":[");
    for (size_t i = 0; i < rows; i++) {
        bytes_text(text, "%s[", i ? "," : "");
        for (size_t j = 0; j < columns; j++)
            bytes_text(text, "%s%.4f", j ? "," : "",
                       number_at(seed + i * columns + j));
        bytes_text(text, "]");
    }
    bytes_text(text, "]");
}

/* Layers of these widths as JSON; the last one has a bias. */
static void put_network(struct bytes *text, const size_t *width,
                        const char *rest)
{
    bytes_text(text, "{\"model\":{\"layers\":[");
    for (size_t l = 1; width[l]; l++) {
        put_dense(text, width[l], width[l - 1], 977 * l);
        if (width[l + 1]) {
            bytes_text(text, "},{\"type\":\"relu\"},");
            continue;
        }
        bytes_text(text, ",\"bias\":[%s", mark);
        for (size_t i = 1; i < width[l]; i++)
            bytes_text(text, ",0");
        bytes_text(text, "]}");
    }
    bytes_text(text, "]},%s}", rest);
}

static void find_bias(struct soak_model *model, const char *before)
{
    size_t length = strlen(before);
    const unsigned char *at =
        memmem(model->body.data, model->body.size, before, length);
    if (!at)
        fail("A network has not the bias that it should have.");
    model->bias_at =
        (size_t)(at - model->body.data) + (model->is_text ? 0 : length);
}

static void make(struct soak_model *out, const char *name, const size_t *width,
                 const char *rest)
{
    *out = (struct soak_model){
        .name = name, .query = "/bound", .fields = JSON, .is_text = true};
    put_network(&out->body, width, rest);
    find_bias(out, mark);
}

/* The last tensor of these files is the last bias, of ten float32. */
static void load(struct soak_model *out, const char *name, const char *query,
                 const char *file, const char *before)
{
    char path[200];
    *out = (struct soak_model){.name = name, .query = query, .fields = OCTETS};
    snprintf(path, sizeof path, "tests/models/%s", file);
    if (!bytes_load(&out->body, path))
        fail("Run this where tests/models is.");
    if (before)
        find_bias(out, before);
    else
        out->bias_at = out->body.size - 10 * sizeof(float);
}

void soak_models(struct soak_model model[SOAK_MODELS])
{
    static const size_t tiny[] = {2, 3, 1, 0}, small[] = {20, 48, 48, 10, 0};
    make(&model[0], "2-3-1", tiny, "\"methods\":[\"eclipse-fast\"]");
    make(&model[1], "20-48-48-10", small,
         "\"methods\":[\"spectral\",\"eclipse-fast\",\"closed-form\"]");
    load(&model[2], "784-50-50-50-10 tanh",
         "/bound?methods=spectral,eclipse-fast,lipsdp&activation=tanh",
         "mnist_mlp_50x3_tanh.safetensors", NULL);
    load(&model[3], "784-128-64-10",
         "/bound?methods=spectral,midpoint,lipsdp&time_limit=50",
         "mnist_mlp_128_64.safetensors", NULL);
    load(&model[4], "784-128-64-10, more methods",
         "/bound?methods=closed-form,eclipse,lipsdp&time_limit=50",
         "mnist_mlp_128_64.safetensors", NULL);
    load(&model[5], "CNN for MNIST", "/bound?methods=spectral&time_limit=50",
         "mnist_cnn_bn_pool.onnx",
         "B\x06"
         "9.biasJ(");
}

void soak_models_clear(struct soak_model model[SOAK_MODELS])
{
    for (size_t i = 0; i < SOAK_MODELS; i++) {
        bytes_clear(&model[i].body);
        free(model[i].reference);
    }
}

void *soak_variant(const struct soak_model *model, unsigned number)
{
    char digits[16];
    float value = (float)(number & 0xffffff) / 1024;
    unsigned char *copy = malloc(model->body.size);
    if (!copy)
        abort();
    memcpy(copy, model->body.data, model->body.size);
    if (model->is_text) {
        snprintf(digits, sizeof digits, "1%09u", number % 1000000000u);
        memcpy(copy + model->bias_at, digits, strlen(digits));
    } else {
        memcpy(copy + model->bias_at, &value, sizeof value);
    }
    return copy;
}

void soak_strip(char *json)
{
    static const char *const member[] = {
        "\"seconds\":", "\"id\":", "\"model_id\":"};
    char *out = json;
    for (const char *in = json; *in;) {
        size_t i = 0;
        while (i < sizeof member / sizeof *member &&
               strncmp(in, member[i], strlen(member[i])) != 0)
            i++;
        if (i < sizeof member / sizeof *member)
            in += strcspn(in, ",}]");
        else
            *out++ = *in++;
    }
    *out = '\0';
}

void soak_training(char *out, size_t size, const char *data, unsigned epochs)
{
    char set[200] = "{\"generate\":\"two-moons\",\"samples\":200,\"noise\":0.1,"
                    "\"seed\":3}";
    if (data)
        snprintf(set, sizeof set, "{\"id\":\"%.100s\"}", data);
    snprintf(out, size,
             "{\"dataset\":%s,\"task\":\"classification\",\"model\":{"
             "\"layers\":[{\"type\":\"dense\",\"units\":8},{\"type\":"
             "\"groupsort\",\"group\":2},{\"type\":\"dense\",\"units\":2}]},"
             "\"constraint\":{\"method\":\"projection\",\"norm\":2,"
             "\"lipschitz\":1.5},\"epochs\":%u,\"batch_size\":50,\"seed\":1}",
             set, epochs);
}

void soak_csv(char *out, size_t size, unsigned number)
{
    size_t at = (size_t)snprintf(out, size, "a,b,y\n%u,1,0\n", number);
    for (size_t i = 0; i < 40 && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%.3f,%.3f,%zu\n",
                               number_at(i), number_at(i + 50), i % 2);
}

#define BOUND(text, code)                                                      \
    {                                                                          \
        text, {"POST", "/bound", JSON, text, sizeof text - 1}, code            \
    }
#define PLAIN(verb, target, code)                                              \
    {                                                                          \
        verb " " target, {verb, target, NULL, NULL, 0}, code                   \
    }

static const char dropped[100] = "PK\x03\x04 not a zip file";
static const char cut[] = "\x40\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\"";

const struct soak_bad soak_bad[] = {
    BOUND("{", 400),
    BOUND("[1,2", 400),
    BOUND("{\"model\":{\"layers\":[]}}", 422),
    BOUND(
        "{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,NaN]]}]}}",
        400),
    BOUND(
        "{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1e999]]}]}}",
        422),
    BOUND("{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2],[3]]}]"
          "}}",
          422),
    BOUND("{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1,2]]},"
          "{\"type\":\"dense\",\"weight\":[[1,2]]}]}}",
          422),
    BOUND("{\"model\":{\"layers\":[{\"type\":\"nonsense\"}]}}", 422),
    BOUND("{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1]]}]},"
          "\"methods\":[\"none-such\"]}",
          422),
    BOUND("{\"model\":{\"layers\":[{\"type\":\"dense\",\"weight\":[[1]]}]},"
          "\"norm\":-3}",
          422),
    BOUND(
        "{\"model\":{\"id\":\"sha256:"
        "0000000000000000000000000000000000000000000000000000000000000000\"}}",
        404),
    {"text as octets", {"POST", "/bound", OCTETS, "hello, world", 12}, 415},
    {"no zip file", {"POST", "/models", OCTETS, dropped, 100}, 400},
    {"cut safetensors", {"POST", "/bound", OCTETS, cut, sizeof cut - 1}, 400},
    {"training without data",
     {"POST", "/train", JSON, "{\"task\":\"classification\"}", 25},
     422},
    {"a table without its target",
     {"POST", "/datasets?target=z", "Content-Type: text/csv\r\n",
      "a,b\n1,2\n3,4\n", 12},
     422},
    {"two lengths",
     {"POST", "/bound", "Content-Length: 3\r\n", "{}\n\n", 4},
     400},
    {"a length beside chunks",
     {"POST", "/bound", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", 5},
     400},
    {"no length", {"POST", "/bound", JSON, NULL, 0}, 411},
    {"too long",
     {"POST", "/bound", "Content-Length: 99999999999\r\n", NULL, 0},
     413},
    PLAIN("GET", "/nowhere", 404),
    PLAIN("GET", "/jobs/00000000000000000000000000000000", 404),
    PLAIN("DELETE", "/models/sha256:12", 404),
    PLAIN("GET", "/jobs?limit=many", 422),
    PLAIN("PATCH", "/bound", 405),
    PLAIN("DELETE", "/healthz", 405),
};
const size_t soak_bad_count = sizeof soak_bad / sizeof *soak_bad;
