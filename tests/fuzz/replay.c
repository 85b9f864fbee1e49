/* SPDX-License-Identifier: MIT
 *
 * Gives every file named on the command line to a fuzz target once: what the
 * fuzzer has found stays found, with any compiler. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes in a block of exactly their size, so that a read beyond is seen. */
static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        return NULL;
    long end = ftell(file);
    rewind(file);
    uint8_t *data = malloc(end > 0 ? (size_t)end : 1);
    *size = end > 0 ? (size_t)end : 0;
    if (data != NULL && fread(data, 1, *size, file) != *size) {
        free(data);
        data = NULL;
    }
    fclose(file);
    return data;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t size;
        uint8_t *data = read_file(argv[i], &size);
        if (data == NULL) {
            fprintf(stderr, "cannot read %s\n", argv[i]);
            return 2;
        }
        fprintf(stderr, "%s\n", argv[i]); /* the last one is the culprit */
        LLVMFuzzerTestOneInput(data, size);
        free(data);
    }
    return 0;
}
