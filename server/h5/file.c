/* SPDX-License-Identifier: MIT
 *
 * Everything is asked for by name: nothing is walked, no link leads out of the
 * file, no data lies elsewhere. */
#include "server/h5/file.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_TEXT = 16 << 20, MAX_TEXTS = 4096, MAX_FILTERS = 8 };

_Noreturn void lipd_h5_fail(enum lipd_h5_exit code, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t size = n < 0                      ? 0
                  : (size_t)n >= sizeof text ? sizeof text - 1
                                             : (size_t)n;
    if (write(STDERR_FILENO, text, size) < 0)
        code = LIPD_H5_FAILED;
    _exit(code);
}

void *lipd_h5_alloc(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size);
    if (!block)
        lipd_h5_fail(LIPD_H5_TOO_LARGE,
                     "The HDF5 file needs more memory than it may have.");
    return block;
}

char *lipd_h5_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(lipd_h5_alloc(size, 1), text, size);
}

static _Noreturn void damaged(const char *what)
{
    lipd_h5_fail(LIPD_H5_MALFORMED, "The HDF5 file is damaged: %.200s.", what);
}

void lipd_h5_start(void)
{
    if (H5open() < 0 || H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0 ||
        H5PLset_loading_state(0) < 0)
        lipd_h5_fail(LIPD_H5_FAILED, "The HDF5 library does not start.");
}

/* --- the image: lent to the library, never copied */

struct image {
    void *bytes;
    size_t size;
};

static void *lend(size_t size, H5FD_file_image_op_t op, void *arg)
{
    struct image *image = arg;
    (void)op;
    return size == image->size ? image->bytes : NULL;
}

static void *same(void *out, const void *in, size_t size,
                  H5FD_file_image_op_t op, void *arg)
{
    (void)size;
    (void)op;
    (void)arg;
    return out == in ? out : NULL;
}

static void *refuse(void *block, size_t size, H5FD_file_image_op_t op,
                    void *arg)
{
    (void)block;
    (void)size;
    (void)op;
    (void)arg;
    return NULL;
}

static herr_t keep(void *block, H5FD_file_image_op_t op, void *arg)
{
    (void)block;
    (void)op;
    (void)arg;
    return 0;
}

static void *hand_on(void *arg)
{
    return arg;
}

static herr_t forget(void *arg)
{
    (void)arg;
    return 0;
}

hid_t lipd_h5_open(const void *bytes, size_t size)
{
    static struct image image;
    H5FD_file_image_callbacks_t callbacks = {lend,    same,   refuse, keep,
                                             hand_on, forget, &image};
    image = (struct image){(void *)(uintptr_t)bytes, size};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0 || H5Pset_fapl_core(access, 1 << 16, 0) < 0 ||
        H5Pset_file_image_callbacks(access, &callbacks) < 0 ||
        H5Pset_file_image(access, image.bytes, size) < 0)
        lipd_h5_fail(LIPD_H5_FAILED, "The HDF5 library does not start.");
    /* An absolute name, so that nobody asks for the working directory. */
    hid_t file = H5Fopen("/model.h5", H5F_ACC_RDONLY, access);
    hid_t root = file < 0 ? -1 : H5Gopen2(file, "/", H5P_DEFAULT);
    if (root < 0)
        damaged("it cannot be opened");
    return root;
}

/* --- objects */

/* One step of a path: a hard link of this group. */
static hid_t step(hid_t group, const char *name)
{
    H5L_info_t info;
    if (!strcmp(name, ".") || H5Lexists(group, name, H5P_DEFAULT) <= 0 ||
        H5Lget_info(group, name, &info, H5P_DEFAULT) < 0)
        return -1;
    if (info.type != H5L_TYPE_HARD)
        lipd_h5_fail(LIPD_H5_UNSUPPORTED,
                     "\"%.80s\" in the HDF5 file is a link to somewhere else, "
                     "which is not followed.",
                     name);
    return H5Oopen(group, name, H5P_DEFAULT);
}

hid_t lipd_h5_find(hid_t group, const char *path)
{
    char copy[LIPD_H5_PATH], *rest = NULL;
    if (strlen(path) >= sizeof copy)
        return -1;
    memcpy(copy, path, strlen(path) + 1);
    hid_t at = group;
    for (char *name = strtok_r(copy, "/", &rest); name && at >= 0;
         name = strtok_r(NULL, "/", &rest)) {
        hid_t next = H5Iget_type(at) == H5I_GROUP ? step(at, name) : -1;
        if (at != group)
            H5Oclose(at);
        at = next;
    }
    return at;
}

/* --- attributes */

/* The value of an attribute as fixed texts of `*size` bytes, or as pointers
 * where *size comes back as 0; `count` of them. */
