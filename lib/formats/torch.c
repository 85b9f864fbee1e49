/* SPDX-License-Identifier: MIT
 *
 * Which of the dictionaries in a PyTorch file is the state dict. Of all calls
 * in its pickle OrderedDict() and those that make tensors mean something. */
#include "formats/torch.h"

#include "formats/json_string.h"
#include "formats/reader.h"
#include "formats/torch_parts.h"
#include "formats/weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_ENTRIES = 1 << 16 };

/* --- what values are */

static bool is_dict(const struct lip_torch_reader *r, uint32_t value)
{
    return lip_torch_value(r, value)->type == LIP_PICKLE_DICT ||
           lip_torch_is_call(r, value, "collections OrderedDict");
}

static bool holds_tensors(const struct lip_torch_reader *r, uint32_t dict)
{
    const struct lip_pickle_item *item = r->pickle.item;
    for (uint32_t i = lip_torch_value(r, dict)->first; i; i = item[i].next)
        if (lip_torch_is_tensor(r, item[i].value))
            return true;
    return false;
}

/* --- the dictionary that holds the tensors */

/* What the object is made by, where it is none of ours. */
static enum lip_status refuse_object(const struct lip_torch_reader *r,
                                     uint32_t value)
{
    char name[160] = "";
    const struct lip_pickle_value *v = lip_torch_value(r, value);
    if (v->type == LIP_PICKLE_CALL)
        lip_pickle_name(name, sizeof name, &r->pickle, v->callee);
    else if (v->type == LIP_PICKLE_GLOBAL)
        lip_pickle_name(name, sizeof name, &r->pickle, value);
    if (lip_torch_is_tensor(r, value))
        return lip_fail(r->ctx, LIP_UNSUPPORTED,
                        "The file holds a single tensor, not a state dict. "
                        "Save model.state_dict() with torch.save instead.");
    if (!*name)
        return lip_fail(r->ctx, LIP_INVALID,
                        "The PyTorch file holds no state dict: a dictionary "
                        "of tensors, as model.state_dict() is, was expected.");
    return lip_fail(r->ctx, LIP_UNSUPPORTED,
                    "The file holds a whole pickled object (%.120s), which is "
                    "code and is not run. Save model.state_dict() with "
                    "torch.save instead.",
                    name);
}

/* How sure we are that what goes by this name is the model: the least of
 * them is taken. */
static int rank_of(const struct lip_torch_reader *r, uint32_t key)
{
    static const char *const names[] = {
        "state_dict", "model_state_dict", "model_state", "model",
        "net",        "network",          "weights",     "params",
    };
    int count = sizeof names / sizeof *names;
    for (int i = 0; i < count; i++)
        if (lip_torch_is_string(r, key, names[i]))
            return i;
    return count;
}

static enum lip_status
find_inner(uint32_t *out, const struct lip_torch_reader *r, uint32_t root)
{
    const struct lip_pickle_item *item = r->pickle.item;
    uint32_t object = root;
    int best = -1;
    bool twice = false;
    for (uint32_t i = lip_torch_value(r, root)->first; i; i = item[i].next) {
        uint32_t value = item[i].value;
        int rank = rank_of(r, item[i].key);
        if (lip_torch_value(r, value)->type == LIP_PICKLE_CALL &&
            object == root)
            object = value;
        if (!is_dict(r, value) || !holds_tensors(r, value) ||
            (best >= 0 && rank > best))
            continue;
        twice = rank == best;
        best = rank;
        *out = value;
    }
    if (best < 0)
        return refuse_object(r, object);
    if (twice)
        return lip_fail(r->ctx, LIP_INVALID,
                        "The file holds several dictionaries of tensors. Save "
                        "the one to be read by itself: "
                        "torch.save(model.state_dict(), \"model.pt\").");
    return LIP_OK;
}

static enum lip_status find_state(uint32_t *out,
                                  const struct lip_torch_reader *r)
{
    *out = r->pickle.root;
    if (!is_dict(r, *out))
        return refuse_object(r, *out);
    return holds_tensors(r, *out) ? LIP_OK : find_inner(out, r, *out);
}

/* --- the dictionary */

static enum lip_status take_name(char name[LIP_TENSOR_NAME],
                                 const struct lip_torch_reader *r, uint32_t key)
{
    const struct lip_pickle_value *v = lip_torch_value(r, key);
    if (v->type != LIP_PICKLE_STRING || v->size >= LIP_TENSOR_NAME ||
        memchr(v->text, '\0', v->size) ||
        !lip_utf8_valid((const unsigned char *)v->text, v->size))
        return lip_fail(r->ctx, LIP_INVALID,
                        "A tensor of the state dict has a name that is no "
                        "text of less than %d bytes.",
                        LIP_TENSOR_NAME);
    memcpy(name, v->text, v->size);
    name[v->size] = '\0';
    return LIP_OK;
}

