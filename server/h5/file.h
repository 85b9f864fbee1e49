/* SPDX-License-Identifier: MIT
 *
 * HDF5 files in memory, as far as Keras uses them: groups and data sets found
 * by name over hard links, attributes that are texts, arrays of floats. */
#ifndef LIPD_H5_FILE_H
#define LIPD_H5_FILE_H

#include "server/h5/exit.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>

enum { LIPD_H5_RANK = 5, LIPD_H5_PATH = 1024 };

/* Says why in one sentence and ends the process: it holds nothing that has to
 * be given back. */
_Noreturn void lipd_h5_fail(enum lipd_h5_exit code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* malloc, strdup: they end the process where there is no memory. */
void *lipd_h5_alloc(size_t count, size_t size);
char *lipd_h5_copy(const char *text);

/* Prepares the library; to be called before the sandbox is entered. */
void lipd_h5_start(void);

/* The root group of the file that these bytes are; they stay as they are, and
 * must outlive it. */
hid_t lipd_h5_open(const void *bytes, size_t size);

/* What stands at `path`, below a group; negative: nothing. */
hid_t lipd_h5_find(hid_t group, const char *path);

/* The text of an attribute; NULL: there is none of this name. */
char *lipd_h5_text(hid_t object, const char *name);

/* The texts of an attribute that is a list of them: how many, in *out; none
 * where there is no such attribute. */
size_t lipd_h5_texts(char ***out, hid_t object, const char *name);

/* An array of floating-point numbers. */
struct lipd_h5_data {
    hid_t id;
    size_t width; /* bytes of a number as it is read: 4 or 8 */
    size_t rank, dim[LIPD_H5_RANK], count;
};

/* Looks at a data set; it may not be packed by a filter of an unusual kind, lie
 * in another file, or have more numbers than fit in `most` bytes. */
void lipd_h5_look(struct lipd_h5_data *out, hid_t object, const char *path,
                  size_t most);

/* Its numbers, little-endian, in memory of their own. */
void *lipd_h5_numbers(const struct lipd_h5_data *data);

#endif
