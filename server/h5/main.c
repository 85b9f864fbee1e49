/* SPDX-License-Identifier: MIT
 *
 * lipschitz-h5 < model.h5 > model.safetensors: a Keras file as one that
 * lipschitzd reads. HDF5 is a format with a long history of files that break
 * its library, so that this is a program of its own, which shuts itself in
 * before it looks at the first byte. */
#include "server/h5/keras.h"
#include "server/sandbox.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deflate reaches 1032; real weights stay below 2, pruned ones below 100. */
enum { MAX_RATIO = 200, RATIO_FLOOR = 16 << 20 };

/* The library makes endless loops of some damaged files. */
enum { SECONDS = 3, BYTES_A_SECOND = 64 << 20 };

static const size_t most_read = (size_t)1 << 30, most_written = (size_t)1 << 30;

static const char usage[] =
    "usage: lipschitz-h5 < MODEL.h5 > MODEL.safetensors\n\n"
    "Turns a Keras model in HDF5 into a safetensors file, with its layers in\n"
    "the metadata, as lipschitzd and lipschitz-check read it. It may compute,\n"
    "read its input and write its output: nothing else. lipschitzd starts it\n"
    "for each such file by itself.\n";

/* A file is mapped, anything else is read. */
static void *take_input(size_t *size)
{
    struct stat info;
    if (fstat(STDIN_FILENO, &info) == 0 && S_ISREG(info.st_mode) &&
        info.st_size > 0 && (size_t)info.st_size <= most_read) {
        *size = (size_t)info.st_size;
        void *bytes =
            mmap(NULL, *size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
        if (bytes != MAP_FAILED)
            return bytes;
    }
    size_t capacity = 1 << 20;
    char *bytes = lipd_h5_alloc(capacity, 1);
    for (*size = 0;;) {
        ssize_t n = read(STDIN_FILENO, bytes + *size, capacity - *size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            lipd_h5_fail(LIPD_H5_FAILED, "The input cannot be read.");
        if (n == 0)
            return bytes;
        *size += (size_t)n;
        if (*size < capacity)
            continue;
        capacity *= 2;
        if (*size > most_read || !(bytes = realloc(bytes, capacity)))
            lipd_h5_fail(LIPD_H5_TOO_LARGE,
                         "The HDF5 file is longer than %zu bytes.", most_read);
    }
}

int main(int argc, char **argv)
{
    size_t size;
    (void)argv;
    if (argc > 1) {
        fputs(usage, stderr);
        return LIPD_H5_USAGE;
    }
    lipd_h5_start();
    json_object_seed(0); /* of /dev/urandom, while that is there */
    void *bytes = take_input(&size);
    size_t most = MAX_RATIO * size + RATIO_FLOOR;
    most = most < most_written ? most : most_written;
    size_t memory = 3 * size + 2 * most + ((size_t)256 << 20);
    unsigned seconds = SECONDS + (unsigned)(most / BYTES_A_SECOND);
    /* The header comes on top of the numbers. */
    if (!lipd_sandbox_limit(memory, 2 * most, seconds) || !lipd_sandbox_enter())
        lipd_h5_fail(LIPD_H5_FAILED,
                     "The system does not let lipschitz-h5 shut itself in.");
    struct lipd_h5_document document = {.most = most};
    lipd_keras_read(&document, lipd_h5_open(bytes, size));
    lipd_h5_write(&document);
    _exit(LIPD_H5_DONE);
}
