/* SPDX-License-Identifier: MIT
 *
 * While training runs: who hears of it, what is kept of it, and when it stops.
 *
 * A checkpoint is one file, so that the history and the state of the run are
 * always of the same moment: a head, the rows of the history, a SHA-256 of
 * both, and the state as lip_run_save gives it. */
#include "server/jobs/training.h"

#include "base/size.h"

#include <math.h>
#include <nettle/sha2.h>
#include <string.h>

enum { SAMPLE = 2048, ROWS = 1000 };

static const char mark[16] = "lip-train-job-1";
static const double tell_steps = 0.25, tell_epochs = 0.05, keep_every = 0.5;

struct head {
    char mark[16];
    uint64_t rows;
    double seconds;
};

double lipd_training_seconds(const struct lipd_training *t)
{
    return t->before + lip_now() - t->began;
}

/* --- checkpoints */

static void digest(uint8_t out[SHA256_DIGEST_SIZE], const void *bytes,
                   size_t size)
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    sha256_update(&hash, size, bytes);
    sha256_digest(&hash, SHA256_DIGEST_SIZE, out);
}

static bool failed(struct lipd_training *t)
{
    api_problem_from_error(t->problem, &t->ctx->error);
    lip_error_clear(t->ctx);
    return false;
}

static bool write_checkpoint(struct lipd_training *t,
                             const unsigned char *state, size_t state_size)
{
    struct head head;
    size_t rows = t->row_count * sizeof *t->row;
    size_t before = sizeof head + rows + SHA256_DIGEST_SIZE, size;
    unsigned char *bytes = NULL;
    if (lip_size_add(&size, before, state_size))
        bytes = lip_alloc(t->ctx, size, 1);
    if (!bytes)
        return failed(t);
    memset(&head, 0, sizeof head);
    memcpy(head.mark, mark, sizeof mark);
    head.rows = t->row_count;
    head.seconds = lipd_training_seconds(t);
    memcpy(bytes, &head, sizeof head);
    if (rows)
        memcpy(bytes + sizeof head, t->row, rows);
    digest(bytes + sizeof head + rows, bytes, sizeof head + rows);
    memcpy(bytes + before, state, state_size);
    bool written =
        lipd_child_write(t->child, "checkpoint", bytes, size, t->problem);
    lip_free(bytes);
    return written;
}

bool lipd_training_save(struct lipd_training *t)
{
    unsigned char *state;
    size_t size;
    double start = lip_now();
    if (lip_run_save(&state, &size, t->run, t->ctx) != LIP_OK)
        return failed(t);
    bool written = write_checkpoint(t, state, size);
    lip_free(state);
    t->saved = lip_now();
    t->save_seconds = t->saved - start;
    return written;
}

static struct lipd_train_row *room_for_row(struct lipd_training *t)
{
    if (t->row_count == t->row_room) {
        size_t room = 2 * t->row_room + 16;
        void *row = lip_realloc(t->ctx, t->row, room, sizeof *t->row);
        if (!row)
            return NULL;
        t->row = row;
        t->row_room = room;
    }
    return &t->row[t->row_count++];
}

/* The size of what stands before the state, or 0 where it is not whole. */
static size_t check_front(struct head *head, const unsigned char *bytes,
                          size_t size)
{
    uint8_t hash[SHA256_DIGEST_SIZE];
    size_t rows;
    if (size < sizeof *head + sizeof hash)
        return 0;
    memcpy(head, bytes, sizeof *head);
    size_t most = size - sizeof *head - sizeof hash;
    if (memcmp(head->mark, mark, sizeof mark) != 0 ||
        !lip_size_mul(&rows, head->rows, sizeof(struct lipd_train_row)) ||
        rows > most)
        return 0;
    digest(hash, bytes, sizeof *head + rows);
    if (memcmp(hash, bytes + sizeof *head + rows, sizeof hash) != 0)
        return 0;
    return sizeof *head + rows + sizeof hash;
}

/* One that is damaged, or of another version, counts as none: the run begins
 * anew and ends the same. */
static bool take_checkpoint(struct lipd_training *t, const unsigned char *bytes,
                            size_t size)
{
    struct head head;
    size_t front = check_front(&head, bytes, size);
    if (front == 0)
        return true;
    if (lip_run_restore(t->run, bytes + front, size - front, t->ctx) !=
        LIP_OK) {
        lip_error_clear(t->ctx);
        return true;
    }
    t->before = head.seconds;
    for (size_t i = 0; i < head.rows; i++) {
        struct lipd_train_row *row = room_for_row(t);
        if (!row)
            return failed(t);
        memcpy(row, bytes + sizeof head + i * sizeof *row, sizeof *row);
    }
    return true;
}

bool lipd_training_restore(struct lipd_training *t)
{
    unsigned char *bytes;
    size_t size;
    if (!lipd_child_read(t->child, "checkpoint", &bytes, &size, t->problem))
        return false;
    bool taken = !bytes || take_checkpoint(t, bytes, size);
    lip_free(bytes);
    return taken;
}

/* Large models are kept less often: at most a twentieth of the time goes
 * there. */
