/* SPDX-License-Identifier: MIT
 *
 * One linear node times what it takes. With A scaled by a power of two to
 * entries of at most 1, and E the sources' blocks on a common exponent,
 *
 *     |fl(A E) - A E|_F <= gamma_{k+2} |A|_F |E|_F,   k entries in a row,
 *
 * what E hides is multiplied by |A|_2 <= min(|A|_F, sqrt(|A|_1 |A|_inf)), and
 * A itself is off by `uncertainty` |A|_F. A row that chooses among numbers of
 * the gap is exact. Numbers that fall below the smallest double cost 2^-1074
 * each, all together less than LIP_TINY. */
#include "network/block.h"

#include "linalg/blas.h"
#include "network/operator.h"

#include <math.h>
#include <string.h>

/* The source and the column in it that a column of A means. */
struct place {
    struct lip_block *block;
    double factor; /* 2^(its exponent - the common one) */
    size_t first;  /* column of A where it begins */
};

struct maker {
    const struct lip_node *node;
    struct lip_operator op;
    bool layer; /* rows come from op, else from the node */
    size_t *column, count;
    double *value;
    struct place *place;
    size_t inputs, from, most; /* most entries of a row */
    double *sums;              /* [inputs] columns of |A| */
    double scale, frobenius, row_sum, largest;
    bool repeats, lost; /* a source twice; numbers below the normal ones */
    struct lip_ctx *ctx;
};

static enum lip_status memory(const struct lip_ctx *ctx)
{
    return ctx && ctx->error.status ? ctx->error.status : LIP_NO_MEMORY;
}

static void get_row(struct maker *m, size_t k)
{
    if (m->layer) {
        m->count = lip_operator_row(&m->op, k);
        m->column = m->op.column;
        m->value = m->op.value;
        return;
    }
    m->column = m->node->column + 2 * k;
    m->value = m->node->value + 2 * k;
    m->count =
        (m->column[0] != LIP_NO_COLUMN) + (m->column[1] != LIP_NO_COLUMN);
}

/* Where the sources lie, on the largest of their exponents. */
static long place_sources(struct maker *m, struct lip_block *block,
                          const struct lip_nodes *nodes)
{
    const struct lip_node *n = m->node;
    long e = block[n->source[0]].exponent;
    for (size_t s = 1; s < n->sources; s++)
        e = block[n->source[s]].exponent > e ? block[n->source[s]].exponent : e;
    for (size_t s = 0; s < n->sources; s++) {
        struct lip_block *b = &block[n->source[s]];
        long below = b->exponent - e;
        double factor = below < -1074 ? 0 : ldexp(1, (int)below);
        m->place[s] = (struct place){b, factor, m->inputs};
        m->lost = m->lost || below < 0;
        m->inputs += nodes->node[n->source[s]].width;
        for (size_t t = 0; t < s; t++)
            m->repeats = m->repeats || n->source[t] == n->source[s];
    }
    return e;
}

static const struct place *find(const struct maker *m, size_t column)
{
    size_t s = m->node->sources - 1;
    while (m->place[s].first > column)
        s--;
    return &m->place[s];
}

/* To be asked at row k of some 10^7 operations. */
static enum lip_status tick(const struct maker *m, size_t k, size_t work)
{
    size_t step = 1 + 10000000 / (1 + work);
    return k % step ? LIP_OK
                    : lip_tick(m->ctx, "unrolling", (double)k,
                               (double)m->node->width, NAN);
}

/* The power of two that brings the largest entry below 1. */
static enum lip_status find_scale(struct maker *m, int *e)
{
    double most = 0;
    enum lip_status status = LIP_OK;
    for (size_t k = 0; status == LIP_OK && k < m->node->width; k++) {
        get_row(m, k);
        m->most = m->count > m->most ? m->count : m->most;
        for (size_t j = 0; j < m->count; j++)
            most = fmax(most, fabs(m->value[j]));
        status = tick(m, k, 10 * m->most);
    }
    frexp(most, e);
    return status;
}

/* Upper bounds of the norms of A, scaled. */
static enum lip_status measure(struct maker *m, int e)
{
    double sum = 0;
    enum lip_status status = LIP_OK;
    for (size_t k = 0; status == LIP_OK && k < m->node->width; k++) {
        double own = 0;
        get_row(m, k);
        for (size_t j = 0; j < m->count; j++) {
            double x = fabs(ldexp(m->value[j], -e));
            m->lost = m->lost || (m->value[j] != 0 && x < 0x1p-900);
            own += x;
            sum += x * x;
            m->sums[m->column[j]] += x;
        }
        m->row_sum = fmax(m->row_sum, lip_inflate(own, m->count + 2));
        status = tick(m, k, 10 * m->most);
    }
    m->frobenius =
        lip_sqrt_up(lip_inflate(sum, m->node->width * (m->most + 2)));
    for (size_t j = 0; j < m->inputs; j++)
        m->largest =
            fmax(m->largest, lip_inflate(m->sums[j], m->node->width + 2));
    return status;
}

/* Column k of the stored matrix: row k of A times the sources. */
static void take_row(struct maker *m, double *to, size_t k, int e)
{
    get_row(m, k);
    memset(to, 0, m->from * sizeof *to);
    for (size_t j = 0; j < m->count; j++) {
        const struct place *p = find(m, m->column[j]);
        const struct lip_block *b = p->block;
        size_t column = m->column[j] - p->first;
        double x = ldexp(m->value[j], -e) * p->factor;
        if (b->chosen)
            to[b->offset + column] += x;
        else if (x != 0)
            cblas_daxpy((int)m->from, x, b->stored.data + column * m->from, 1,
                        to, 1);
    }
}

