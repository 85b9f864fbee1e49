/* SPDX-License-Identifier: MIT
 *
 * Reading tables: one pass counts lines and cells and remembers where they
 * begin, a second reads the numbers. */
#include "training/csv.h"

#include "base/size.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CELL = 64, MAX_COLUMNS = 100000 };

/* A cell without its quotes; doubled quotes inside stay doubled. */
struct cell {
    const char *text;
    size_t size;
};

struct table {
    struct cell *cell; /* rows x columns, row-major; row 0 is the header */
    size_t rows, columns;
};

static enum lip_status at_line(struct lip_ctx *ctx, enum lip_status status,
                               size_t line, const char *complaint)
{
    char where[24];
    snprintf(where, sizeof where, "%zu", line);
    return lip_fail_at(ctx, status, LIP_AT_POINTER, where, "Line %zu: %s", line,
                       complaint);
}

/* Reads the cell at *at, leaves *at on the comma, line end or end after it. */
static bool next_cell(struct cell *out, const char **at, const char *end)
{
    const char *p = *at;
    if (p < end && *p == '"') {
        out->text = ++p;
        while (p < end && (*p != '"' || (p + 1 < end && p[1] == '"')))
            p += *p == '"' ? 2 : 1;
        if (p >= end)
            return false;
        out->size = (size_t)(p++ - out->text);
    } else {
        out->text = p;
        while (p < end && *p != ',' && *p != '\n' && *p != '\r')
            p++;
        out->size = (size_t)(p - out->text);
    }
    *at = p;
    return p == end || *p == ',' || *p == '\n' || *p == '\r';
}

/* Over the line end, LF or CR LF or CR. */
static void next_line(const char **at, const char *end)
{
    if (*at < end && **at == '\r')
        ++*at;
    if (*at < end && **at == '\n')
        ++*at;
}

/* How many cells the text can have at most: commas and line ends. */
static size_t count_cells(const char *text, size_t size)
{
    size_t count = 1;
    for (size_t i = 0; i < size; i++)
        count += text[i] == ',' || text[i] == '\n' || text[i] == '\r';
    return count;
}

/* One line of cells from number `first` on; *count how many. */
static enum lip_status read_line(struct table *out, size_t first, size_t *count,
                                 const char **at, const char *end,
                                 struct lip_ctx *ctx)
{
    for (*count = 0;; ++*at) {
        if (*count == MAX_COLUMNS)
            return at_line(ctx, LIP_TOO_LARGE, out->rows + 1,
                           "more than 100000 cells.");
        if (!next_cell(&out->cell[first + (*count)++], at, end))
            return at_line(ctx, LIP_MALFORMED, out->rows + 1,
                           "a quoted cell does not end with a quote before a "
                           "comma or the end of the line.");
        if (*at == end || **at != ',')
            return LIP_OK;
    }
}

static enum lip_status find_cells(struct table *out, const char *text,
                                  size_t size, struct lip_ctx *ctx)
{
    out->cell = lip_alloc(ctx, count_cells(text, size), sizeof *out->cell);
    if (!out->cell)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    const char *at = text, *end = text + size;
    for (size_t used = 0, count; at < end;) {
        enum lip_status status = read_line(out, used, &count, &at, end, ctx);
        if (status != LIP_OK)
            return status;
        next_line(&at, end);
        if (count == 1 && out->cell[used].size == 0)
            continue;
        if (out->rows == 0)
            out->columns = count;
        if (count != out->columns)
            return at_line(ctx, LIP_INVALID, out->rows + 1,
                           "it has another number of cells than the header.");
        used += count;
        out->rows++;
    }
    if (out->rows < 2)
        return lip_fail(ctx, LIP_INVALID,
                        "The table has no line of data after its header.");
    return LIP_OK;
}

static bool same(struct cell cell, const char *text)
{
    return strlen(text) == cell.size && !memcmp(text, cell.text, cell.size);
}

static enum lip_status find_target(size_t *target, const struct table *table,
                                   const char *name, struct lip_ctx *ctx)
{
    for (*target = 0; *target < table->columns; ++*target)
        if (same(table->cell[*target], name))
            return LIP_OK;
    return lip_fail(ctx, LIP_INVALID,
                    "The header has no column \"%.100s\" to predict.", name);
}

static bool is_ignored(struct cell name, const char *const *ignore)
{
    if (!ignore)
        return name.size == 0;
    while (*ignore)
        if (same(name, *ignore++))
            return true;
    return false;
}

/* A finite decimal number, blanks around it allowed. */
static bool read_number(double *out, struct cell cell)
{
    char text[MAX_CELL + 1], *end;
    while (cell.size && isblank((unsigned char)*cell.text))
        cell.text++, cell.size--;
    while (cell.size && isblank((unsigned char)cell.text[cell.size - 1]))
        cell.size--;
    if (cell.size == 0 || cell.size > MAX_CELL)
        return false;
    for (size_t i = 0; i < cell.size; i++)
        if (!strchr("0123456789+-.eE", cell.text[i]) || !cell.text[i])
            return false;
    memcpy(text, cell.text, cell.size);
    text[cell.size] = 0;
    *out = strtod(text, &end);
    return *end == 0 && isfinite((float)*out);
}

