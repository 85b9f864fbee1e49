/* SPDX-License-Identifier: MIT
 *
 * One table lists the options. A value from the query is first turned into the
 * JSON value it stands for, so that each option is checked in one place only.
 */
#include "api/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_ITERATIONS = 1000000000 };

/* Where a value came from, for messages: a query parameter or a pointer. */
struct spot {
    bool in_query;
    char where[200];
};

enum lip_status api_out_of_memory(struct api_problem *problem)
{
    api_problem_set(problem, API_PROBLEM_OVERLOADED,
                    "The service is out of memory. Try again later.");
    return LIP_NO_MEMORY;
}

static enum lip_status refuse(struct api_options *o, const struct spot *spot,
                              const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum lip_status refuse(struct api_options *o, const struct spot *spot,
                              const char *format, ...)
{
    char sentence[480];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    api_problem_set_at(o->problem, API_PROBLEM_INVALID_OPTION, LIP_AT_POINTER,
                       spot->where, "%s", sentence);
    o->problem->in_query = spot->in_query;
    return LIP_INVALID;
}

/* The spot of a member inside a value. In the query it is the parameter. The
 * escapes are those of RFC 6901. */
static struct spot member_spot(const struct spot *parent, const char *name)
{
    struct spot spot = *parent;
    if (spot.in_query)
        return spot;
    size_t n = strlen(spot.where);
    for (const char *p = name; n + 3 < sizeof spot.where; p++) {
        if (p == name)
            spot.where[n++] = '/';
        if (!*p)
            break;
        if (*p == '~' || *p == '/') {
            spot.where[n++] = '~';
            spot.where[n++] = *p == '~' ? '0' : '1';
        } else {
            spot.where[n++] = *p;
        }
    }
    spot.where[n] = '\0';
    return spot;
}

static struct spot item_spot(const struct spot *parent, size_t i)
{
    char index[24];
    snprintf(index, sizeof index, "%zu", i);
    return member_spot(parent, index);
}

/* --- norm */

static bool equals(const json_t *value, double number)
{
    double x = json_number_value(value);
    return json_is_number(value) && x >= number && x <= number;
}

static enum lip_status read_norm_name(struct api_options *o, enum lip_norm *out,
                                      const json_t *value,
                                      const struct spot *spot)
{
    const char *text = json_string_value(value);
    if (equals(value, 1))
        *out = LIP_NORM_1;
    else if (equals(value, 2))
        *out = LIP_NORM_2;
    else if (text && strcmp(text, "inf") == 0)
        *out = LIP_NORM_INF;
    else
        return refuse(o, spot,
                      "A norm is 1, 2 or \"inf\", or for two of them "
                      "{\"input\": p, \"output\": q} (in the query: "
                      "norm=p,q).");
    return LIP_OK;
}

static enum lip_status read_norm(struct api_options *o, const json_t *value,
                                 const struct spot *spot)
{
    struct lip_norm_pair *norm = &o->request->options.norm;
    if (!json_is_object(value)) {
        enum lip_status s = read_norm_name(o, &norm->input, value, spot);
        norm->output = norm->input;
        return s;
    }
    struct spot in = member_spot(spot, "input");
    struct spot out = member_spot(spot, "output");
    if (json_object_size(value) != 2 || !json_object_get(value, "input") ||
        !json_object_get(value, "output"))
        return refuse(o, spot,
                      "A pair of norms has the two members \"input\" and "
                      "\"output\" and no other.");
    enum lip_status s =
        read_norm_name(o, &norm->input, json_object_get(value, "input"), &in);
    if (s != LIP_OK)
        return s;
    return read_norm_name(o, &norm->output, json_object_get(value, "output"),
                          &out);
}

/* --- methods */

/* "naive, spectral, ...": what a client may name. */
static void list_methods(char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; lip_methods[i] && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "",
                              lip_methods[i]->id);
}

static enum lip_status read_method(struct api_options *o, const json_t *value,
                                   const struct spot *spot)
{
    struct api_bound_request *request = o->request;
    const char *id = json_string_value(value);
    const struct lip_method *method = id ? lip_method_find(id) : NULL;
    if (!method) {
        char known[300];
        list_methods(known, sizeof known);
        return refuse(o, spot, "%s%.60s%s Known are: %s.",
                      id ? "There is no method \"" : "A method is a name.",
                      id ? id : "", id ? "\"." : "", known);
    }
    for (size_t i = 0; i < request->method_count; i++)
        if (request->method[i] == method)
            return refuse(o, spot, "The method \"%s\" is named twice.",
                          method->id);
    if (request->method_count == API_MAX_METHODS)
        return refuse(o, spot, "At most %d methods can be named.",
                      API_MAX_METHODS);
    request->method[request->method_count++] = method;
    return LIP_OK;
}

