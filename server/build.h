/* SPDX-License-Identifier: MIT
 *
 * Which program this is, exactly. */
#ifndef LIPD_BUILD_H
#define LIPD_BUILD_H

/* The version and the linker's id of the program, which other code, compiled
 * otherwise or changed between two versions, does not have. The same in every
 * process of it. */
const char *lipd_build(void);

#endif
