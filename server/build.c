/* SPDX-License-Identifier: MIT
 *
 * The linker writes the id into a note of the program; what it is linked with
 * at run time is not in it. */
#include "server/build.h"

#include "api/version.h"

#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static char build[128] = API_VERSION;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void append(const unsigned char *id, size_t size)
{
    size_t used = strlen(build);
    for (size_t i = 0; i < size && used + 4 < sizeof build; i++)
        used += (size_t)snprintf(build + used, sizeof build - used,
                                 i ? "%02x" : " %02x", id[i]);
}

static size_t padded(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

/* Walks over the notes of one segment. */
static void read_notes(const unsigned char *at, size_t size)
{
    ElfW(Nhdr) note;
    while (size >= sizeof note) {
        memcpy(&note, at, sizeof note);
        size_t name = padded(note.n_namesz), text = padded(note.n_descsz);
        if (name > size - sizeof note || text > size - sizeof note - name)
            return;
        const unsigned char *id = at + sizeof note + name;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            !memcmp(at + sizeof note, "GNU", 4))
            append(id, note.n_descsz);
        at = id + text;
        size -= sizeof note + name + text;
    }
}

/* The first object is the program. */
static int look(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_NOTE)
            read_notes(
                (const unsigned char *)(info->dlpi_addr + segment->p_vaddr),
                segment->p_memsz);
    }
    return 1;
}

static void find(void)
{
    dl_iterate_phdr(look, NULL);
}

const char *lipd_build(void)
{
    pthread_once(&once, find);
    return build;
}
