/* SPDX-License-Identifier: MIT
 *
 * Writes certificates. Every value goes to the text and to the digest; members
 * are written in the order of their keys, which is the digest's. */
#include "api/certificate.h"

#include "api/certificate_gaps.h"
#include "base/digest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct writer {
    struct api_text *text;
    bool open; /* a list of a matrix's layers */
    struct sha256_ctx hash;
};

static void add_text(struct writer *w, const char *text)
{
    lip_digest_u64(&w->hash, strlen(text));
    sha256_update(&w->hash, strlen(text), (const uint8_t *)text);
}

/* What every value begins with. */
static void add(struct writer *w, const char *key, char tag)
{
    if (key)
        add_text(w, key);
    lip_digest_u64(&w->hash, (unsigned char)tag);
}

static void open_object(struct writer *w, const char *key)
{
    add(w, key, '{');
    api_object_open(w->text, key);
}

static void close_object(struct writer *w)
{
    add(w, NULL, '}');
    api_object_close(w->text);
}

static void open_array(struct writer *w, const char *key)
{
    add(w, key, '[');
    api_array_open(w->text, key);
}

static void close_array(struct writer *w)
{
    add(w, NULL, ']');
    api_array_close(w->text);
}

static void put_string(struct writer *w, const char *key, const char *value)
{
    add(w, key, 's');
    add_text(w, value);
    api_put_string(w->text, key, value);
}

static void put_bool(struct writer *w, const char *key, bool value)
{
    add(w, key, value ? 't' : 'f');
    api_put_bool(w->text, key, value);
}

static void put_number(struct writer *w, const char *key, double value)
{
    add(w, key, 'd');
    lip_digest_double(&w->hash, value);
    api_put_number(w->text, key, value);
}

static void put_sided(struct writer *w, const char *key, double value,
                      void (*put)(struct api_text *, const char *, double))
{
    add(w, key, 'd');
    lip_digest_double(&w->hash, value);
    put(w->text, key, value);
}

/* A plain number where a double holds it in full, else mantissa and exponent.
 */
static void put_big(struct writer *w, struct lip_big value)
{
    if (value.m == 0 || (value.e > -1021 && value.e <= 1024)) {
        put_number(w, NULL, ldexp(value.m, (int)value.e));
        return;
    }
    open_object(w, NULL);
    put_number(w, "exponent", (double)value.e);
    put_number(w, "mantissa", value.m);
    close_object(w);
}

static void put_norm(struct writer *w, const char *key, enum lip_norm norm)
{
    if (norm == LIP_NORM_INF)
        put_string(w, key, lip_norm_name(norm));
    else
        put_number(w, key, norm == LIP_NORM_1 ? 1 : 2);
}

/* --- the parts */

/* The first activation: what a reader has to know of a file that holds weights
 * only. */
static void put_activation(struct writer *w, const struct lip_network *network)
{
    size_t i = 0;
    while (i < network->count && !network->layer[i].activation)
        i++;
    if (i == network->count)
        return;
    const struct lip_layer *layer = &network->layer[i];
    open_object(w, "activation");
    open_array(w, "parameters");
    for (size_t k = 0; layer->activation->parameter[k].name; k++)
        put_number(w, NULL, layer->parameter[k]);
    close_array(w);
    put_string(w, "type", layer->activation->name);
    close_object(w);
}

/* The numbers of the linear layers in each matrix, first applied first. */
static void put_matrices(struct writer *w, const struct lip_network *network,
                         const struct lip_chain *chain)
{
    open_array(w, "matrices");
    for (size_t i = 0; i < chain->count; i++) {
        open_array(w, NULL);
        for (size_t k = chain->link[i].first; k < chain->link[i].end; k++)
            if (network->layer[k].kind->role == LIP_ROLE_LINEAR)
                put_number(w, NULL, (double)k);
        close_array(w);
    }
    close_array(w);
}

/* The same where layers sort or mirror numbers. */
static void begin_matrix(void *writer)
{
    struct writer *w = writer;
    if (w->open)
        close_array(w);
    open_array(w, NULL);
    w->open = true;
}

static void put_layer(void *writer, size_t layer)
{
    put_number(writer, NULL, (double)layer);
}

static void put_plain_matrices(struct writer *w,
                               const struct lip_network *network)
{
    open_array(w, "matrices");
    api_certificate_matrices(network, begin_matrix, put_layer, w);
    close_array(w);
    close_array(w);
}

static double end_of(const struct lip_slopes *slopes, size_t k, size_t n,
                     bool upper)
{
    return k >= n ? 1 : upper ? slopes[k].hi : slopes[k].lo;
}

