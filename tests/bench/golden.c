/* SPDX-License-Identifier: MIT
 *
 * How far proven bounds lie above the values of other programs. Those are
 * rounded themselves, to about 1e-12: "least" may be negative by that much. */
#include "tests/support/golden.h"
#include "tests/support/measure.h"

#include <math.h>
#include <string.h>

/* Relative differences of one kind of value. */
struct spread {
    const char *name, *key, *method, *detail;
    struct lip_norm_pair pair;
    double least, largest;
    size_t count;
};

static void add(struct spread *s, const struct lip_chain *chain, double value)
{
    double got = s->detail ? detail_of(s->method, chain, s->detail)
                           : bound_of(s->method, chain, s->pair);
    double off = got / value - 1;
    s->least = s->count ? fmin(s->least, off) : off;
    s->largest = s->count ? fmax(s->largest, off) : off;
    s->count++;
}

static void print(const struct spread *s)
{
    char name[80], allowed[60];
    if (s->count == 0)
        return;
    snprintf(allowed, sizeof allowed, "1e-9 allowed, %zu values", s->count);
    snprintf(name, sizeof name, "golden/%s/largest-excess", s->name);
    measure_print(name, s->largest, "relative", s->largest / 1e-9, allowed);
    snprintf(name, sizeof name, "golden/%s/least-excess", s->name);
    measure_print(name, s->least, "relative", 0, NULL);
}

#define PAIR_11                                                                \
    {                                                                          \
        LIP_NORM_1, LIP_NORM_1                                                 \
    }
#define PAIR_II                                                                \
    {                                                                          \
        LIP_NORM_INF, LIP_NORM_INF                                             \
    }
#define L2                                                                     \
    {                                                                          \
        LIP_NORM_2, LIP_NORM_2                                                 \
    }

/* Keys of tests/golden/networks/golden.json. */
static void shipped(void)
{
    struct spread kind[] = {
        {"shipped-naive-1", "product_l1", "naive", NULL, PAIR_11, 0, 0, 0},
        {"shipped-naive-2", "product_frobenius", "naive", NULL, L2, 0, 0, 0},
        {"shipped-naive-inf", "product_linf", "naive", NULL, PAIR_II, 0, 0, 0},
        {"shipped-spectral", "product_l2", "spectral", NULL, L2, 0, 0, 0},
        {"shipped-eclipse-fast", "eclipse_fast_l2", "eclipse-fast", NULL, L2, 0,
         0, 0},
    };
    size_t kinds = sizeof kind / sizeof *kind, i;
    json_t *golden = golden_json(GOLDEN_SHIPPED, "golden.json");
    const json_t *entry;
    json_array_foreach(golden, i, entry)
    {
        char file[100];
        snprintf(file, sizeof file, "%s.npz",
                 json_string_value(json_object_get(entry, "name")));
        struct lip_chain *chain = golden_chain(GOLDEN_SHIPPED, file);
        for (size_t k = 0; k < kinds; k++)
            add(&kind[k], chain,
                json_number_value(json_object_get(entry, kind[k].key)));
        lip_chain_free(chain);
    }
    json_decref(golden);
    for (size_t k = 0; k < kinds; k++)
        print(&kind[k]);
}

/* Methods of the large collection, closed forms only. */
static void collection(const char *folder)
{
    struct spread kind[] = {
        {"spectral", "naive-product", "spectral", NULL, L2, 0, 0, 0},
        {"eclipse-fast", "ECLipsE-Fast", "eclipse-fast", NULL, L2, 0, 0, 0},
        {"midpoint-LipLT", "LipLT", "midpoint", "network", L2, 0, 0, 0},
        {"absolute-exact", "exact LipSDP-Neuron", "absolute", NULL, L2, 0, 0,
         0},
    };
    size_t kinds = sizeof kind / sizeof *kind, i;
    json_t *golden = golden_json(folder, "global.json");
    const json_t *entry;
    json_array_foreach(json_object_get(golden, "entries"), i, entry)
    {
        const char *method =
            json_string_value(json_object_get(entry, "method"));
        double value = json_number_value(json_object_get(entry, "value"));
        const json_t *tolerance = json_object_get(entry, "rel_tolerance");
        bool rough = json_number_value(tolerance) > 2e-10;
        if (!json_is_true(json_object_get(entry, "file_present")) || rough)
            continue;
        for (size_t k = 0; k < kinds; k++) {
            if (strncmp(method, kind[k].key, strlen(kind[k].key)) != 0)
                continue;
            struct lip_chain *chain = golden_chain(
                folder, json_string_value(json_object_get(entry, "file")));
            add(&kind[k], chain, value);
            lip_chain_free(chain);
        }
    }
    json_decref(golden);
    for (size_t k = 0; k < kinds; k++)
        print(&kind[k]);
}

static void bench(void)
{
    shipped();
    const char *folder = golden_folder();
    if (folder)
        collection(folder);
}

int main(void)
{
    return measure_main(bench);
}
