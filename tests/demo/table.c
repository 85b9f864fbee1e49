/* SPDX-License-Identifier: MIT
 *
 * The answer of POST /bound, read from standard input, as a table for people:
 *
 *     curl ... | table
 */
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAR = 36, DIGITS = 5 };

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

/* A bound keeps its promise on paper too: the last digit moves up (or down, for
 * a lower bound) where the nearest decimal lies on the wrong side. */
static void print_bound(char *out, size_t size, double value, bool upper)
{
    int exponent = value > 0 ? (int)floor(log10(value)) : 0;
    bool plain = exponent >= -4 && exponent <= 9; /* else 1.2346e+25 */
    int places = plain && exponent >= DIGITS ? 0
                 : plain                     ? DIGITS - 1 - exponent
                                             : DIGITS - 1;
    double last = pow(10, plain ? -places : exponent - places);
    snprintf(out, size, plain ? "%.*f" : "%.*e", places, value);
    double printed = strtod(out, NULL);
    if (upper ? printed < value : printed > value)
        snprintf(out, size, plain ? "%.*f" : "%.*e", places,
                 upper ? value + last : value - last);
}

static void print_time(char *out, size_t size, double seconds)
{
    if (seconds < 1)
        snprintf(out, size, "%.2f ms", 1e3 * seconds);
    else
        snprintf(out, size, "%.2f s", seconds);
}

/* "784-128-64-10", the layers' outputs, and the activations' names once each.
 */
static void print_model(const json_t *model)
{
    char seen[256] = " ";
    size_t i;
    json_t *layer;
    printf("%.0f", number(model, "inputs"));
    json_array_foreach(json_object_get(model, "layers"), i, layer)
    {
        const json_t *shape = json_object_get(layer, "shape");
        const char *type = text(layer, "type");
        char word[64];
        if (json_array_size(shape) == 2)
            printf("-%.0f", json_number_value(json_array_get(shape, 0)));
        snprintf(word, sizeof word, " %s ", type);
        if (!shape && strcmp(type, "flatten") && !strstr(seen, word))
            snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s ",
                     type);
    }
    printf("%s- %.0f parameters\n\n", seen, number(model, "parameters"));
}

/* The longer, the tighter. */
static void print_bar(double ratio, double best)
{
    for (int i = 0; i < ceil(BAR * ratio / best); i++)
        putchar('#');
}

static void print_row(const json_t *bound, double naive, double best)
{
    char value[64], seconds[64];
    printf("  %-14s", text(bound, "method"));
    if (json_object_get(bound, "skipped")) {
        printf("  skipped: %s\n", text(bound, "skipped"));
        return;
    }
    double upper = number(bound, "upper_bound");
    print_bound(value, sizeof value, upper, true);
    print_time(seconds, sizeof seconds, number(bound, "seconds"));
    printf("%12s   %-6s %10s ", value,
           json_is_true(json_object_get(bound, "certified")) ? "yes" : "no",
           seconds);
    if (naive > 0 && upper > 0) {
        printf("%9.4gx  ", naive / upper);
        print_bar(naive / upper, naive / best);
    }
    putchar('\n');
}

/* What the best bound says, and how much of it may be slack. */
static void print_best(const json_t *best, const json_t *lower)
{
    char value[64];
    print_bound(value, sizeof value, number(best, "upper_bound"), true);
    printf("\n  Two inputs at distance d have outputs at a distance of at most "
           "%s d (%s)",
           value, text(best, "method"));
    if (json_is_object(lower)) {
        print_bound(value, sizeof value, number(lower, "value"), false);
        printf(",\n  and some two at no less than %s d (%s)", value,
               text(lower, "method"));
    }
    printf(".\n\n");
}

static void print_table(const json_t *answer)
{
    const json_t *bounds = json_object_get(answer, "bounds");
    const json_t *best = json_object_get(answer, "best");
    double naive = 0;
    size_t i;
    json_t *bound;
    json_array_foreach(bounds, i, bound)
    {
        if (!strcmp(text(bound, "method"), "naive"))
            naive = number(bound, "upper_bound");
    }
    print_model(json_object_get(answer, "model"));
    printf("  %-14s%12s   %-6s %10s %10s\n", "method", "upper bound", "proven",
           "time", "smaller");
    json_array_foreach(bounds, i, bound)
        print_row(bound, naive, number(best, "upper_bound"));
    print_best(best, json_object_get(answer, "lower_bound"));
}

int main(void)
{
    json_error_t error;
    json_t *answer = json_loadf(stdin, 0, &error);
    if (!json_is_array(json_object_get(answer, "bounds"))) {
        fprintf(stderr, "this is not an answer of POST /bound\n");
        json_decref(answer);
        return 1;
    }
    print_table(answer);
    json_decref(answer);
    return 0;
}