static enum lip_status read_methods(struct api_options *o, const json_t *value,
                                    const struct spot *spot)
{
    const char *text = json_string_value(value);
    if (text && strcmp(text, "auto") == 0)
        return LIP_OK;
    if (text && strcmp(text, "all") == 0) {
        o->request->choice = API_METHODS_ALL;
        return LIP_OK;
    }
    o->request->choice = API_METHODS_NAMED;
    if (!json_is_array(value))
        return read_method(o, value, spot);
    if (json_array_size(value) == 0)
        return refuse(o, spot,
                      "The list of methods is empty. Name some, or ask for "
                      "\"auto\" or \"all\".");
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct spot at = item_spot(spot, i);
        enum lip_status s = read_method(o, json_array_get(value, i), &at);
        if (s != LIP_OK)
            return s;
    }
    return LIP_OK;
}

/* --- numbers */

static enum lip_status read_time_limit(struct api_options *o,
                                       const json_t *value,
                                       const struct spot *spot)
{
    double x = json_number_value(value);
    if (!json_is_number(value) || !isfinite(x) || x <= 0)
        return refuse(o, spot,
                      "\"time_limit\" is a number of seconds greater than 0.");
    o->request->options.time_limit = x;
    return LIP_OK;
}

static enum lip_status read_tolerance(struct api_options *o,
                                      const json_t *value,
                                      const struct spot *spot)
{
    double x = json_number_value(value);
    if (!json_is_number(value) || !(x > 0) || x > 1)
        return refuse(o, spot,
                      "\"tolerance\" is a relative accuracy: a number greater "
                      "than 0 and at most 1.");
    o->request->options.tolerance = x;
    return LIP_OK;
}

static enum lip_status read_max_iterations(struct api_options *o,
                                           const json_t *value,
                                           const struct spot *spot)
{
    double x = json_number_value(value);
    if (!json_is_number(value) || !(x >= 1) || x > MAX_ITERATIONS ||
        x > floor(x))
        return refuse(o, spot,
                      "\"max_iterations\" is a whole number from 1 to %d.",
                      MAX_ITERATIONS);
    o->request->options.max_iterations = (size_t)x;
    return LIP_OK;
}

/* --- certificates */

static enum lip_status read_certificate(struct api_options *o,
                                        const json_t *value,
                                        const struct spot *spot)
{
    if (!json_is_boolean(value))
        return refuse(o, spot,
                      "\"certificate\" is true or false (in the query: 1 or "
                      "0).");
    o->request->options.evidence = json_is_true(value);
    return LIP_OK;
}

/* --- lower bound */

static enum lip_status read_lower_bound(struct api_options *o,
                                        const json_t *value,
                                        const struct spot *spot)
{
    if (!json_is_boolean(value))
        return refuse(o, spot,
                      "\"lower_bound\" is true or false (in the query: 1 or "
                      "0).");
    o->request->lower_bound =
        json_is_true(value) ? API_LOWER_YES : API_LOWER_NO;
    return LIP_OK;
}

/* --- how weights are read */

static enum lip_status read_layout(struct api_options *o, const json_t *value,
                                   const struct spot *spot)
{
    const char *text = json_string_value(value);
    if (!text || (strcmp(text, "io") != 0 && strcmp(text, "oi") != 0))
        return refuse(o, spot,
                      "\"layout\" is \"oi\" for weights stored as outputs x "
                      "inputs, or \"io\" for inputs x outputs.");
    o->read.weight_is_inputs_by_outputs = strcmp(text, "io") == 0;
    return LIP_OK;
}

/* The name of a parameter of any activation, as the table holds it. */
static const char *parameter_name(const char *name)
{
    for (size_t i = 0; lip_activations[i]; i++)
        for (const struct lip_parameter *p = lip_activations[i]->parameter;
             p->name; p++)
            if (strcmp(p->name, name) == 0)
                return p->name;
    return NULL;
}

