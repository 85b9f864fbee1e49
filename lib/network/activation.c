/* SPDX-License-Identifier: MIT
 *
 * The table of activations, and finding one by name. */
#include "network/activation.h"

#include "network/activations/list.h"

#include <math.h>

#define ROW(id) &lip_activation_##id,
const struct lip_activation *const lip_activations[] = {
    LIP_EACH_ACTIVATION(ROW) NULL,
};
#undef ROW

/* Other names in use for the same function. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    {"swish", "silu"},
    {"logistic", "sigmoid"},
    {"linear", "identity"},
    {"none", "identity"},
    {"atan", "arctan"},
    {"absolute", "abs"},
    {"gelu-new", "gelu-tanh"},
    {"gelu-erf", "gelu"},
    {"gelu-pytorch-tanh", "gelu-tanh"},
    {"gelu-approx", "gelu-tanh"},
};

/* The next character that counts. ASCII only, whatever the locale. */
static char next(const char **text)
{
    while (**text == '-' || **text == '_')
        ++*text;
    char c = **text;
    if (c)
        ++*text;
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool lip_same_name(const char *a, const char *b)
{
    for (;;) {
        char c = next(&a);
        if (c != next(&b))
            return false;
        if (!c)
            return true;
    }
}

static const struct lip_activation *find_listed(const char *name)
{
    for (size_t i = 0; lip_activations[i]; i++)
        if (lip_same_name(lip_activations[i]->name, name))
            return lip_activations[i];
    return NULL;
}

const struct lip_activation *lip_activation_find(const char *name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (lip_same_name(aliases[i].alias, name))
            return find_listed(aliases[i].name);
    return find_listed(name);
}

struct lip_slopes lip_slopes_compose(struct lip_slopes a, struct lip_slopes b)
{
    double p[4] = {a.lo * b.lo, a.lo * b.hi, a.hi * b.lo, a.hi * b.hi};
    double lo = fmin(fmin(p[0], p[1]), fmin(p[2], p[3]));
    double hi = fmax(fmax(p[0], p[1]), fmax(p[2], p[3]));
    bool exact =
        (b.lo == 0 || fabs(b.lo) == 1) && (b.hi == 0 || fabs(b.hi) == 1);
    if (exact)
        return (struct lip_slopes){lo, hi};
    return (struct lip_slopes){nextafter(lo, -INFINITY),
                               nextafter(hi, INFINITY)};
}
