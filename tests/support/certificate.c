/* SPDX-License-Identifier: MIT
 *
 * Certificates in tests. */
#include "tests/support/certificate.h"

#include "base/digest.h"
#include "tests/support/contract.h"
#include "tests/support/http_client.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

char checker_said[400];

json_t *certificates_of(const struct daemon *daemon, const struct bytes *model,
                        const char *query)
{
    struct http_answer answer;
    char target[300];
    snprintf(target, sizeof target, "/bound?methods=all&certificate=1%s%s",
             *query ? "&" : "", query);
    http_ask(&answer, daemon->port, "POST", target, NULL, model->data,
             model->size);
    ck_assert_msg(answer.status == 200, "%s: %s", target, answer.body);
    contract_add("BoundAnswer", answer.body);
    json_t *document =
        json_loadb(answer.body, answer.size, JSON_DECODE_INT_AS_REAL, NULL);
    ck_assert_ptr_nonnull(document);
    http_clear(&answer);
    return document;
}

json_t *certificate_of(const json_t *answer, const char *method)
{
    size_t i;
    json_t *bound;
    json_array_foreach(json_object_get(answer, "bounds"), i, bound) if (
        !strcmp(json_string_value(json_object_get(bound, "method")),
                method)) return json_deep_copy(json_object_get(bound,
                                                               "certificate"));
    ck_abort_msg("%s was not asked for", method);
}

const char *write_file(const struct daemon *daemon, const char *name,
                       const void *data, size_t size)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", daemon->directory, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    return path;
}

/* lipschitz-check beside the daemon. */
static void checker_program(char *out, size_t size)
{
    snprintf(out, size, "%s", daemon_program());
    char *name = strrchr(out, '/');
    ck_assert_ptr_nonnull(name);
    snprintf(name, size - (size_t)(name - out), "/lipschitz-check");
}

bool checker_proves_text(const struct daemon *daemon, const char *text,
                         size_t size)
{
    char program[400], command[1000];
    write_file(daemon, "certificate", text, size);
    checker_program(program, sizeof program);
    snprintf(command, sizeof command, "'%s' '%s/model' '%s/certificate'",
             program, daemon->directory, daemon->directory);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(pipe);
    if (!fgets(checker_said, sizeof checker_said, pipe))
        checker_said[0] = '\0';
    int status = pclose(pipe);
    bool proved = !strcmp(checker_said, "proved\n");
    size_t n = strlen(checker_said);
    ck_assert_msg(proved || (!strncmp(checker_said, "not proved: ", 12) &&
                             n > 30 && checker_said[n - 2] == '.'),
                  "it says \"%s\"", checker_said);
    ck_assert_int_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, !proved);
    return proved;
}

bool checker_proves(const struct daemon *daemon, const json_t *certificate)
{
    char *text = json_dumps(certificate, JSON_INDENT(1));
    ck_assert_ptr_nonnull(text);
    bool proved = checker_proves_text(daemon, text, strlen(text));
    free(text);
    return proved;
}

/* --- the digest, once more */

static void add_text(struct sha256_ctx *hash, const char *text)
{
    lip_digest_u64(hash, strlen(text));
    sha256_update(hash, strlen(text), (const uint8_t *)text);
}

static void add(struct sha256_ctx *hash, const json_t *value);

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_members(struct sha256_ctx *hash, const json_t *object)
{
    const char *key[100], *name;
    size_t n = 0;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value) if (n < 100)
        key[n++] = name;
    qsort(key, n, sizeof *key, by_bytes);
    for (size_t i = 0; i < n; i++) {
        add_text(hash, key[i]);
        add(hash, json_object_get(object, key[i]));
    }
}

static void add(struct sha256_ctx *hash, const json_t *value)
{
    static const char tag[] = "{[sddtf";
    lip_digest_u64(hash, (unsigned char)tag[json_typeof(value)]);
    if (json_is_string(value))
        add_text(hash, json_string_value(value));
    if (json_is_number(value))
        lip_digest_double(hash, json_number_value(value));
    if (json_is_object(value))
        add_members(hash, value);
    for (size_t i = 0; i < json_array_size(value); i++)
        add(hash, json_array_get(value, i));
    if (json_is_object(value) || json_is_array(value))
        lip_digest_u64(hash, json_is_object(value) ? '}' : ']');
}

void reseal(json_t *certificate)
{
    struct sha256_ctx hash;
    char digest[LIP_DIGEST_TEXT];
    json_object_del(certificate, "digest");
    sha256_init(&hash);
    add(&hash, certificate);
    lip_digest_text(digest, &hash);
    json_object_set_new(certificate, "digest", json_string(digest));
}