static enum lip_status read_parameter(struct api_options *o, const char *name,
                                      const json_t *value,
                                      const struct spot *spot)
{
    if (!json_is_number(value))
        return refuse(o, spot, "\"%s\" is a number.", name);
    for (size_t i = 0; i < o->parameter_count; i++)
        if (o->parameter[i].name == name)
            return refuse(o, spot, "\"%s\" is given twice.", name);
    if (o->parameter_count == API_MAX_PARAMETERS)
        return refuse(o, spot, "There are too many parameters.");
    size_t k = o->parameter_count++;
    o->parameter[k].name = name;
    o->parameter[k].value = json_number_value(value);
    o->parameter[k].in_query = spot->in_query;
    snprintf(o->parameter[k].where, sizeof o->parameter[k].where, "%s",
             spot->where);
    return LIP_OK;
}

static enum lip_status read_activation_object(struct api_options *o,
                                              const json_t *value,
                                              const struct spot *spot);

/* "relu", or {"type": "leaky-relu", "negative_slope": 0.1}. */
static enum lip_status read_activation(struct api_options *o,
                                       const json_t *value,
                                       const struct spot *spot)
{
    if (json_is_object(value))
        return read_activation_object(o, value, spot);
    const char *text = json_string_value(value);
    o->read.activation = text ? lip_activation_find(text) : NULL;
    if (o->read.activation && !o->read.activation->per_neuron)
        return LIP_OK;
    char known[300] = "";
    size_t n = 0;
    for (size_t i = 0; lip_activations[i] && n < sizeof known; i++)
        if (!lip_activations[i]->per_neuron)
            n += (size_t)snprintf(known + n, sizeof known - n, "%s%s",
                                  n ? ", " : "", lip_activations[i]->name);
    return refuse(o, spot,
                  "This is no activation that can be named here. Known are: "
                  "%s.",
                  known);
}

static enum lip_status read_activation_object(struct api_options *o,
                                              const json_t *value,
                                              const struct spot *spot)
{
    const json_t *type = json_object_get(value, "type");
    if (!json_is_string(type))
        return refuse(o, spot, "An activation has the member \"type\".");
    struct spot at = member_spot(spot, "type");
    enum lip_status s = read_activation(o, type, &at);
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)value, name, member)
    {
        if (s != LIP_OK)
            return s;
        if (member == type)
            continue;
        at = member_spot(spot, name);
        const char *known = parameter_name(name);
        s = known ? read_parameter(o, known, member, &at)
                  : refuse(o, &at, "No activation has this parameter.");
    }
    return s;
}

/* --- from the text of a query to a JSON value */

static json_t *text_value(const char *text)
{
    json_t *value = json_string(text);
    /* Text that is not UTF-8 is no known name; out of memory shows as NULL
     * here too. */
    return value ? value : json_string("");
}

/* The JSON number, or else the text itself. */
static json_t *number_value(const char *text)
{
    json_error_t ignored;
    if (text[strcspn(text, " \t\r\n")]) /* jansson would skip it */
        return text_value(text);
    json_t *value =
        json_loads(text, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &ignored);
    if (json_is_number(value))
        return value;
    json_decref(value);
    return text_value(text);
}

/* The parts between commas, each through `part`. */
static json_t *list_value(const char *text, json_t *(*part)(const char *))
{
    json_t *list = json_array();
    for (const char *p = text; list; p++) {
        size_t n = strcspn(p, ",");
        char item[80];
        snprintf(item, sizeof item, "%.*s", n < 79 ? (int)n : 79, p);
        if (json_array_append_new(list, part(item)) != 0) {
            json_decref(list);
            return NULL;
        }
        p += n;
        if (!*p)
            break;
    }
    return list;
}

static json_t *bool_value(const char *text)
{
    if (strcmp(text, "1") == 0 || strcmp(text, "true") == 0)
        return json_true();
    if (strcmp(text, "0") == 0 || strcmp(text, "false") == 0)
        return json_false();
    return text_value(text);
}

static json_t *methods_value(const char *text)
{
    bool group = strcmp(text, "auto") == 0 || strcmp(text, "all") == 0;
    return group ? text_value(text) : list_value(text, text_value);
}

static json_t *norm_value(const char *text)
{
    if (!strchr(text, ','))
        return number_value(text);
    json_t *list = list_value(text, number_value);
    if (json_array_size(list) != 2) /* not a norm: refused later */
        return list;
    json_t *pair = json_pack("{s:O,s:O}", "input", json_array_get(list, 0),
                             "output", json_array_get(list, 1));
    json_decref(list);
    return pair;
}

/* --- the table */