static enum lip_status not_a_number(size_t row, size_t column,
                                    const struct table *table,
                                    struct lip_ctx *ctx)
{
    char text[160];
    struct cell cell = table->cell[row * table->columns + column];
    snprintf(text, sizeof text,
             "cell %zu, \"%.*s\", is not a finite decimal number.", column + 1,
             (int)(cell.size < 60 ? cell.size : 60), cell.text);
    return at_line(ctx, LIP_INVALID, row + 1, text);
}

/* Texts in order of value where both are numbers, else by bytes. */
static int compare_texts(const void *a, const void *b)
{
    const struct cell *s = a, *t = b;
    double x, y;
    bool both = read_number(&x, *s) && read_number(&y, *t);
    if (both && (x < y || y < x))
        return x < y ? -1 : 1;
    size_t size = s->size < t->size ? s->size : t->size;
    int order = memcmp(s->text, t->text, size);
    return order ? order : (s->size > t->size) - (s->size < t->size);
}

/* The distinct texts of the target column, sorted. */
static enum lip_status find_classes(struct cell **out, size_t *count,
                                    const struct table *table, size_t target,
                                    struct lip_ctx *ctx)
{
    size_t rows = table->rows - 1;
    struct cell *text = lip_alloc(ctx, rows, sizeof *text);
    if (!text)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    for (size_t i = 0; i < rows; i++)
        text[i] = table->cell[(i + 1) * table->columns + target];
    qsort(text, rows, sizeof *text, compare_texts);
    *count = 0;
    for (size_t i = 0; i < rows; i++)
        if (i == 0 || compare_texts(&text[i], &text[*count - 1]) != 0)
            text[(*count)++] = text[i];
    *out = text;
    if (*count > LIP_MAX_CLASSES)
        return lip_fail(ctx, LIP_INVALID,
                        "The column to predict has %zu different values, more "
                        "than the %d classes that are taken. For numbers to "
                        "predict ask for task=regression.",
                        *count, LIP_MAX_CLASSES);
    return LIP_OK;
}

/* Whether the target column asks for classes: names, or whole numbers only. */
static bool looks_like_classes(const struct table *table, size_t target)
{
    bool whole = true;
    for (size_t i = 1; i < table->rows; i++) {
        struct cell cell = table->cell[i * table->columns + target];
        double value;
        if (!read_number(&value, cell))
            return true;
        whole = whole && !memchr(cell.text, '.', cell.size) &&
                rint(value) <= value && rint(value) >= value;
    }
    return whole;
}

static enum lip_status fill_row(struct lip_data *data, size_t row,
                                const struct table *table, size_t target,
                                const struct lip_csv_options *options,
                                struct lip_ctx *ctx)
{
    float *x = data->x + row * data->features;
    const struct cell *cell = table->cell + (row + 1) * table->columns;
    for (size_t j = 0; j < table->columns; j++) {
        double value = 0;
        if (is_ignored(table->cell[j], options->ignore) && j != target)
            continue;
        if (j == target && data->label)
            continue;
        if (!read_number(&value, cell[j]))
            return not_a_number(row + 1, j, table, ctx);
        if (j == target)
            data->y[row] = (float)value;
        else
            *x++ = (float)value;
    }
    return LIP_OK;
}

static enum lip_status fill(struct lip_data *data, const struct table *table,
                            size_t target, const struct cell *classes,
                            const struct lip_csv_options *options,
                            struct lip_ctx *ctx)
{
    enum lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < data->rows; i++) {
        status = fill_row(data, i, table, target, options, ctx);
        if (!data->label)
            continue;
        const struct cell *found =
            bsearch(&table->cell[(i + 1) * table->columns + target], classes,
                    data->classes, sizeof *classes, compare_texts);
        data->label[i] = (uint32_t)(found - classes);
    }
    return status;
}

static size_t count_features(const struct table *table, size_t target,
                             const char *const *ignore)
{
    size_t count = 0;
    for (size_t j = 0; j < table->columns; j++)
        count += j != target && !is_ignored(table->cell[j], ignore);
    return count;
}

enum lip_status lip_csv_read(struct lip_data **out, const char *text,
                             size_t size, const struct lip_csv_options *options,
                             struct lip_ctx *ctx)
{
    *out = NULL;
    _Static_assert(sizeof(struct cell) == LIP_CSV_CELL, "as the header says");
    struct table table = {0};
    bool classify = options->classification;
    struct cell *class = NULL;
    size_t target = 0, classes = 0;
    enum lip_status status = find_cells(&table, text, size, ctx);
    if (status == LIP_OK)
        status = find_target(&target, &table, options->target, ctx);
    if (status == LIP_OK && options->guess)
        classify = looks_like_classes(&table, target);
    if (status == LIP_OK && classify)
        status = find_classes(&class, &classes, &table, target, ctx);
    if (status == LIP_OK)
        status = lip_data_new(out, table.rows - 1,
                              count_features(&table, target, options->ignore),
                              classes, classify ? 0 : 1, ctx);
    if (status == LIP_OK)
        status = fill(*out, &table, target, class, options, ctx);
    if (status != LIP_OK) {
        lip_data_free(*out);
        *out = NULL;
    }
    lip_free(table.cell);
    lip_free(class);
    return status;
}
