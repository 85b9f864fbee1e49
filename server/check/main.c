/* SPDX-License-Identifier: MIT
 *
 * lipschitz-check MODEL CERTIFICATE: prints "proved" and exits 0, or prints
 * "not proved: " with a sentence and exits 1; 2 where it was not asked right.
 */
#include "formats/format.h"
#include "server/check/check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: lipschitz-check MODEL CERTIFICATE\n\n"
    "Is what the certificate claims of the model a theorem? MODEL is a model\n"
    "file as lipschitzd reads it; CERTIFICATE is one that came with a bound.\n"
    "Prints \"proved\" (exit status 0) or \"not proved: \" and why (1).\n";

enum verdict refuse(struct check *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!c->reason[0])
        vsnprintf(c->reason, sizeof c->reason, format, args);
    va_end(args);
    return REFUTED;
}

/* The whole file in a block of lip_alloc, or NULL with the reason. */
static char *load(struct check *c, const char *path, long most, size_t *size)
{
    struct stat info;
    char *data = NULL;
    FILE *file = fopen(path, "rb");
    if (file && fstat(fileno(file), &info) == 0 && info.st_size <= most) {
        *size = (size_t)info.st_size;
        data = lip_alloc(NULL, *size, 1);
        if (data && fread(data, 1, *size, file) != *size) {
            lip_free(data);
            data = NULL;
        }
    }
    if (file)
        fclose(file);
    if (!data)
        refuse(c, "%.150s cannot be read, or has over %ld bytes.", path, most);
    return data;
}

/* How to read a file that holds weights only: the certificate tells, and the
 * digest of the model holds it to that. */
static void read_options(struct lip_read_options *out, const json_t *root)
{
    const json_t *activation = json_object_get(root, "activation");
    lip_read_options_default(out);
    out->activation = lip_activation_find(text_at(activation, "type"));
    for (size_t i = 0; i < LIP_MAX_PARAMETERS; i++)
        out->parameter[i] = json_number_value(
            json_array_get(json_object_get(activation, "parameters"), i));
}

/* Dense layers, activations, what keeps every number, and the kinds that sort
 * and mirror; what another kind does is not in this program. */
static bool is_known(const struct lip_layer *layer)
{
    const struct lip_layer_kind *kind = layer->kind;
    return kind == &lip_layer_dense || kind == &lip_layer_flatten ||
           kind == &lip_layer_activation || kind == &lip_layer_reshape ||
           kind == &lip_layer_group_sort || kind == &lip_layer_householder;
}

/* The model, tried in both layouts of weights. */
static enum verdict open_model(struct check *c, const char *path)
{
    struct lip_ctx ctx = {.budget = NULL};
    struct lip_read_options options;
    size_t size;
    char *data = load(c, path, 1L << 36, &size);
    struct lip_buffer *buffer = data ? lip_buffer_take(data, size, &ctx) : NULL;
    const char *id = text_at(c->root, "model");
    bool same = false, other = false;
    read_options(&options, c->root);
    for (int layout = 0; buffer && layout < 2 && !same; layout++) {
        options.weight_is_inputs_by_outputs = layout == 1;
        lip_network_free(c->network);
        lip_model_read(&c->network, buffer, &options, &ctx);
        same = c->network && !strcmp(c->network->id, id);
        other = other || c->network;
    }
    lip_buffer_put(buffer);
    if (same && !lip_network_is_chain(c->network))
        return refuse(c, "Networks whose layers take from several others are "
                         "not known here.");
    for (size_t i = 0; same && i < c->network->count; i++)
        if (!is_known(&c->network->layer[i]))
            return refuse(c, "Layers of type %s are not known here.",
                          lip_layer_type(&c->network->layer[i]));
    if (same)
        return PROVED;
    return other ? refuse(c, "The certificate is of another model.")
                 : refuse(c, "The model: %.200s", ctx.error.detail);
}

/* With more bits as long as they decide nothing. */
static enum verdict decide(struct check *c)
{
    enum verdict verdict = UNDECIDED;
    const json_t *theorem = json_object_get(c->root, "theorem");
    for (c->bits = FIRST_BITS; verdict == UNDECIDED && c->bits <= LAST_BITS;
         c->bits *= 2) {
        verdict = certificate_claim(c);
        if (verdict != PROVED)
            return verdict;
        verdict = c->lower ? PROVED : chain_open(c);
        if (verdict == PROVED)
            verdict = theorem_check(c, text_at(theorem, "id"));
        chain_close(c);
    }
    if (verdict == UNDECIDED)
        refuse(c, "%d bits do not decide it.", LAST_BITS);
    return verdict;
}

int main(int argc, char **argv)
{
    static struct check c;
    size_t size;
    if (argc != 3 || argv[1][0] == '-') {
        bool help = argc == 2 && !strcmp(argv[1], "--help");
        fputs(usage, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    arb_init(c.claim);
    char *text = load(&c, argv[2], 16L << 20, &size);
    enum verdict verdict = REFUTED;
    if (text && certificate_read(&c, text, size) == PROVED &&
        open_model(&c, argv[1]) == PROVED)
        verdict = decide(&c);
    refuse(&c, "The evidence does not prove a bound as tight as the claim.");
    arb_clear(c.claim);
    json_decref(c.root);
    lip_free(text);
    lip_network_free(c.network);
    flint_cleanup();
    if (verdict == PROVED)
        puts("proved");
    else
        printf("not proved: %s\n", c.reason);
    return verdict != PROVED;
}
