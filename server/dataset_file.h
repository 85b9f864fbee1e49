/* SPDX-License-Identifier: MIT
 *
 * The form of a stored data set:
 *
 *     "lipschitzd data 1\n"       18 bytes, zeros up to byte 32
 *     rows, features, classes, targets, created (microseconds): 5 x u64
 *     the 32 bytes of the id, zeros up to byte 128
 *     rows x features float32, then rows u32 labels, or rows x targets float32
 *
 * all little-endian. The id is the SHA-256 of shape and numbers, so that it
 * vouches for everything in the file but the time. */
#ifndef LIPD_DATASET_FILE_H
#define LIPD_DATASET_FILE_H

#include "server/dataset_store.h"

/* Bytes of the file of a data set of this shape; false where that is beyond
 * the address space. */
bool lipd_dataset_file_size(size_t *out, const struct lipd_dataset *about);

/* Writes a whole file from the descriptor's place on, -0 as +0 as in the
 * digest. False with errno. */
bool lipd_dataset_file_write(int fd, const struct lipd_dataset *about,
                             const struct lip_data *data);

/* What the head of a file says. False where it is damaged or its size is not
 * the one that its shape asks for. */
bool lipd_dataset_file_about(struct lipd_dataset *out, int fd);

/* Reads the numbers that follow the head into a set of this shape and compares
 * their digest with the id. False: damaged. */
bool lipd_dataset_file_read(struct lip_data *data, int fd,
                            const struct lipd_dataset *about);

#endif