/* One end of the slopes of `width` numbers, 1 from n on: one number where all
 * are the same. */
static void put_ends(struct writer *w, const char *key,
                     const struct lip_slopes *slopes, size_t n, size_t width,
                     bool upper)
{
    double first = end_of(slopes, 0, n, upper);
    bool same = true;
    for (size_t k = 1; k < width; k++) {
        double x = end_of(slopes, k, n, upper);
        same = same && x >= first && x <= first;
    }
    open_array(w, key);
    for (size_t k = 0; k < (same ? 1 : width); k++)
        put_number(w, NULL, end_of(slopes, k, n, upper));
    close_array(w);
}

/* Numbers in gap i, and how many of them are neurons of the chain. */
static struct api_gap gap_at(const struct lip_network *network,
                             const struct lip_chain *chain, size_t i)
{
    size_t n = lip_chain_width(chain, i + 1);
    struct api_gap gap = {n, n};
    if (!chain->dense)
        api_certificate_gap(&gap, network, i);
    return gap;
}

static void put_chain(struct writer *w, const struct lip_network *network,
                      const struct lip_chain *chain,
                      const struct lip_evidence *evidence)
{
    open_object(w, "chain");
    if (chain->dense)
        put_matrices(w, network, chain);
    else
        put_plain_matrices(w, network);
    open_array(w, "slopes");
    for (size_t i = 0; i + 1 < chain->count; i++) {
        const struct lip_slopes *s =
            evidence->layers ? evidence->slopes[i] : chain->slopes[i];
        struct api_gap gap = gap_at(network, chain, i);
        open_object(w, NULL);
        put_ends(w, "lower", s, gap.neurons, gap.width, false);
        put_ends(w, "upper", s, gap.neurons, gap.width, true);
        close_object(w);
    }
    close_array(w);
    open_array(w, "widths");
    put_number(w, NULL, (double)chain->inputs);
    for (size_t i = 0; i + 1 < chain->count; i++)
        put_number(w, NULL, (double)gap_at(network, chain, i).width);
    put_number(w, NULL, (double)chain->outputs);
    close_array(w);
    close_object(w);
}

/* The bound rounds up or down in the text, to the safe side. */
static void put_claim(struct writer *w, struct lip_norm_pair norm, double bound,
                      bool upper)
{
    char hex[40];
    snprintf(hex, sizeof hex, "%a", bound);
    open_object(w, "claim");
    if (!upper)
        put_sided(w, "lower_bound", bound, api_put_lower);
    if (!upper)
        put_string(w, "lower_bound_hex", hex);
    open_object(w, "norm");
    put_norm(w, "input", norm.input);
    put_norm(w, "output", norm.output);
    close_object(w);
    if (upper)
        put_sided(w, "upper_bound", bound, api_put_upper);
    if (upper)
        put_string(w, "upper_bound_hex", hex);
    close_object(w);
}

/* The multipliers of a gap; of what passes it, which the theorem allows any,
 * some that are so large that they cost nothing. */
static void put_row(struct writer *w, const struct lip_evidence_row *row,
                    struct api_gap gap)
{
    struct lip_big most = {0, 0};
    open_array(w, NULL);
    for (size_t k = 0; k < gap.neurons; k++) {
        put_big(w, row->value[k]);
        most = lip_big_less(most, row->value[k]) ? row->value[k] : most;
    }
    most.e += 200;
    for (size_t k = gap.neurons; k < gap.width; k++)
        put_big(w, most);
    close_array(w);
}

static void put_evidence(struct writer *w, const struct lip_network *network,
                         const struct lip_chain *chain,
                         const struct lip_evidence *evidence)
{
    open_object(w, "evidence");
    open_array(w, "numbers");
    for (size_t i = 0; i < evidence->rows; i++) {
        size_t n = evidence->row[i].count;
        put_row(w, &evidence->row[i],
                chain->dense ? (struct api_gap){n, n}
                             : gap_at(network, chain, i));
    }
    close_array(w);
    if (evidence->norms) {
        open_array(w, "path");
        for (size_t i = 0; i < evidence->norms; i++)
            put_norm(w, NULL, evidence->norm[i]);
        close_array(w);
    }
    put_bool(w, "transposed", evidence->transposed);
    close_object(w);
}

static void put_theorem(struct writer *w, const struct lip_theorem *theorem)
{
    open_object(w, "theorem");
    put_string(w, "citation", theorem->citation);
    put_string(w, "id", theorem->id);
    put_string(w, "numbers", theorem->numbers);
    put_string(w, "statement", theorem->statement);
    close_object(w);
}