/* Numbers and texts beside the tensors are no weights; objects might be. */
static enum lip_status add_item(struct lip_torch_reader *r,
                                const struct lip_pickle_item *item)
{
    char name[LIP_TENSOR_NAME], object[120], text[240];
    const struct lip_pickle_value *v = lip_torch_value(r, item->value);
    bool tensor = lip_torch_is_tensor(r, item->value);
    if (!tensor && (v->type != LIP_PICKLE_CALL || is_dict(r, item->value)))
        return LIP_OK;
    enum lip_status status = take_name(name, r, item->key);
    if (status != LIP_OK)
        return status;
    if (tensor)
        return lip_torch_add_tensor(r, name, item->value);
    snprintf(text, sizeof text,
             "is a %s, which is not read. Leave it out of the state dict.",
             lip_pickle_name(object, sizeof object, &r->pickle, v->callee));
    return lip_torch_refuse(r, name, LIP_UNSUPPORTED, text);
}

static enum lip_status add_items(struct lip_torch_reader *r, uint32_t dict)
{
    const struct lip_pickle_item *item = r->pickle.item;
    double done = 0, total = lip_torch_value(r, dict)->count;
    uint32_t pairs = lip_torch_value(r, dict)->argument;
    if (lip_torch_value(r, dict)->type == LIP_PICKLE_CALL &&
        lip_torch_value(r, pairs)->count)
        return lip_fail(r->ctx, LIP_UNSUPPORTED,
                        "The state dict was saved by Python 2. Load it with "
                        "torch in Python 3 and save it again.");
    for (uint32_t i = lip_torch_value(r, dict)->first; i; i = item[i].next) {
        enum lip_status status = add_item(r, &item[i]);
        if (status == LIP_OK)
            status = lip_tick(r->ctx, "reading PyTorch", done++, total, NAN);
        if (status != LIP_OK)
            return status;
    }
    return LIP_OK;
}

/* --- the file */

/* The entry of the pickle, wherever its folder is. */
static struct lip_zip_entry *find_pickle(struct lip_torch_reader *r)
{
    static const char base[] = "data.pkl";
    for (size_t i = 0; i < r->zip.count; i++) {
        struct lip_zip_entry *entry = &r->zip.entry[i];
        size_t n = sizeof base - 1, folder = entry->name_size - n;
        if (entry->name_size < n || memcmp(entry->name + folder, base, n) != 0)
            continue;
        if (folder && entry->name[folder - 1] != '/')
            continue;
        r->folder = entry->name;
        r->folder_size = folder;
        return entry;
    }
    return NULL;
}

static enum lip_status check_byte_order(struct lip_torch_reader *r)
{
    struct lip_zip_entry *entry =
        lip_torch_find_entry(r, "", "byteorder", strlen("byteorder"));
    if (!entry)
        return LIP_OK;
    enum lip_status status = lip_zip_data(&r->zip, entry, r->ctx);
    if (status != LIP_OK)
        return status;
    if (entry->size == 6 && memcmp(entry->data, "little", 6) == 0)
        return LIP_OK;
    return lip_fail(r->ctx, LIP_UNSUPPORTED,
                    "The PyTorch file was written on a big-endian machine. "
                    "Load and save it on a little-endian one.");
}

static enum lip_status read_file(struct lip_torch_reader *r)
{
    uint32_t state = 0;
    enum lip_status status =
        lip_zip_open(&r->zip, lip_buffer_bytes(r->bytes),
                     lip_buffer_size(r->bytes), MAX_ENTRIES, r->ctx);
    if (status != LIP_OK)
        return status;
    struct lip_zip_entry *pickle = find_pickle(r);
    if (!pickle)
        return lip_fail(r->ctx, LIP_MALFORMED,
                        "The PyTorch file has no data.pkl.");
    status = check_byte_order(r);
    if (status == LIP_OK)
        status = lip_zip_data(&r->zip, pickle, r->ctx);
    if (status == LIP_OK)
        status =
            lip_pickle_read(&r->pickle, pickle->data, pickle->size, r->ctx);
    if (status == LIP_OK)
        status = find_state(&state, r);
    return status == LIP_OK ? add_items(r, state) : status;
}

enum lip_status lip_torch_read(struct lip_tensor_list *list,
                               struct lip_buffer *bytes,
                               const struct lip_read_options *options,
                               struct lip_ctx *ctx)
{
    struct lip_read_options filled;
    lip_read_options_fill(&filled, options);
    struct lip_torch_reader r = {.list = list,
                                 .bytes = bytes,
                                 .may_copy = filled.max_inflated,
                                 .has_layers = filled.layers != NULL,
                                 .ctx = ctx};
    enum lip_status status = read_file(&r);
    lip_pickle_clear(&r.pickle);
    lip_zip_close(&r.zip);
    return status;
}

static bool detect(const unsigned char *bytes, size_t size)
{
    return lip_zip_holds(bytes, size, "data.pkl");
}

static enum lip_status read(struct lip_network **out, struct lip_buffer *bytes,
                            const struct lip_read_options *options,
                            struct lip_ctx *ctx)
{
    return lip_weights_read(out, bytes, options, ctx, lip_torch_read);
}

const struct lip_format lip_format_torch = {
    .name = "torch",
    .title = "PyTorch .pt, .pth: the state dict of a chain of dense layers",
    .media_type = "application/x-pytorch",
    .weights_only = true,
    .detect = detect,
    .read = read,
};
