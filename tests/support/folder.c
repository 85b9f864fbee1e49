/* SPDX-License-Identifier: MIT
 *
 * Plain files, plain calls. */
#include "tests/support/folder.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 512 };

static void join(char out[PATH_BYTES], const char *folder, const char *name)
{
    ck_assert_int_lt(snprintf(out, PATH_BYTES, "%s/%s", folder, name),
                     PATH_BYTES);
}

void folder_make(char out[FOLDER_NAME])
{
    snprintf(out, FOLDER_NAME, "%s/lipschitzd-test-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    ck_assert_ptr_nonnull(mkdtemp(out));
}

static int remove_entry(const char *path, const struct stat *status, int type,
                        struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

void folder_remove(const char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void folder_write(const char *folder, const char *name, const void *bytes,
                  size_t size)
{
    char path[PATH_BYTES];
    join(path, folder, name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

char *folder_read(const char *folder, const char *name)
{
    char path[PATH_BYTES], *text = NULL;
    size_t capacity = 0;
    join(path, folder, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    ssize_t size = getdelim(&text, &capacity, '\0', file);
    fclose(file);
    if (size >= 0)
        return text;
    free(text);
    return strdup("");
}

bool folder_has(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    join(path, folder, name);
    return !access(path, F_OK);
}

bool folder_private(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    struct stat status;
    join(path, folder, name);
    return !stat(path, &status) && !(status.st_mode & 077);
}