static void keep(struct lipd_training *t)
{
    double wait = fmax(keep_every, 20 * t->save_seconds);
    if (lip_now() - t->saved >= wait && !lipd_training_save(t))
        t->failed = true;
}

/* --- progress */

void lipd_training_put(struct api_text *text, const char *key, double value)
{
    if (isfinite(value))
        api_put_number(text, key, value);
}

void lipd_training_put_row(struct api_text *text,
                           const struct lipd_train_row *row)
{
    lipd_training_put(text, "loss", row->loss);
    lipd_training_put(text, "accuracy", row->accuracy);
    lipd_training_put(text, "error", row->error);
    lipd_training_put(text, "validation_loss", row->validation_loss);
    lipd_training_put(text, "validation_accuracy", row->validation_accuracy);
    lipd_training_put(text, "validation_error", row->validation_error);
    if (isfinite(row->lipschitz))
        api_put_upper(text, "lipschitz", row->lipschitz);
}

/* `row`: the latest epoch's, or NULL. */
static void tell(struct lipd_training *t, const struct lipd_train_row *row)
{
    struct lip_run_place place = lip_run_where(t->run);
    struct api_text text;
    size_t size;
    api_text_init(&text, LIPD_CHILD_LINE, NULL);
    api_object_open(&text, NULL);
    api_put_count(&text, "done", place.epoch);
    api_put_count(&text, "total", t->request.options.epochs);
    api_put_string(&text, "unit", "epoch");
    api_put_count(&text, "step", place.step);
    api_put_count(&text, "steps", place.steps);
    if (row) {
        api_object_open(&text, "metrics");
        lipd_training_put_row(&text, row);
        api_object_close(&text);
    }
    api_object_close(&text);
    char *json = api_text_take(&text, &size);
    if (json && !lipd_child_tell(json, size))
        t->wish = LIPD_PAUSE;
    lip_free(json);
    t->told = lip_now();
}

/* --- stopping */

static bool goes_on(struct lipd_training *t)
{
    if (t->wish == LIPD_GO_ON)
        t->wish = lipd_child_wish();
    if (t->deadline > 0 && lip_now() >= t->deadline)
        t->out_of_time = true;
    return t->wish == LIPD_GO_ON && !t->out_of_time && !t->failed;
}

/* Only between two steps may the run stop, or be saved: elsewhere a second
 * start would do a part of the work twice. */
static bool hear_step(void *arg, const struct lip_progress *progress)
{
    struct lipd_training *t = arg;
    if (strcmp(progress->phase, "train") != 0)
        return true;
    if (lip_now() - t->told >= tell_steps)
        tell(t, t->row_count ? &t->row[t->row_count - 1] : NULL);
    keep(t);
    return goes_on(t);
}

/* --- epochs */

/* How the model does on the first rows of the training part. */
static struct lip_score sample(struct lipd_training *t)
{
    struct lip_score score = {NAN, NAN, NAN};
    struct lip_data part = *t->training;
    if (part.rows > SAMPLE)
        part.rows = SAMPLE;
    if (lip_model_score(&score, t->model, &part, &t->request.options.loss,
                        &t->pool.workers, t->ctx) != LIP_OK)
        t->failed = !failed(t);
    return score;
}

static struct lipd_train_row make_row(struct lipd_training *t,
                                      const struct lip_epoch *epoch)
{
    struct lip_score score = sample(t);
    return (struct lipd_train_row){
        .epoch = (double)epoch->number,
        .rate = epoch->rate,
        .loss = epoch->loss,
        .accuracy = score.accuracy,
        .error = score.error,
        .validation_loss = epoch->validation.loss,
        .validation_accuracy = epoch->validation.accuracy,
        .validation_error = epoch->validation.error,
        .lipschitz = epoch->norm,
    };
}

/* The row of an epoch that is no multiple of the stride gives way to the next.
 */
static void note(struct lipd_training *t, const struct lipd_train_row *row)
{
    size_t stride = (t->request.options.epochs + ROWS - 1) / ROWS;
    bool replace = t->row_count > 0 &&
                   (size_t)t->row[t->row_count - 1].epoch % stride != 0;
    struct lipd_train_row *place =
        replace ? &t->row[t->row_count - 1] : room_for_row(t);
    if (place)
        *place = *row;
    else
        t->failed = !failed(t);
}

static bool hear_epoch(void *arg, const struct lip_epoch *epoch)
{
    struct lipd_training *t = arg;
    struct lipd_train_row row = make_row(t, epoch);
    note(t, &row);
    if (lip_now() - t->told >= tell_epochs || lip_run_where(t->run).over)
        tell(t, &row);
    keep(t);
    return goes_on(t);
}

enum lip_status lipd_training_go(struct lipd_training *t)
{
    double outer = t->ctx->deadline;
    t->told = t->saved = lip_now();
    t->ctx->deadline = 0; /* goes_on looks at it */
    t->ctx->progress = hear_step;
    t->ctx->progress_arg = t;
    tell(t, t->row_count ? &t->row[t->row_count - 1] : NULL);
    enum lip_status status = lip_run_go(t->run, hear_epoch, t, t->ctx);
    t->ctx->progress = NULL;
    t->ctx->deadline = outer;
    return status;
}
