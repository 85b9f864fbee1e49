/* SPDX-License-Identifier: MIT
 *
 * A complaint tells the line's number and what is expected there, never what
 * stands there: somebody may have put a token in the place of its hash. */
#include "server/access_file.h"

#include "server/access_limits.h"

#include <nettle/sha2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { LINE_MAX_BYTES = 1024, WORDS = 16 };

struct reader {
    struct lipd_token *token;
    size_t count, room;
    unsigned line;
    char *complaint;
    size_t complaint_size;
};

static bool refuse(struct reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(struct reader *reader, const char *format, ...)
{
    char sentence[300];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    snprintf(reader->complaint, reader->complaint_size,
             "Line %u of the tokens: %s", reader->line, sentence);
    return false;
}

static bool is_name(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return length && !text[length] && length < LIPD_TENANT;
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool read_hash(uint8_t out[LIPD_TOKEN_HASH], const char *text)
{
    if (strncmp(text, "sha256:", 7) || strlen(text) != 7 + 2 * LIPD_TOKEN_HASH)
        return false;
    for (size_t i = 0; i < LIPD_TOKEN_HASH; i++) {
        int high = digit(text[7 + 2 * i]), low = digit(text[8 + 2 * i]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(16 * high + low);
    }
    return true;
}

/* "bound,train" */
static bool read_scopes(unsigned *out, const char *text)
{
    static const struct {
        const char *name;
        unsigned scope;
    } known[] = {{"bound", LIPD_SCOPE_BOUND},
                 {"train", LIPD_SCOPE_TRAIN},
                 {"admin", LIPD_SCOPE_ADMIN}};
    for (*out = 0;; text++) {
        size_t length = strcspn(text, ","), i = 0;
        while (i < 3 && (strlen(known[i].name) != length ||
                         strncmp(text, known[i].name, length) != 0))
            i++;
        if (i == 3)
            return false;
        *out |= known[i].scope;
        text += length;
        if (!*text)
            return true;
    }
}

static bool read_limits(struct reader *reader, struct lipd_token *token,
                        char **word, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!lipd_limit_read(token, word[i]))
            return refuse(reader, "%s", LIPD_LIMITS_ARE);
    return true;
}

static bool read_words(struct reader *reader, struct lipd_token *token,
                       char **word, size_t count)
{
    if (!is_name(word[0]))
        return refuse(reader, "a name is 1 to %d letters, digits and \"._-\".",
                      LIPD_TENANT - 1);
    memcpy(token->name, word[0], strlen(word[0]) + 1);
    if (count < 3 || !read_hash(token->hash, word[1]))
        return refuse(reader, "behind the name come sha256: with 64 lower-case "
                              "hexadecimal digits, and scopes.");
    if (!read_scopes(&token->scopes, word[2]))
        return refuse(reader, "scopes are bound, train and admin, with commas "
                              "between them.");
    return read_limits(reader, token, word + 3, count - 3);
}

static bool is_new(const struct reader *reader, const struct lipd_token *token)
{
    for (size_t i = 0; i < reader->count; i++)
        if (!memcmp(reader->token[i].hash, token->hash, sizeof token->hash))
            return false;
    return true;
}

static bool add(struct reader *reader, const struct lipd_token *token)
{
    if (!is_new(reader, token))
        return refuse(reader, "this token has a line already.");
    if (reader->count == LIPD_TOKENS_MAX)
        return refuse(reader, "there are more than %d tokens.",
                      LIPD_TOKENS_MAX);
    if (reader->count == reader->room) {
        size_t more = reader->room ? 2 * reader->room : 16;
        struct lipd_token *grown =
            lip_realloc(NULL, reader->token, more, sizeof *grown);
        if (!grown)
            return refuse(reader, "there is no memory for it.");
        reader->token = grown;
        reader->room = more;
    }
    reader->token[reader->count++] = *token;
    return true;
}

static bool read_line(struct reader *reader, const char *text, size_t size)
{
    char line[LINE_MAX_BYTES], *word[WORDS];
    struct lipd_token token = {.scopes = 0};
    size_t count = 0;
    if (size >= sizeof line)
        return refuse(reader, "it is longer than %d bytes.",
                      LINE_MAX_BYTES - 1);
    memcpy(line, text, size);
    line[size] = '\0';
    line[strcspn(line, "#")] = '\0';
    for (char *at = line + strspn(line, " \t\r"); *at;) {
        if (count == WORDS)
            return refuse(reader, "it has more than %d words.", WORDS);
        word[count++] = at;
        at += strcspn(at, " \t\r");
        if (*at)
            *at++ = '\0';
        at += strspn(at, " \t\r");
    }
    return !count ||
           (read_words(reader, &token, word, count) && add(reader, &token));
}

bool lipd_tokens_read(struct lipd_token **out, size_t *count, const char *text,
                      char *complaint, size_t complaint_size)
{
    struct reader reader = {.complaint = complaint,
                            .complaint_size = complaint_size};
    bool good = true;
    while (good && *text) {
        size_t size = strcspn(text, "\n;");
        reader.line++;
        good = read_line(&reader, text, size);
        text += size + (text[size] != '\0');
    }
    if (!good) {
        lip_free(reader.token);
        reader = (struct reader){.token = NULL};
    }
    *out = reader.token;
    *count = reader.count;
    return good;
}

void lipd_token_hash(uint8_t out[LIPD_TOKEN_HASH], const char *token,
                     size_t size)
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, size, (const uint8_t *)token);
    sha256_digest(&hash, LIPD_TOKEN_HASH, out);
}

static void print_hex(char *out, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* Puts the words in a line of their own, and looks whether it is one. */
static bool check_words(char *const *words, char *complaint,
                        size_t complaint_size)
{
    struct lipd_token *token;
    size_t count, used = 0;
    char line[LINE_MAX_BYTES];
    for (; *words && used < sizeof line; words++)
        used +=
            (size_t)snprintf(line + used, sizeof line - used, "%s ", *words);
    if (used >= sizeof line || strpbrk(line, "#;\r\n")) {
        snprintf(complaint, complaint_size,
                 "A token's words fit a line and hold no '#' and no ';'.");
        return false;
    }
    bool good =
        lipd_tokens_read(&token, &count, line, complaint, complaint_size);
    lip_free(token);
    return good;
}

bool lipd_token_make(FILE *line, FILE *secret, char *const *words,
                     char *complaint, size_t complaint_size)
{
    uint8_t random[LIPD_TOKEN_HASH], hash[LIPD_TOKEN_HASH];
    char token[4 + 2 * LIPD_TOKEN_HASH + 1] = "lip_";
    char digits[7 + 2 * LIPD_TOKEN_HASH + 1] = "sha256:";
    char *whole[WORDS + 1] = {words[0], digits, "bound,train"};
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        snprintf(complaint, complaint_size,
                 "The system gives no random numbers.");
        return false;
    }
    print_hex(token + 4, random, sizeof random);
    lipd_token_hash(hash, token, strlen(token));
    print_hex(digits + 7, hash, sizeof hash);
    for (size_t i = 1; words[i - 1] && words[i] && i + 1 < WORDS; i++)
        whole[i + 1] = words[i];
    if (!check_words(whole, complaint, complaint_size))
        return false;
    fprintf(secret, "%s\n", token);
    for (char **word = whole; *word; word++)
        fprintf(line, "%s%s", word == whole ? "" : " ", *word);
    fputc('\n', line);
    return true;
}
