/* SPDX-License-Identifier: MIT
 *
 * Layers with weights and what their constraint sees of them. A dense layer is
 * its matrix. A convolution is, in norms p -> q,
 *
 *     q = inf   its kernel K as a matrix, channels out x (places, channels in):
 *               the rows of A are rows of K, or parts of them at the edges;
 *     p = 1     the kernel in phases P (phases.h): the columns of A are columns
 *               of P, or parts of them;
 *     2 -> 2    itself, where the constraint takes windows; else K, for a place
 *               of the input is in at most m windows, so that
 *               |A x|^2 = sum over places |K patch|^2 <= |K|^2 m |x|^2.
 *
 * Each is within the limit when what is seen is within limit / stretch, stretch
 * = sqrt(m) in the last case and 1 in the others. */
#include "linalg/rounding.h"
#include "training/conv_norm.h"
#include "training/kernel.h"
#include "training/layers/windowed.h"
#include "training/phases.h"
#include "training/project.h"
#include "training/run.h"
#include "training/symbol.h"

#include <math.h>
#include <string.h>

static bool is_spectral(struct lip_norm_pair pair)
{
    return pair.input == LIP_NORM_2 && pair.output == LIP_NORM_2;
}

void lip_run_array_see(struct lip_run_array *array,
                       const struct lip_constraint *constraint, double limit)
{
    const struct lip_window *w = &array->layer->window;
    struct lip_constrained *matrix = &array->matrix;
    matrix->rows = array->rows;
    matrix->cols = array->cols;
    matrix->limit = limit;
    array->stretch = 1;
    if (!array->layer->kind->windowed)
        return;
    double overlap = (double)lip_window_overlap(w);
    if (is_spectral(matrix->pair) && overlap > 1 && constraint->windows) {
        matrix->window = w;
    } else if (is_spectral(matrix->pair)) {
        array->stretch = overlap > 1 ? lip_sqrt_up(overlap) : 1;
        matrix->limit = lip_div_down(limit, array->stretch);
    } else if (matrix->pair.output != LIP_NORM_INF) {
        array->phased = true;
        matrix->rows = lip_phases_rows(w);
        matrix->cols = lip_phases_cols(w);
    }
}

size_t lip_run_array_room(const struct lip_run_array *array)
{
    const struct lip_constrained *matrix = &array->matrix;
    return matrix->window
               ? lip_symbol_room(matrix->window)
               : lip_project_room(matrix->rows, matrix->cols, matrix->pair);
}

/* The kernel as its constraint sees it, and back. */
static void gather(float *to, const float *from,
                   const struct lip_run_array *array)
{
    if (array->phased)
        lip_phases_gather(to, from, &array->layer->window);
}

static void scatter(float *to, const float *from,
                    const struct lip_run_array *array)
{
    if (array->phased)
        lip_phases_scatter(to, from, &array->layer->window);
}

enum lip_status lip_run_array_map(const struct lip_run *run,
                                  const struct lip_run_array *array,
                                  struct lip_ctx *ctx)
{
    const struct lip_constrained *matrix = &array->matrix;
    gather(matrix->free, run->learned + array->offset, array);
    enum lip_status status = run->options.constraint->map(matrix, ctx);
    scatter(run->model->value + array->offset, matrix->weight, array);
    return status;
}

enum lip_status lip_run_array_pull(const struct lip_run *run,
                                   const struct lip_run_array *array,
                                   struct lip_ctx *ctx)
{
    const struct lip_constrained *matrix = &array->matrix;
    gather(matrix->gradient, run->model->gradient + array->offset, array);
    enum lip_status status = run->options.constraint->pull(matrix, ctx);
    scatter(run->learned_gradient + array->offset, matrix->free_gradient,
            array);
    return status;
}

enum lip_status lip_run_array_mend(const struct lip_run *run,
                                   const struct lip_run_array *array,
                                   struct lip_ctx *ctx)
{
    const struct lip_constrained *matrix = &array->matrix;
    gather(matrix->weight, run->model->value + array->offset, array);
    enum lip_status status = run->options.constraint->mend(matrix, ctx);
    scatter(run->model->value + array->offset, matrix->weight, array);
    return status;
}

enum lip_status lip_run_array_project(const struct lip_run *run,
                                      const struct lip_run_array *array,
                                      struct lip_ctx *ctx)
{
    const struct lip_constrained *matrix = &array->matrix;
    if (matrix->window)
        return lip_conv_project(matrix->weight, matrix->window, matrix->limit,
                                run->work, ctx);
    gather(matrix->weight, run->model->value + array->offset, array);
    enum lip_status status =
        lip_project(matrix->weight, matrix->rows, matrix->cols, matrix->pair,
                    matrix->limit, run->work, ctx);
    scatter(run->model->value + array->offset, matrix->weight, array);
    return status;
}

enum lip_status lip_run_array_norm(double *norm, const struct lip_run *run,
                                   const struct lip_run_array *array,
                                   struct lip_ctx *ctx)
{
    const struct lip_constrained *matrix = &array->matrix;
    if (matrix->window)
        return lip_conv_norm(norm, matrix->weight, array->layer, ctx);
    gather(matrix->weight, run->model->value + array->offset, array);
    enum lip_status status = lip_float_norm(norm, matrix->weight, matrix->rows,
                                            matrix->cols, matrix->pair, ctx);
    if (status == LIP_OK && array->stretch > 1)
        *norm = lip_mul_up(*norm, array->stretch);
    return status;
}

enum lip_status lip_run_array_finish(double *norm, const struct lip_run *run,
                                     const struct lip_run_array *array,
                                     struct lip_ctx *ctx)
{
    const struct lip_constrained *matrix = &array->matrix;
    if (matrix->window)
        return lip_conv_project_exactly(norm, matrix->weight, array->layer,
                                        matrix->limit, run->work, ctx);
    gather(matrix->weight, run->model->value + array->offset, array);
    enum lip_status status =
        lip_project_exactly(norm, matrix->weight, matrix->rows, matrix->cols,
                            matrix->pair, matrix->limit, ctx);
    scatter(run->model->value + array->offset, matrix->weight, array);
    if (status == LIP_OK && array->stretch > 1)
        *norm = lip_mul_up(*norm, array->stretch);
    return status;
}
