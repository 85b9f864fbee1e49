/* SPDX-License-Identifier: MIT
 *
 * How fast matrices are multiplied here. */
#include "linalg/blas.h"
#include "server/config.h"
#include "server/machine.h"

#include <pthread.h>
#include <string.h>

enum { WIDTH = 256, ROUNDS = 5 };

/* Where there is no memory for a measurement, or no clock that moves. */
static double measured = 1e10;

static void measure(void)
{
    struct lip_matrix m[3] = {{0}};
    double least = INFINITY;
    bool room = true;
    for (int i = 0; i < 3 && room; i++)
        room = lip_matrix_new(&m[i], WIDTH, WIDTH, NULL) == LIP_OK;
    for (int i = 0; i < 3 && room; i++)
        memset(m[i].data, 0, WIDTH * WIDTH * sizeof(double));
    for (int i = 0; i < ROUNDS && room; i++) {
        double start = lip_now();
        lip_gemm(&m[2], &m[0], false, &m[1], false);
        least = fmin(least, lip_now() - start);
    }
    for (int i = 0; i < 3; i++)
        lip_matrix_clear(&m[i]);
    double flops = 2.0 * WIDTH * WIDTH * WIDTH;
    if (room && least > 0)
        measured = 0.5 * flops / least;
}

double lipd_machine_speed(const struct lipd_config *config)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (config->flops_per_second > 0)
        return config->flops_per_second;
    pthread_once(&once, measure);
    return measured;
}
