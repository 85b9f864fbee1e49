/* SPDX-License-Identifier: MIT
 *
 * Writing and reading the file of a data set. */
#include "server/dataset_file.h"

#include "base/size.h"
#include "server/file.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

static const char magic[] = "lipschitzd data 1\n";

enum {
    HEAD = 128,
    SHAPE = 32,
    CREATED = SHAPE + 4 * 8,
    DIGEST = CREATED + 8,
    DIGEST_BYTES = 32,
    STRIP = 16384 /* numbers */
};

bool lipd_dataset_file_size(size_t *out, const struct lipd_dataset *about)
{
    size_t row = 0, total = 0;
    return lip_size_add(&row, about->features,
                        about->classes ? 1 : about->targets) &&
           lip_size_mul(&total, about->rows, row) &&
           lip_size_mul(&total, total, sizeof(float)) &&
           lip_size_add(out, total, HEAD);
}

/* --- the head */

static void put_u64(unsigned char *out, uint64_t value)
{
    value = htole64(value);
    memcpy(out, &value, sizeof value);
}

static uint64_t get_u64(const unsigned char *in)
{
    uint64_t value;
    memcpy(&value, in, sizeof value);
    return le64toh(value);
}

static int digit_of(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static void put_id(unsigned char *out, const char *id)
{
    const char *digit = id + strlen("sha256:");
    for (int i = 0; i < DIGEST_BYTES; i++)
        out[i] = (unsigned char)(16 * digit_of(digit[2 * i]) +
                                 digit_of(digit[2 * i + 1]));
}

static void get_id(char out[LIP_DIGEST_TEXT], const unsigned char *in)
{
    static const char digit[] = "0123456789abcdef";
    memcpy(out, "sha256:", 7);
    for (int i = 0; i < DIGEST_BYTES; i++) {
        out[7 + 2 * i] = digit[in[i] >> 4];
        out[7 + 2 * i + 1] = digit[in[i] & 15];
    }
    out[LIP_DIGEST_TEXT - 1] = '\0';
}

static void make_head(unsigned char out[HEAD], const struct lipd_dataset *about)
{
    const uint64_t shape[] = {about->rows, about->features, about->classes,
                              about->targets, (uint64_t)(about->created * 1e6)};
    memset(out, 0, HEAD);
    memcpy(out, magic, sizeof magic - 1);
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        put_u64(out + SHAPE + 8 * i, shape[i]);
    put_id(out + DIGEST, about->id);
}

bool lipd_dataset_file_about(struct lipd_dataset *out, int fd)
{
    unsigned char head[HEAD], sound[HEAD];
    struct stat status;
    size_t size;
    memset(out, 0, sizeof *out);
    if (fstat(fd, &status) || !lipd_read_all(fd, head, HEAD) ||
        memcmp(head, magic, sizeof magic - 1) != 0)
        return false;
    out->rows = get_u64(head + SHAPE);
    out->features = get_u64(head + SHAPE + 8);
    out->classes = get_u64(head + SHAPE + 16);
    out->targets = get_u64(head + SHAPE + 24);
    out->created = (double)get_u64(head + CREATED) / 1e6;
    out->bytes = (size_t)status.st_size;
    get_id(out->id, head + DIGEST);
    make_head(sound, out);
    memcpy(sound + CREATED, head + CREATED, 8);
    return !memcmp(head, sound, HEAD) && out->classes <= LIP_MAX_CLASSES &&
           (out->classes == 0) != (out->targets == 0) &&
           lipd_dataset_file_size(&size, out) && size == out->bytes;
}

/* --- the numbers */

static bool write_floats(int fd, const float *x, size_t count)
{
    uint32_t strip[STRIP];
    for (size_t i = 0; i < count; i += STRIP) {
        size_t n = count - i < STRIP ? count - i : STRIP;
        for (size_t k = 0; k < n; k++) {
            float sum = x[i + k] + 0.0F; /* -0 becomes +0 */
            memcpy(&strip[k], &sum, sizeof sum);
            strip[k] = htole32(strip[k]);
        }
        if (!lipd_write_all(fd, strip, n * sizeof *strip))
            return false;
    }
    return true;
}

static bool write_labels(int fd, const uint32_t *label, size_t count)
{
    uint32_t strip[STRIP];
    for (size_t i = 0; i < count; i += STRIP) {
        size_t n = count - i < STRIP ? count - i : STRIP;
        for (size_t k = 0; k < n; k++)
            strip[k] = htole32(label[i + k]);
        if (!lipd_write_all(fd, strip, n * sizeof *strip))
            return false;
    }
    return true;
}

bool lipd_dataset_file_write(int fd, const struct lipd_dataset *about,
                             const struct lip_data *data)
{
    unsigned char head[HEAD];
    make_head(head, about);
    return lipd_write_all(fd, head, HEAD) &&
           write_floats(fd, data->x, data->rows * data->features) &&
           (data->label
                ? write_labels(fd, data->label, data->rows)
                : write_floats(fd, data->y, data->rows * data->targets));
}

/* Words of four bytes, in the order of this machine. */
static bool read_words(int fd, void *words, size_t count)
{
    unsigned char *at = words;
    if (!lipd_read_all(fd, words, count * sizeof(uint32_t)))
        return false;
    for (size_t i = 0; BYTE_ORDER != LITTLE_ENDIAN && i < count; i++) {
        uint32_t word;
        memcpy(&word, at + 4 * i, sizeof word);
        word = le32toh(word);
        memcpy(at + 4 * i, &word, sizeof word);
    }
    return true;
}

bool lipd_dataset_file_read(struct lip_data *data, int fd,
                            const struct lipd_dataset *about)
{
    char id[LIP_DIGEST_TEXT];
    if (!read_words(fd, data->x, data->rows * data->features) ||
        !(data->label ? read_words(fd, data->label, data->rows)
                      : read_words(fd, data->y, data->rows * data->targets)))
        return false;
    lip_data_digest(id, data);
    return !strcmp(id, about->id);
}
