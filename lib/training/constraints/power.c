/* SPDX-License-Identifier: MIT
 *
 * Power iteration by sgemv, or by a convolution there and back. */
#include "training/constraints/power.h"

#include "training/kernel.h"
#include "training/layers/list.h"

#include <cblas.h>
#include <math.h>

static size_t inputs_of(const struct lip_constrained *matrix)
{
    const struct lip_window *w = matrix->window;
    return w ? w->channels[0] * w->in[0] * w->in[1] : matrix->cols;
}

static size_t outputs_of(const struct lip_constrained *matrix)
{
    const struct lip_window *w = matrix->window;
    return w ? w->channels[1] * w->out[0] * w->out[1] : matrix->rows;
}

size_t lip_power_warm(const struct lip_constrained *matrix)
{
    return inputs_of(matrix) + outputs_of(matrix);
}

/* Makes x a unit vector and returns the length it had; zero stays zero. */
static double unit(float *x, size_t n)
{
    double length = sqrt(lip_kernel_dot(x, x, n));
    if (length > 0)
        lip_kernel_scale(x, (float)(1 / length), n);
    return length;
}

/* The convolution as a layer without biases. */
static struct lip_trainable layer_of(const struct lip_constrained *matrix,
                                     const float *w, float *gradient)
{
    return (struct lip_trainable){.kind = &lip_trainable_conv,
                                  .window = *matrix->window,
                                  .inputs = inputs_of(matrix),
                                  .outputs = outputs_of(matrix),
                                  .rows = matrix->rows,
                                  .cols = matrix->cols,
                                  .weight = (float *)(uintptr_t)w,
                                  .weight_gradient = gradient};
}

/* y = A x, x = A'y */
static void apply(float *y, const struct lip_constrained *matrix,
                  const float *w, const float *x)
{
    int m = (int)matrix->rows, n = (int)matrix->cols;
    if (matrix->window) {
        struct lip_trainable layer = layer_of(matrix, w, NULL);
        layer.kind->forward(&layer, y, x, 1);
        return;
    }
    cblas_sgemv(CblasRowMajor, CblasNoTrans, m, n, 1, w, n, x, 1, 0, y, 1);
}

static void adjoint(float *x, const struct lip_constrained *matrix,
                    const float *w, const float *y)
{
    int m = (int)matrix->rows, n = (int)matrix->cols;
    if (matrix->window) {
        struct lip_trainable layer = layer_of(matrix, w, NULL);
        layer.kind->backward(&layer, x, y, NULL, NULL, 1);
        return;
    }
    cblas_sgemv(CblasRowMajor, CblasTrans, m, n, 1, w, n, y, 1, 0, x, 1);
}

double lip_power(const struct lip_constrained *matrix, const float *w,
                 int rounds)
{
    float *u = matrix->warm, *v = u + outputs_of(matrix);
    double s = 0;
    for (int i = 0; i < rounds; i++) {
        apply(u, matrix, w, v);
        unit(u, outputs_of(matrix));
        adjoint(v, matrix, w, u);
        s = unit(v, inputs_of(matrix));
    }
    return s;
}

static void add(float *out, double a, const struct lip_constrained *matrix,
                float *room, bool divided)
{
    int m = (int)matrix->rows, n = (int)matrix->cols;
    const float *u = matrix->warm, *v = u + outputs_of(matrix);
    size_t count = matrix->rows * matrix->cols;
    if (!matrix->window) { /* |u v'| = 1 */
        cblas_sger(CblasRowMajor, m, n, (float)a, u, 1, v, 1, out, n);
        return;
    }
    struct lip_trainable layer = layer_of(matrix, NULL, room);
    layer.kind->gradient(&layer, 0, matrix->window->kernel[0], u, v, 1);
    double size = divided ? lip_kernel_dot(room, room, count) : 1;
    if (size > 0)
        lip_kernel_axpy(out, (float)(a / size), room, count);
}

void lip_power_add(float *out, double a, const struct lip_constrained *matrix,
                   float *room)
{
    add(out, a, matrix, room, false);
}

void lip_power_step(float *out, double a, const struct lip_constrained *matrix,
                    float *room)
{
    add(out, a, matrix, room, true);
}