static void *read_texts(hid_t attribute, size_t *size, size_t *count)
{
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    hssize_t points = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    if (type < 0 || points < 0)
        damaged("an attribute cannot be read");
    *count = (size_t)points;
    if (points == 0)
        return NULL;
    if (points > MAX_TEXTS || H5Tget_class(type) != H5T_STRING)
        lipd_h5_fail(LIPD_H5_UNSUPPORTED,
                     "An attribute of the HDF5 file is not the text or list "
                     "of texts that Keras writes.");
    bool variable = H5Tis_variable_str(type) > 0;
    size_t width = variable ? sizeof(char *) : H5Tget_size(type);
    if (width > MAX_TEXT || width * *count > MAX_TEXT)
        lipd_h5_fail(LIPD_H5_TOO_LARGE,
                     "An attribute of the HDF5 file is longer than %d bytes.",
                     MAX_TEXT);
    void *block = lipd_h5_alloc(*count, width);
    if (H5Aread(attribute, type, block) < 0)
        damaged("an attribute cannot be read");
    *size = variable ? 0 : width;
    return block;
}

static char *take_text(const void *block, size_t size, size_t i)
{
    if (!size) {
        char *const *texts = block;
        return lipd_h5_copy(texts[i] ? texts[i] : "");
    }
    const char *text = (const char *)block + i * size;
    size_t n = strnlen(text, size);
    return memcpy(lipd_h5_alloc(n + 1, 1), text, n);
}

size_t lipd_h5_texts(char ***out, hid_t object, const char *name)
{
    size_t size, count;
    *out = NULL;
    if (H5Aexists(object, name) <= 0)
        return 0;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0)
        damaged("an attribute cannot be opened");
    void *block = read_texts(attribute, &size, &count);
    char **texts = lipd_h5_alloc(count, sizeof *texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = take_text(block, size, i);
    free(block);
    H5Aclose(attribute);
    *out = texts;
    return count;
}

char *lipd_h5_text(hid_t object, const char *name)
{
    char **texts;
    return lipd_h5_texts(&texts, object, name) == 1 ? texts[0] : NULL;
}

/* --- data sets */

static void check_storage(hid_t id, const char *path)
{
    hid_t how = H5Dget_create_plist(id);
    int filters = how < 0 ? -1 : H5Pget_nfilters(how);
    if (filters < 0)
        damaged("a data set cannot be read");
    if (H5Pget_layout(how) == H5D_VIRTUAL || H5Pget_external_count(how) != 0)
        lipd_h5_fail(LIPD_H5_UNSUPPORTED,
                     "The numbers of \"%.80s\" lie in another file.", path);
    for (int i = 0; i < filters && i < MAX_FILTERS; i++) {
        unsigned flags, config;
        size_t none = 0;
        H5Z_filter_t filter = H5Pget_filter2(how, (unsigned)i, &flags, &none,
                                             NULL, 0, NULL, &config);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
            filter != H5Z_FILTER_FLETCHER32)
            lipd_h5_fail(LIPD_H5_UNSUPPORTED,
                         "\"%.80s\" is packed by filter %d. Save it with gzip "
                         "or without compression.",
                         path, (int)filter);
    }
    H5Pclose(how);
}

static void look_at_type(struct lipd_h5_data *out, const char *path)
{
    hid_t type = H5Dget_type(out->id);
    size_t size = type < 0 ? 0 : H5Tget_size(type);
    if (type < 0 || H5Tget_class(type) != H5T_FLOAT || size == 0 || size > 8)
        lipd_h5_fail(LIPD_H5_UNSUPPORTED,
                     "\"%.80s\" does not hold floating-point numbers of at "
                     "most 64 bits.",
                     path);
    out->width = size > 4 ? 8 : 4;
    H5Tclose(type);
}

void lipd_h5_look(struct lipd_h5_data *out, hid_t object, const char *path,
                  size_t most)
{
    hsize_t dim[LIPD_H5_RANK];
    *out = (struct lipd_h5_data){.id = object, .count = 1};
    if (object < 0 || H5Iget_type(object) != H5I_DATASET)
        lipd_h5_fail(LIPD_H5_MALFORMED,
                     "The HDF5 file has no data set \"%.80s\".", path);
    check_storage(object, path);
    look_at_type(out, path);
    hid_t space = H5Dget_space(object);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > LIPD_H5_RANK ||
        H5Sget_simple_extent_type(space) == H5S_NULL ||
        H5Sget_simple_extent_dims(space, dim, NULL) != rank)
        lipd_h5_fail(LIPD_H5_UNSUPPORTED,
                     "\"%.80s\" is no array of at most %d dimensions.", path,
                     LIPD_H5_RANK);
    out->rank = (size_t)rank;
    for (size_t k = 0; k < out->rank; k++) {
        out->dim[k] = (size_t)dim[k];
        if (__builtin_mul_overflow(out->count, out->dim[k], &out->count) ||
            out->count > most / out->width)
            lipd_h5_fail(LIPD_H5_TOO_LARGE,
                         "\"%.80s\" has more numbers than the limit of %zu "
                         "bytes allows.",
                         path, most);
    }
    H5Sclose(space);
}

void *lipd_h5_numbers(const struct lipd_h5_data *data)
{
    void *out = lipd_h5_alloc(data->count, data->width);
    if (H5Dread(data->id, data->width == 8 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE,
                H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0)
        damaged("its numbers cannot be read");
    return out;
}
