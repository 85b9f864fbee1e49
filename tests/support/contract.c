/* SPDX-License-Identifier: MIT
 *
 * Collects documents and has them checked against api/openapi.yaml. */
#include "tests/support/contract.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77 };

static char path[200];

void contract_open(void)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/contract.%ld", folder ? folder : "/tmp",
             (long)getpid());
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
}

void contract_add(const char *schema, const char *document)
{
    FILE *file = fopen(path, "a");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "%s\t%s\n", schema, document);
    ck_assert_int_eq(fclose(file), 0);
}

void contract_check(void)
{
    char command[300];
    snprintf(command, sizeof command,
             "python3 tests/support/contract.py api/openapi.yaml %s 2>&1",
             path);
    int code = WEXITSTATUS(system(command));
    unlink(path);
    if (code == 127)
        puts("SKIP: no python3 to check answers against openapi.yaml");
    fflush(stdout);
    ck_assert(code == 0 || code == SKIPPED || code == 127);
}
