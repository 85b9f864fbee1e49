/* SPDX-License-Identifier: MIT
 *
 * Keras files (HDF5) are read by another program, lipschitz-h5, one process a
 * file: a crash in it costs that file. */
#ifndef LIPD_HDF5_H
#define LIPD_HDF5_H

#include "server/config.h"

/* Makes this process read HDF5 files with the program that --h5-reader names,
 * or else lipschitz-h5 beside this program; false where there is none: HDF5
 * files are then told to be of a format that is not read. To be called before
 * threads are started. */
bool lipd_hdf5_start(const struct lipd_config *config);

#endif
