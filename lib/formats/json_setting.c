/* SPDX-License-Identifier: MIT
 *
 * Whole numbers that a layer is set up with. */
#include "formats/json_parts.h"

#include <math.h>

/* true and false are 1 and 0 where only these may be. */
static enum lip_status read_value(long *out,
                                  const struct lip_setting_kind *kind,
                                  struct lip_json *json)
{
    enum lip_json_type type;
    double value = 0;
    bool flag = false;
    enum lip_status status = lip_json_peek(json, &type);
    if (status != LIP_OK)
        return status;
    if (type == LIP_JSON_BOOL && kind->min == 0 && kind->max == 1) {
        status = lip_json_bool(json, &flag);
        value = flag;
    } else {
        status = lip_json_number(json, &value);
    }
    if (status != LIP_OK)
        return status;
    if (!(value >= (double)kind->min && value <= (double)kind->max) ||
        floor(value) < value)
        return lip_json_fail(json, LIP_INVALID,
                             "%s must be a whole number from %ld to %ld, not "
                             "%.17g.",
                             kind->name, kind->min, kind->max, value);
    *out = (long)value;
    return LIP_OK;
}

enum lip_status lip_json_setting(struct lip_setting *out,
                                 const struct lip_setting_kind *kind,
                                 struct lip_json *json)
{
    enum lip_json_type type;
    bool more;
    *out = (struct lip_setting){0};
    enum lip_status status = lip_json_peek(json, &type);
    if (status == LIP_OK && type != LIP_JSON_ARRAY) {
        out->count = 1;
        return read_value(&out->value[0], kind, json);
    }
    if (status == LIP_OK)
        status = lip_json_open_array(json);
    while (status == LIP_OK &&
           (status = lip_json_next_element(json, &more)) == LIP_OK && more) {
        if (out->count == kind->most)
            return lip_json_fail(json, LIP_INVALID,
                                 "%s has at most %zu numbers.", kind->name,
                                 kind->most);
        status = read_value(&out->value[out->count++], kind, json);
    }
    if (status == LIP_OK && out->count == 0)
        return lip_json_fail(json, LIP_INVALID,
                             "%s is empty: leave it out, or give numbers.",
                             kind->name);
    return status;
}
