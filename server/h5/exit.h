/* SPDX-License-Identifier: MIT
 *
 * How lipschitz-h5 ends. With anything but LIPD_H5_DONE what it wrote is to be
 * thrown away, and its standard error has one sentence. */
#ifndef LIPD_H5_EXIT_H
#define LIPD_H5_EXIT_H

enum lipd_h5_exit {
    LIPD_H5_DONE = 0,
    LIPD_H5_USAGE = 2,
    LIPD_H5_FAILED = 3, /* the system's fault */
    LIPD_H5_MALFORMED = 10,
    LIPD_H5_UNSUPPORTED,
    LIPD_H5_INVALID,
    LIPD_H5_TOO_LARGE
};

#endif