static const struct {
    const char *name;
    json_t *(*from_text)(const char *text);
    enum lip_status (*read)(struct api_options *, const json_t *,
                            const struct spot *);
    bool for_weights;
} option[] = {
    {"norm", norm_value, read_norm, false},
    {"methods", methods_value, read_methods, false},
    {"time_limit", number_value, read_time_limit, false},
    {"tolerance", number_value, read_tolerance, false},
    {"max_iterations", number_value, read_max_iterations, false},
    {"certificate", bool_value, read_certificate, false},
    {"lower_bound", bool_value, read_lower_bound, false},
    {"activation", text_value, read_activation, true},
    {"layout", text_value, read_layout, true},
};

enum { OPTIONS = sizeof option / sizeof *option };

static size_t option_index(const char *name)
{
    size_t i = 0;
    while (i < OPTIONS && strcmp(option[i].name, name) != 0)
        i++;
    return i;
}

static enum lip_status read_option(struct api_options *o, const char *name,
                                   const json_t *value, const struct spot *spot)
{
    size_t i = option_index(name);
    if (i < OPTIONS) {
        if (o->seen & 1u << i)
            return refuse(o, spot, "The option \"%s\" is given twice.", name);
        o->seen |= 1u << i;
        return option[i].read(o, value, spot);
    }
    const char *parameter = parameter_name(name);
    if (parameter)
        return read_parameter(o, parameter, value, spot);
    return refuse(o, spot,
                  "There is no option \"%.60s\". Known are: norm, methods, "
                  "time_limit, tolerance, max_iterations, certificate, "
                  "lower_bound, activation with its parameters, layout.",
                  name);
}

void api_options_init(struct api_options *options,
                      struct api_bound_request *request,
                      struct api_problem *problem)
{
    memset(options, 0, sizeof *options);
    options->request = request;
    options->problem = problem;
    lip_read_options_default(&options->read);
    request->options = (struct lip_bound_options){
        .norm = {LIP_NORM_2, LIP_NORM_2},
    };
    request->choice = API_METHODS_AUTO;
    request->lower_bound = API_LOWER_DEFAULT;
    request->method_count = 0;
}

enum lip_status api_options_query(struct api_options *options,
                                  const struct api_query *query)
{
    for (size_t i = 0; query && i < query->count; i++) {
        struct spot spot = {.in_query = true};
        const char *name = query->item[i].name;
        snprintf(spot.where, sizeof spot.where, "%s", name);
        size_t k = option_index(name);
        json_t *value = k < OPTIONS ? option[k].from_text(query->item[i].value)
                                    : number_value(query->item[i].value);
        if (!value)
            return api_out_of_memory(options->problem);
        enum lip_status s = read_option(options, name, value, &spot);
        json_decref(value);
        if (s != LIP_OK)
            return s;
    }
    return LIP_OK;
}

enum lip_status api_options_member(struct api_options *options,
                                   const char *name, const json_t *value)
{
    struct spot root = {.in_query = false};
    struct spot at = member_spot(&root, name);
    return read_option(options, name, value, &at);
}

bool api_options_for_weights(const struct api_options *options)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (option[i].for_weights && (options->seen & 1u << i))
            return true;
    return options->parameter_count > 0;
}

/* Sets parameter number k of those given, or refuses it. */
static enum lip_status set_parameter(struct api_options *o, size_t k,
                                     const struct lip_activation *activation)
{
    struct spot spot = {.in_query = o->parameter[k].in_query};
    snprintf(spot.where, sizeof spot.where, "%s", o->parameter[k].where);
    for (size_t i = 0; activation->parameter[i].name; i++) {
        const struct lip_parameter *p = &activation->parameter[i];
        double x = o->parameter[k].value;
        if (strcmp(p->name, o->parameter[k].name) != 0)
            continue;
        if (!(x >= p->min && x <= p->max))
            return refuse(o, &spot, "\"%s\" lies between %g and %g.", p->name,
                          p->min, p->max);
        o->read.parameter[i] = x;
        return LIP_OK;
    }
    return refuse(o, &spot, "The activation \"%s\" has no parameter \"%s\".",
                  activation->name, o->parameter[k].name);
}

enum lip_status api_options_finish(struct api_options *options)
{
    const struct lip_activation *activation = options->read.activation;
    for (size_t i = 0; activation->parameter[i].name; i++)
        options->read.parameter[i] = activation->parameter[i].fallback;
    for (size_t k = 0; k < options->parameter_count; k++) {
        enum lip_status s = set_parameter(options, k, activation);
        if (s != LIP_OK)
            return s;
    }
    return LIP_OK;
}
