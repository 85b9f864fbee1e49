/* SPDX-License-Identifier: MIT
 *
 * By way of a shell: the line comes from standard output, the token from
 * standard error. */
#include "tests/support/tokens.h"

#include "tests/support/daemon.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

void token_add(char token[TOKEN_SIZE], const char *file, const char *name,
               const char *scopes)
{
    char command[1000];
    snprintf(command, sizeof command,
             "'%s' --token '%s' %s 2>'%s.secret' >>'%s' && cat '%s.secret' && "
             "rm '%s.secret'",
             daemon_program(), name, scopes, file, file, file, file);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    ck_assert_ptr_nonnull(fgets(token, TOKEN_SIZE, pipe));
    token[strcspn(token, "\n")] = '\0';
    ck_assert_int_eq(pclose(pipe), 0);
    ck_assert_int_eq(strncmp(token, "lip_", 4), 0);
}
