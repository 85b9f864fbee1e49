/* SPDX-License-Identifier: MIT
 *
 * The process of lipschitz-h5: started, fed, listened to, ended. What it writes
 * is as little to be trusted as the file itself. */
#include "server/hdf5.h"

#include "formats/hdf5.h"
#include "server/h5/exit.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    OUT,
    ERR,
    PIPES,
    PART = 64 << 10,
    TICK_MS = 50,
    LINGER_MS = 2000,
    MAX_SECONDS = 120
};

static const size_t most_written = (size_t)1 << 30;
static char program[LIPD_TEXT_MAX];

struct child {
    pid_t pid;
    int pipe[PIPES]; /* our ends; -1: closed */
    unsigned char *data;
    size_t size, capacity;
    char sentence[400];
    size_t sentence_size;
    struct lip_ctx *ctx;
};

/* --- starting */

/* The file in memory of its own, which nobody can change any more; -1 with
 * errno. */
static int lend(const struct lip_buffer *bytes)
{
    int file = memfd_create("model.h5", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const unsigned char *at = lip_buffer_bytes(bytes);
    size_t left = lip_buffer_size(bytes);
    while (file >= 0 && left) {
        ssize_t n = write(file, at, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            close(file);
            return -1;
        }
        at += n;
        left -= (size_t)n;
    }
    if (file >= 0 && (lseek(file, 0, SEEK_SET) != 0 ||
                      fcntl(file, F_ADD_SEALS,
                            F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)) {
        close(file);
        return -1;
    }
    return file;
}

static int spawn(pid_t *pid, int in, int out, int err)
{
    char name[] = "lipschitz-h5", *const argv[] = {name, NULL};
    char *const environment[] = {NULL};
    sigset_t all, none;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    sigfillset(&all);
    sigemptyset(&none);
    int error = posix_spawnattr_init(&attributes);
    if (error)
        return error;
    error = posix_spawn_file_actions_init(&files);
    if (!error) {
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF |
                                                  POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETPGROUP);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setsigmask(&attributes, &none);
        error = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
        if (!error)
            error =
                posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
        if (!error)
            error =
                posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
        if (!error)
            error = posix_spawn_file_actions_addclosefrom_np(&files, 3);
        if (!error)
            error = posix_spawn(pid, program, &files, &attributes, argv,
                                environment);
        posix_spawn_file_actions_destroy(&files);
    }
    posix_spawnattr_destroy(&attributes);
    return error;
}

static void close_end(int *end)
{
    if (*end >= 0)
        close(*end);
    *end = -1;
}

static bool start(struct child *child, const struct lip_buffer *bytes)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, file = lend(bytes);
    int error = file < 0 || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)
                    ? errno
                    : spawn(&child->pid, file, out[1], err[1]);
    close_end(&file);
    close_end(&out[1]);
    close_end(&err[1]);
    child->pipe[OUT] = out[0];
    child->pipe[ERR] = err[0];
    if (!error)
        return true;
    child->pid = 0;
    lip_fail(child->ctx, LIP_NO_MEMORY,
             "The program that reads HDF5 files does not start (%s).",
             strerror(error));
    return false;
}

/* --- listening */

/* Makes room for more of what it writes. */
static enum lip_status make_room(struct child *child)
{
    if (child->size < child->capacity)
        return LIP_OK;
    if (child->capacity >= most_written)
        return lip_fail(child->ctx, LIP_TOO_LARGE,
                        "The HDF5 file has more than %zu bytes of weights.",
                        most_written);
    size_t capacity = child->capacity ? 2 * child->capacity : PART;
    unsigned char *larger = lip_realloc(child->ctx, child->data, capacity, 1);
    if (!larger)
        return child->ctx ? child->ctx->error.status : LIP_NO_MEMORY;
    child->data = larger;
    child->capacity = capacity;
    return LIP_OK;
}

static enum lip_status take_output(struct child *child)
{
    enum lip_status status = make_room(child);
    if (status != LIP_OK)
        return status;
    ssize_t n = read(child->pipe[OUT], child->data + child->size,
                     child->capacity - child->size);
    if (n > 0)
        child->size += (size_t)n;
    else if (n == 0 || errno != EINTR)
        close_end(&child->pipe[OUT]);
    return LIP_OK;
}

/* What does not fit is dropped. */
static void take_sentence(struct child *child)
{
    char part[sizeof child->sentence];
    ssize_t n = read(child->pipe[ERR], part, sizeof part);
    if (n <= 0) {
        if (n == 0 || errno != EINTR)
            close_end(&child->pipe[ERR]);
        return;
    }
    size_t room = sizeof child->sentence - 1 - child->sentence_size;
    size_t taken = (size_t)n < room ? (size_t)n : room;
    for (size_t i = 0; i < taken; i++)
        child->sentence[child->sentence_size++] = part[i] ? part[i] : '?';
}

