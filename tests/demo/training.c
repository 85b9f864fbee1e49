/* SPDX-License-Identifier: MIT
 *
 * A training job for people: the events of GET /jobs/{id}/events, read from
 * standard input, as one line that moves; the document of GET /jobs/{id} as
 * what the model is worth.
 *
 *     curl -N .../jobs/ID/events | training
 *     curl .../jobs/ID | training
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAR = 24 };

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

/* --- the line that moves */

static void print_progress(const json_t *p)
{
    const json_t *metrics = json_object_get(p, "metrics");
    double epochs = number(p, "total"), steps = number(p, "steps");
    double part = steps > 0 ? number(p, "step") / steps : 0;
    double done = epochs > 0 ? (number(p, "done") + part) / epochs : 0;
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++)
        bar[i] = i < (int)floor(done * BAR) ? '#' : '.';
    bar[BAR] = '\0';
    printf("\r  %s %5.1f%%  epoch %g/%g", bar, 100 * done, number(p, "done"),
           epochs);
    if (metrics)
        printf("  loss %.4f  accuracy %.4f  L %.4f ", number(metrics, "loss"),
               number(metrics, "accuracy"), number(metrics, "lipschitz"));
    fflush(stdout);
}

static void follow(char *line, size_t size)
{
    while (fgets(line, (int)size, stdin)) {
        if (strncmp(line, "data: ", 6) != 0)
            continue;
        json_t *data = json_loads(line + 6, 0, NULL);
        if (json_object_get(data, "total"))
            print_progress(data);
        json_decref(data);
    }
    putchar('\n');
}

/* --- the result */

/* The last digit is on the safe side: up for bounds, down for shares. */
static double upward(double x)
{
    return ceil(x * 1e6) / 1e6;
}

static double percent_down(double x)
{
    return floor(x * 1e4) / 1e2;
}

static void print_part(const json_t *part)
{
    const json_t *list = json_object_get(part, "certified_accuracy");
    json_t *item;
    size_t i;
    printf("  %.2f %% of %g rows it was not trained on are right",
           percent_down(number(part, "accuracy")), number(part, "rows"));
    json_array_foreach(list, i, item)
    {
        printf("%s %.2f %% stay right within %g",
               i ? "," : ";\n  proven:", percent_down(number(item, "accuracy")),
               number(item, "radius"));
    }
    printf(".\n");
}

static int print_result(const json_t *job)
{
    const json_t *result = json_object_get(job, "result");
    const json_t *bound = json_object_get(result, "bound");
    const json_t *metrics = json_object_get(result, "metrics");
    if (strcmp(text(job, "state"), "succeeded") != 0) {
        printf("  The job %s: %s\n", text(job, "state"),
               text(json_object_get(job, "error"), "detail"));
        return 1;
    }
    printf("\n  asked for L <= %g, proven L <= %.6f (%s), %.2f s\n",
           number(result, "requested_lipschitz"),
           upward(number(bound, "upper_bound")), text(bound, "method"),
           number(result, "seconds"));
    print_part(json_object_get(metrics, "validation"));
    printf("  GET /models/%.14s...?format=safetensors\n\n",
           text(result, "model_id"));
    return 0;
}

int main(void)
{
    size_t size = 4 << 20;
    char *line = malloc(size);
    if (!line || !fgets(line, (int)size, stdin))
        return 1;
    json_t *job = json_loads(line, 0, NULL);
    int status = 0;
    if (job)
        status = print_result(job);
    else
        follow(line, size);
    json_decref(job);
    free(line);
    return status;
}
