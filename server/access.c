/* SPDX-License-Identifier: MIT
 *
 * All tokens are compared each time, each in full: how long that takes tells
 * nothing about any of them. */
#include "server/access.h"

#include "server/access_file.h"
#include "server/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { FILE_MAX = 4 << 20, TOKEN_MAX = 512 };

struct lipd_access {
    char *file; /* NULL: not from a file */
    pthread_mutex_t lock;
    struct lipd_token *token;
    size_t count;
};

/* --- reading */

static bool read_file(struct lipd_token **token, size_t *count,
                      const char *path, char *complaint, size_t complaint_size)
{
    unsigned char *bytes = NULL;
    size_t size;
    struct lip_ctx ctx = {.budget = NULL};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        lipd_complain(complaint, complaint_size, "Cannot open the tokens in",
                      path);
        return false;
    }
    bool read = lipd_read_file(&bytes, &size, fd, FILE_MAX, &ctx) == LIP_OK;
    close(fd);
    if (!read || memchr(bytes, 0, size)) {
        lip_free(bytes);
        snprintf(complaint, complaint_size,
                 "Cannot read the tokens: %.300s is not a text file of at most "
                 "%d bytes.",
                 path, (int)FILE_MAX);
        return false;
    }
    bool good = lipd_tokens_read(token, count, (const char *)bytes, complaint,
                                 complaint_size);
    lip_free(bytes);
    return good;
}

static bool keep_path(struct lipd_access *access, const char *file)
{
    size_t size = strlen(file) + 1;
    access->file = lip_alloc(NULL, size, 1);
    if (access->file)
        memcpy(access->file, file, size);
    return access->file != NULL;
}

struct lipd_access *lipd_access_open(const char *file, const char *text,
                                     char *complaint, size_t complaint_size)
{
    struct lipd_access *access = lip_calloc(NULL, 1, sizeof *access);
    if (!access) {
        snprintf(complaint, complaint_size, "There is no memory for tokens.");
        return NULL;
    }
    pthread_mutex_init(&access->lock, NULL);
    bool good = !file || keep_path(access, file);
    if (good)
        good = file ? read_file(&access->token, &access->count, file, complaint,
                                complaint_size)
                    : lipd_tokens_read(&access->token, &access->count, text,
                                       complaint, complaint_size);
    if (good)
        return access;
    lipd_access_close(access);
    return NULL;
}

void lipd_access_close(struct lipd_access *access)
{
    if (!access)
        return;
    pthread_mutex_destroy(&access->lock);
    lip_free(access->token);
    lip_free(access->file);
    lip_free(access);
}

static struct lipd_token *find(struct lipd_token *token, size_t count,
                               const uint8_t hash[LIPD_TOKEN_HASH])
{
    struct lipd_token *found = NULL;
    for (size_t i = 0; i < count; i++) {
        volatile uint8_t differ = 0;
        for (size_t k = 0; k < LIPD_TOKEN_HASH; k++)
            differ = (uint8_t)(differ | (token[i].hash[k] ^ hash[k]));
        if (!differ)
            found = &token[i];
    }
    return found;
}

/* The same token as it was, looked for from this place on. All requests wait
 * meanwhile. Both hashes are the file's: how long it takes may tell of them. */
static const struct lipd_token *as_it_was(const struct lipd_access *access,
                                          const struct lipd_token *token,
                                          size_t place)
{
    for (size_t i = 0; i < access->count; i++) {
        const struct lipd_token *at =
            &access->token[(place + i) % access->count];
        if (!memcmp(at->hash, token->hash, sizeof token->hash))
            return at;
    }
    return NULL;
}

/* Who used his requests up has not got new ones by a reload. */
static void keep_rates(const struct lipd_access *access,
                       struct lipd_token *token, size_t count)
{
    size_t place = 0; /* files change little: behind the one before */
    for (size_t i = 0; i < count; i++) {
        const struct lipd_token *was = as_it_was(access, &token[i], place);
        if (!was)
            continue;
        token[i].rate.left = was->rate.left;
        token[i].rate.when = was->rate.when;
        place = (size_t)(was - access->token) + 1;
    }
}

bool lipd_access_reload(struct lipd_access *access, char *complaint,
                        size_t complaint_size)
{
    struct lipd_token *token;
    size_t count;
    if (!access->file)
        return true;
    if (!read_file(&token, &count, access->file, complaint, complaint_size))
        return false;
    pthread_mutex_lock(&access->lock);
    keep_rates(access, token, count);
    struct lipd_token *before = access->token;
    access->token = token;
    access->count = count;
    pthread_mutex_unlock(&access->lock);
    lip_free(before);
    return true;
}

/* --- a request */

/* What stands behind "Bearer"; NULL where there is none. */
static const char *bearer(const char *authorization, size_t *size)
{
    static const char scheme[] = "Bearer ";
    if (!authorization ||
        strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return NULL;
    const char *token = authorization + sizeof scheme - 1;
    token += strspn(token, " ");
    *size = strcspn(token, " \t");
    return *size && *size <= TOKEN_MAX && !token[*size] ? token : NULL;
}

static bool refuse(struct api_problem *problem, enum api_problem_code code,
                   const char *sentence)
{
    api_problem_set(problem, code, "%s", sentence);
    return false;
}

/* Under the lock. */
static bool admit(struct lipd_token *token, struct lipd_request *request,
                  unsigned scopes, struct api_problem *problem)
{
    unsigned seconds = 0;
    if (!token)
        return refuse(problem, API_PROBLEM_UNAUTHORIZED,
                      "This token is not known here, or not any more.");
    memcpy(request->tenant, token->name, sizeof token->name);
    request->sees_all = token->scopes & LIPD_SCOPE_ADMIN;
    request->quota = token->quota;
    if (!request->sees_all && !(token->scopes & scopes))
        return refuse(problem, API_PROBLEM_FORBIDDEN,
                      scopes == LIPD_SCOPE_BOUND
                          ? "This takes a token with the scope bound."
                      : scopes == LIPD_SCOPE_TRAIN
                          ? "This takes a token with the scope train."
                      : scopes == LIPD_SCOPE_ADMIN
                          ? "This takes a token with the scope admin."
                          : "This takes a token with the scope bound or "
                            "train.");
    if (lipd_rate_take(&token->rate, lip_now(), &seconds))
        return true;
    api_problem_set(problem, API_PROBLEM_RATE_LIMITED,
                    "This token may send %.15g requests a second. Try again "
                    "later.",
                    token->rate.per_second);
    problem->retry_after = seconds;
    return false;
}

bool lipd_access_check(struct lipd_access *access, struct lipd_request *request,
                       const char *authorization, unsigned scopes,
                       struct api_problem *problem)
{
    uint8_t hash[LIPD_TOKEN_HASH];
    size_t size;
    if (!access || scopes == LIPD_SCOPE_NONE)
        return true;
    const char *token = bearer(authorization, &size);
    if (!token)
        return refuse(problem, API_PROBLEM_UNAUTHORIZED,
                      "Send a token: Authorization: Bearer TOKEN.");
    lipd_token_hash(hash, token, size);
    pthread_mutex_lock(&access->lock);
    bool good = admit(find(access->token, access->count, hash), request, scopes,
                      problem);
    pthread_mutex_unlock(&access->lock);
    return good;
}