static void put_witness(struct writer *w, const struct lip_lower_bound *lower)
{
    open_object(w, "evidence");
    open_array(w, "numbers");
    for (int side = 0; side < 2; side++) {
        open_array(w, NULL);
        for (size_t k = 0; k < lower->inputs; k++)
            put_number(w, NULL, side ? lower->y[k] : lower->x[k]);
        close_array(w);
    }
    close_array(w);
    put_bool(w, "transposed", false);
    close_object(w);
}

static void put_missing(struct api_text *text, const char *key,
                        const char *sentence)
{
    char name[80];
    snprintf(name, sizeof name, "%s_missing", key);
    api_put_string(text, name, sentence);
}

/* --- the whole */

static void begin(struct writer *w, struct api_text *text, const char *key,
                  const struct lip_network *network)
{
    *w = (struct writer){.text = text};
    sha256_init(&w->hash);
    api_object_open(text, key);
    add(w, NULL, '{');
    put_activation(w, network);
}

static void finish(struct writer *w, const char *method,
                   const struct lip_network *network,
                   const struct lip_theorem *theorem)
{
    char digest[LIP_DIGEST_TEXT];
    put_string(w, "format", "lipschitz-certificate");
    put_string(w, "method", method);
    put_string(w, "model", network->id);
    put_theorem(w, theorem);
    put_number(w, "version", API_CERTIFICATE_VERSION);
    add(w, NULL, '}');
    lip_digest_text(digest, &w->hash);
    api_put_string(w->text, "digest", digest);
    api_object_close(w->text);
}

static bool has_own_slopes(const struct lip_network *network)
{
    bool has = false;
    for (size_t i = 0; i < network->count; i++)
        has = has || network->layer[i].kind->slopes;
    return has;
}

/* True, and said so, where certificates have no words for the network. */
static bool put_other(struct api_text *text, const char *key,
                      const struct lip_network *network)
{
    if (lip_network_is_dense(network))
        return false;
    put_missing(text, key,
                "lipschitz-check knows chains of dense layers; this network "
                "has layers or connections of another kind.");
    return true;
}

/* Whether the evidence is multipliers of the chain that a certificate of sorts
 * and mirrors speaks of. */
static bool is_told(const struct lip_network *network,
                    const struct lip_chain *plain,
                    const struct lip_evidence *evidence)
{
    struct api_gap gap;
    if (!plain || evidence->theorem != &lip_theorem_recursion ||
        evidence->rows + 1 != plain->count)
        return false;
    for (size_t i = 0; i < evidence->rows; i++)
        if (!api_certificate_gap(&gap, network, i) ||
            gap.neurons != lip_chain_width(plain, i + 1) - plain->gap[i].passes)
            return false;
    return !api_certificate_gap(&gap, network, evidence->rows);
}

void api_certificate_write(struct api_text *text, const char *key,
                           const struct lip_network *network,
                           const struct lip_chain *chain,
                           struct lip_norm_pair norm,
                           const struct lip_bound *bound)
{
    struct writer w;
    if (put_other(text, key, network))
        return;
    if (!bound->evidence) {
        put_missing(text, key,
                    "This method does not keep what its bound is proven from.");
        return;
    }
    if (chain->joint && !is_told(network, chain->plain, bound->evidence)) {
        put_missing(text, key,
                    "Of networks that sort or mirror numbers, only bounds from "
                    "the block recursion have certificates (eclipse-fast, "
                    "closed-form, eclipse, lipsdp).");
        return;
    }
    chain = chain->joint ? chain->plain : chain;
    if (has_own_slopes(network)) {
        put_missing(text, key,
                    "lipschitz-check does not know layers with splines yet.");
        return;
    }
    begin(&w, text, key, network);
    put_chain(&w, network, chain, bound->evidence);
    put_claim(&w, norm, bound->upper_bound, true);
    put_evidence(&w, network, chain, bound->evidence);
    finish(&w, bound->method->id, network, bound->evidence->theorem);
}

void api_certificate_write_lower(struct api_text *text, const char *key,
                                 const struct lip_network *network,
                                 struct lip_norm_pair norm,
                                 const struct lip_lower_bound *lower)
{
    struct writer w;
    if (put_other(text, key, network))
        return;
    if (!lower->x || !lower->y) {
        put_missing(text, key, "There is no pair of points to show.");
    } else {
        begin(&w, text, key, network);
        put_claim(&w, norm, lower->value, false);
        put_witness(&w, lower);
        finish(&w, lower->method, network, &lip_theorem_quotient);
    }
}