/* A dense weight on a stored block, all rows at once. */
static enum lip_status take_dense(struct maker *m, struct lip_block *out, int e)
{
    struct lip_matrix a;
    enum lip_status status =
        lip_matrix_new(&a, m->inputs, m->node->width, m->ctx);
    if (status != LIP_OK)
        return status;
    for (size_t k = 0; k < m->node->width; k++) {
        get_row(m, k);
        for (size_t j = 0; j < m->count; j++)
            a.data[j + k * m->inputs] = ldexp(m->value[j], -e);
    }
    lip_gemm(&out->stored, &m->place[0].block->stored, false, &a, false);
    lip_matrix_clear(&a);
    return LIP_OK;
}

static enum lip_status take_rows(struct maker *m, struct lip_block *out, int e)
{
    enum lip_status status = LIP_OK;
    for (size_t k = 0; status == LIP_OK && k < m->node->width; k++) {
        take_row(m, out->stored.data + k * m->from, k, e);
        status = tick(m, k, m->from * (m->most + 1));
    }
    return status;
}

static double hidden(const struct maker *m)
{
    double norm =
        fmin(m->frobenius, lip_sqrt_up(lip_mul_up(m->row_sum, m->largest)));
    double squares = 0, radius = 0,
           uncertainty = m->layer ? m->op.uncertainty : m->node->uncertainty;
    bool exact = !m->repeats;
    for (size_t s = 0; s < m->node->sources; s++) {
        const struct place *p = &m->place[s];
        double f = p->block->chosen ? lip_up(sqrt((double)m->from))
                                    : lip_matrix_frobenius(&p->block->stored);
        f = lip_mul_up(f, p->factor);
        squares = lip_add_up(squares, lip_mul_up(f, f));
        radius = lip_add_up(radius, lip_mul_up(p->block->radius, p->factor));
        exact = exact && p->block->chosen;
    }
    double all = lip_sqrt_up(squares), sum = lip_mul_up(norm, radius);
    if (!exact)
        sum = lip_add_up(sum, lip_mul_up(lip_gamma(m->most + 3),
                                         lip_mul_up(m->frobenius, all)));
    if (uncertainty > 0)
        sum = lip_add_up(
            sum, lip_mul_up(lip_mul_up(uncertainty, 1.0001),
                            lip_mul_up(m->frobenius, lip_add_up(all, radius))));
    return exact && !m->lost ? sum
                             : lip_add_up(sum, lip_mul_up(0x1p-1000, norm + 1));
}

/* Entries below 2, by a power of two. */
static void normalise(struct lip_block *b)
{
    size_t count = b->stored.rows * b->stored.cols;
    double most = 0;
    int e = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(b->stored.data[i]));
    frexp(most, &e);
    if (e <= 1 && (e > -100 || most == 0))
        return;
    for (size_t i = 0; i < count; i++)
        b->stored.data[i] = ldexp(b->stored.data[i], -e);
    b->radius = b->radius > 0 ? lip_up(ldexp(b->radius, -e)) : 0;
    b->radius = e > 1 ? lip_add_up(b->radius, LIP_TINY) : b->radius;
    b->exponent += e;
}

static enum lip_status multiply(struct maker *m, struct lip_block *out)
{
    int e = 0;
    enum lip_status status = find_scale(m, &e);
    if (status == LIP_OK)
        status = measure(m, e);
    if (status != LIP_OK)
        return status;
    bool dense = m->layer && !m->node->layer->kind->row &&
                 m->node->sources == 1 && !m->place[0].block->chosen;
    status = dense ? take_dense(m, out, e) : take_rows(m, out, e);
    if (status != LIP_OK)
        return status;
    out->radius = hidden(m);
    out->exponent += e;
    normalise(out);
    if (!isfinite(out->radius))
        return lip_fail(m->ctx, LIP_UNPROVEN,
                        "Rounding errors of multiplied layers overflow.");
    return LIP_OK;
}

enum lip_status lip_block_new(struct lip_block *block,
                              const struct lip_nodes *nodes, size_t i,
                              size_t from, struct lip_ctx *ctx)
{
    const struct lip_node *n = &nodes->node[i];
    struct lip_block *out = &block[i];
    struct maker m = {.node = n, .from = from, .layer = n->layer, .ctx = ctx};
    enum lip_status status = LIP_OK;
    *out = (struct lip_block){.radius = 0};
    m.place = lip_alloc(ctx, n->sources, sizeof *m.place);
    if (!m.place)
        return memory(ctx);
    out->exponent = place_sources(&m, block, nodes);
    m.sums = lip_calloc(ctx, m.inputs, sizeof *m.sums);
    if (!m.sums)
        status = memory(ctx);
    if (status == LIP_OK && m.layer)
        status = lip_operator_new(&m.op, n->layer, ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&out->stored, from, n->width, ctx);
    if (status == LIP_OK)
        status = multiply(&m, out);
    if (m.layer)
        lip_operator_clear(&m.op);
    lip_free(m.sums);
    lip_free(m.place);
    return status;
}