/* Until it has closed both its ends. */
static enum lip_status listen_to(struct child *child)
{
    enum lip_status status = LIP_OK;
    double end = lip_now() + MAX_SECONDS;
    while (status == LIP_OK &&
           (child->pipe[OUT] >= 0 || child->pipe[ERR] >= 0)) {
        struct pollfd files[PIPES] = {{child->pipe[OUT], POLLIN, 0},
                                      {child->pipe[ERR], POLLIN, 0}};
        int ready = poll(files, PIPES, TICK_MS);
        if (ready > 0 && files[OUT].revents)
            status = take_output(child);
        if (ready > 0 && files[ERR].revents)
            take_sentence(child);
        if (status == LIP_OK)
            status = lip_tick(child->ctx, "reading HDF5", (double)child->size,
                              (double)child->capacity, NAN);
        if (status == LIP_OK && lip_now() > end)
            status = lip_fail(child->ctx, LIP_MALFORMED,
                              "The HDF5 file takes more than %d seconds to "
                              "read.",
                              MAX_SECONDS);
    }
    return status;
}

/* --- ending */

/* Waits for its end, which is brought about where it does not come. */
static int reap(struct child *child, bool now)
{
    struct timespec step = {.tv_nsec = 1000 * 1000};
    int status = 0;
    for (int ms = 0; !now && ms < LINGER_MS; ms++) {
        if (waitpid(child->pid, &status, WNOHANG) != 0)
            return status;
        nanosleep(&step, NULL);
    }
    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* What its end says: the sentence is its own where it has one. */
static enum lip_status judge(struct child *child, int status)
{
    static const enum lip_status meaning[] = {
        [LIPD_H5_MALFORMED] = LIP_MALFORMED,
        [LIPD_H5_UNSUPPORTED] = LIP_UNSUPPORTED,
        [LIPD_H5_INVALID] = LIP_INVALID,
        [LIPD_H5_TOO_LARGE] = LIP_TOO_LARGE,
    };
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code == LIPD_H5_DONE)
        return LIP_OK;
    if (code >= LIPD_H5_MALFORMED && code <= LIPD_H5_TOO_LARGE &&
        child->sentence_size)
        return lip_fail(child->ctx, meaning[code], "%s", child->sentence);
    if (code == LIPD_H5_FAILED && child->sentence_size)
        return lip_fail(child->ctx, LIP_NO_MEMORY, "%s", child->sentence);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return lip_fail(child->ctx, LIP_MALFORMED,
                        "The HDF5 file takes longer to read than any of its "
                        "size should: it is damaged.");
    if (WIFSIGNALED(status))
        return lip_fail(child->ctx, LIP_MALFORMED,
                        "The HDF5 file cannot be read: the program that reads "
                        "it was stopped by signal %d. Save the weights with "
                        "numpy.savez.",
                        WTERMSIG(status));
    return lip_fail(child->ctx, LIP_MALFORMED,
                    "The HDF5 file cannot be read: the program that reads it "
                    "ended with status %d.",
                    code);
}

static enum lip_status convert(struct lip_buffer **out,
                               struct lip_buffer *bytes, struct lip_ctx *ctx)
{
    struct child child = {.pipe = {-1, -1}, .ctx = ctx};
    *out = NULL;
    enum lip_status status = LIP_NO_MEMORY;
    if (start(&child, bytes)) {
        status = listen_to(&child);
        int end = reap(&child, status != LIP_OK);
        if (status == LIP_OK)
            status = judge(&child, end);
    }
    close_end(&child.pipe[OUT]);
    close_end(&child.pipe[ERR]);
    if (status != LIP_OK) {
        lip_free(child.data);
        return status;
    }
    *out = lip_buffer_take(child.data, child.size, ctx);
    return *out ? LIP_OK : ctx ? ctx->error.status : LIP_NO_MEMORY;
}

/* --- the program */

/* "/usr/local/bin/lipschitzd" -> "/usr/local/bin/lipschitz-h5" */
static bool find_beside(char out[LIPD_TEXT_MAX])
{
    char self[LIPD_TEXT_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return false;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return snprintf(out, LIPD_TEXT_MAX, "%s/lipschitz-h5", self) <
           LIPD_TEXT_MAX;
}

bool lipd_hdf5_start(const struct lipd_config *config)
{
    bool named = *config->h5_reader;
    if (named)
        memcpy(program, config->h5_reader, sizeof program);
    if ((!named && !find_beside(program)) || access(program, X_OK) != 0)
        return false;
    lip_hdf5_set_converter(convert);
    return true;
}
