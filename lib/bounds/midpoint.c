/* SPDX-License-Identifier: MIT
 *
 * The averaged recursion. Write the slopes of layer i as M_i + R_i T with M
 * the midpoints, R the half widths and |T| <= 1 diagonal. Expanding the last
 * R in each product gives, for any norm,
 *
 *     b_k = |W_k M_{k-1} W_{k-1} ... M_1 W_1|
 *           + sum over j < k of |W_k M_{k-1} ... W_{j+1} R_j| b_j,
 *
 * b_l a bound of the constant (Combettes and Pesquet 2020; LipLT, Fazlyab et
 * al. 2023). Never worse than the product of norms. The transposed chain in
 * the dual norms gives a second value; the smaller one is the bound. For mixed
 * pairs the norm between the layers is free: 1, 2 and inf are all tried.
 *
 * Neurons of half width 0, which hand numbers on past the others (gap->passes),
 * have no part in R_j, so b_j need not bound what they take. A residual block
 * is |I + W_2 M W_1| + |W_2 R| |W_1| then. */
#include "bounds/support.h"

#include "linalg/blas.h"
#include "linalg/spectral.h"

#include <string.h>

/* A running product T = W_k M ... W_{j+1} R_j, transposed (columns are
 * outputs), with |T - stored|_2 <= error, all times 2^exponent. */
struct product {
    struct lip_matrix t, spare;
    double error;
    long exponent;
};

struct midpoint {
    const struct lip_chain *chain;
    struct lip_norm_pair pair;
    enum lip_norm inner;
    double *spectral;       /* upper bounds of |stored W_i| + radius */
    struct lip_big *b;      /* b[k] bounds the first k layers; b[0] = 1 */
    struct lip_matrix link; /* work: W_k M_{k-1}, transposed */
    struct product product;
    struct lip_evidence *evidence; /* NULL, or gets the norms of products */
    struct lip_ctx *ctx;
};

/* [lo, hi] lies within mid +- half. */
static void split(double *mid, double *half, struct lip_slopes s)
{
    *mid = 0.5 * (s.lo + s.hi);
    *half = s.lo == s.hi ? 0 : lip_up(fmax(s.hi - *mid, *mid - s.lo));
}

/* What the rounding of n rows by m columns of a scaled copy adds: one rounding
 * an entry. */
static double copy_error(const struct lip_matrix *m)
{
    return lip_mul_up(lip_gamma(2), lip_matrix_frobenius(m));
}

/* rows of `from` (inputs) times factor[k]. */
static void scale_rows(struct lip_matrix *to, const struct lip_matrix *from,
                       const struct lip_slopes *slopes, bool half)
{
    to->rows = from->rows;
    to->cols = from->cols;
    for (size_t j = 0; j < from->cols; j++)
        for (size_t k = 0; k < from->rows; k++) {
            double mid, r;
            split(&mid, &r, slopes[k]);
            to->data[k + j * from->rows] =
                (half ? r : mid) * from->data[k + j * from->rows];
        }
}

/* Takes out the power of two that keeps the entries near 1, and drops what is
 * negligible beside that, so that squares cannot underflow later. */
static void rescale(struct product *p)
{
    double most = 0;
    size_t count = p->t.rows * p->t.cols;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(p->t.data[i]));
    int e = 0;
    frexp(fmax(most, p->error), &e);
    for (size_t i = 0; i < count; i++) {
        double x = ldexp(p->t.data[i], -e);
        p->t.data[i] = fabs(x) < 0x1p-300 ? 0 : x;
    }
    double dropped = lip_up(0x1p-300 * sqrt((double)count));
    p->error = lip_up(ldexp(p->error, -e) + dropped);
    p->exponent += e;
}

/* T = W_{j+1} R_j, or W_1 for j = 0 (layers counted from 1). */
static void begin(struct midpoint *m, size_t j)
{
    struct product *p = &m->product;
    const struct lip_link *link = &m->chain->link[j];
    p->exponent = link->exponent;
    if (j == 0) {
        p->t.rows = link->transposed.rows;
        p->t.cols = link->transposed.cols;
        memcpy(p->t.data, link->transposed.data,
               p->t.rows * p->t.cols * sizeof(double));
        p->error = link->radius;
    } else {
        scale_rows(&p->t, &link->transposed, m->chain->slopes[j - 1], true);
        double steep = lip_chain_steepest(m->chain, j - 1);
        p->error = lip_add_up(copy_error(&p->t),
                              lip_mul_up(link->radius, lip_up(2 * steep)));
        p->error = lip_add_up(p->error, LIP_TINY);
    }
    rescale(p);
}

/* T <- W_{k+1} M_k T. |error'| <= |W M| error + (rounding of W M and of the
 * product) |T|_F + radius |M| (|T|_F + error). */
static void extend(struct midpoint *m, size_t k)
{
    struct product *p = &m->product;
    const struct lip_link *link = &m->chain->link[k];
    double steep = lip_chain_steepest(m->chain, k - 1);
    scale_rows(&m->link, &link->transposed, m->chain->slopes[k - 1], false);
    p->spare.rows = p->t.rows;
    p->spare.cols = m->link.cols;
    lip_gemm(&p->spare, &p->t, false, &m->link, false);
    double tf = lip_matrix_frobenius(&p->t);
    double wf = lip_matrix_frobenius(&m->link);
    double rounding =
        lip_mul_up(lip_gamma(m->link.rows + 4), lip_mul_up(wf, tf));
    double hidden =
        lip_mul_up(lip_mul_up(link->radius, steep), lip_add_up(tf, p->error));
    double carried = lip_mul_up(lip_mul_up(m->spectral[k], steep), p->error);
    p->error = lip_add_up(lip_add_up(rounding, hidden), carried);
    p->error = lip_add_up(p->error, LIP_TINY);
    p->exponent += link->exponent;
    struct lip_matrix swap = p->t;
    p->t = p->spare;
    p->spare = swap;
    rescale(p);
}

/* |T|_{p->q} upper, T without its last `without` outputs. */
static enum lip_status norm_of(struct lip_big *out, const struct product *p,
                               struct lip_norm_pair pair, size_t without,
                               struct lip_ctx *ctx)
{
    double norm;
    struct lip_matrix t = {p->t.rows, p->t.cols - without, p->t.data};
    enum lip_status status = lip_norm_upper(&norm, &t, pair, ctx);
    if (status != LIP_OK)
        return status;
    double factor = lip_norm_per_spectral(pair, t.rows, t.cols);
    *out = lip_big_make(lip_add_up(norm, lip_mul_up(factor, p->error)),
                        p->exponent);
    return LIP_OK;
}

/* Adds |T_{k,j}| b_j to b_k for all k > j. */
static enum lip_status column(struct midpoint *m, size_t j)
{
    size_t l = m->chain->count;
    begin(m, j);
    for (size_t k = j + 1;; k++) {
        struct lip_norm_pair pair = {j == 0 ? m->pair.input : m->inner,
                                     k == l ? m->pair.output : m->inner};
        struct lip_big norm = {0, 0};
        size_t passes = k == l ? 0 : m->chain->gap[k - 1].passes;
        enum lip_status status =
            norm_of(&norm, &m->product, pair, passes, m->ctx);
        if (status == LIP_OK)
            status = lip_tick(m->ctx, "midpoint recursion", (double)j,
                              (double)l, NAN);
        if (status != LIP_OK)
            return status;
        m->b[k] = lip_big_add(m->b[k], lip_big_mul(norm, m->b[j]));
        if (m->evidence)
            m->evidence->row[k - 1].value[j] = norm;
        if (k == l)
            return LIP_OK;
        extend(m, k);
    }
}

/* Work areas for a chain. */
static enum lip_status open(struct midpoint *m)
{
    const struct lip_chain *chain = m->chain;
    size_t l = chain->count, widest = chain->widest;
    m->spectral = lip_alloc(m->ctx, l, sizeof *m->spectral);
    m->b = lip_alloc(m->ctx, l + 1, sizeof *m->b);
    enum lip_status status = m->spectral && m->b ? LIP_OK : LIP_NO_MEMORY;
    if (status == LIP_OK)
        status = lip_matrix_new(&m->link, widest, widest, m->ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&m->product.t, widest, widest, m->ctx);
    if (status == LIP_OK)
        status = lip_matrix_new(&m->product.spare, widest, widest, m->ctx);
    for (size_t i = 0; status == LIP_OK && i < l; i++) {
        status = lip_spectral_upper(&m->spectral[i], &chain->link[i].transposed,
                                    m->ctx);
        m->spectral[i] = lip_add_up(m->spectral[i], chain->link[i].radius);
    }
    if (status == LIP_OK || !m->ctx || m->ctx->error.status == LIP_OK)
        return status;
    return m->ctx->error.status;
}

static void close(struct midpoint *m)
{
    lip_free(m->spectral);
    lip_free(m->b);
    lip_matrix_clear(&m->link);
    lip_matrix_clear(&m->product.t);
    lip_matrix_clear(&m->product.spare);
}

/* Room for N_kj, all j < k, in row k - 1, and the norms along the chain. */
static enum lip_status new_evidence(struct midpoint *m)
{
    size_t l = m->chain->count;
    enum lip_status status =
        lip_evidence_new(&m->evidence, &lip_theorem_averaged, l, l + 1, m->ctx);
    for (size_t k = 0; status == LIP_OK && k < l; k++)
        status = lip_evidence_row_new(m->evidence, k, k + 1, m->ctx);
    for (size_t k = 0; status == LIP_OK && k <= l; k++)
        m->evidence->norm[k] = k == 0   ? m->pair.input
                               : k == l ? m->pair.output
                                        : m->inner;
    return status;
}

/* A value of the recursion on one chain, and, where asked for, its evidence. */
struct result {
    struct lip_big value;
    struct lip_evidence *evidence;
};

static void keep_less(struct result *best, struct midpoint *m, bool first)
{
    struct lip_big last = m->b[m->chain->count];
    if (first || lip_big_less(last, best->value)) {
        struct lip_evidence *worse = best->evidence;
        best->value = last;
        best->evidence = m->evidence;
        m->evidence = worse;
    }
    lip_evidence_free(m->evidence);
    m->evidence = NULL;
}

/* The recursion on one chain, the least over the inner norms to be tried. */
static enum lip_status recurse(struct result *out,
                               const struct lip_chain *chain,
                               struct lip_norm_pair pair, bool evidence,
                               struct lip_ctx *ctx)
{
    struct midpoint m = {.chain = chain, .pair = pair, .ctx = ctx};
    enum lip_status status = open(&m);
    bool first = true;
    out->evidence = NULL;
    for (int inner = 0; status == LIP_OK && inner < LIP_NORM_COUNT; inner++) {
        if (pair.input == pair.output && inner != (int)pair.input)
            continue;
        m.inner = (enum lip_norm)inner;
        m.b[0] = lip_big_make(1, 0);
        for (size_t k = 1; k <= chain->count; k++)
            m.b[k] = (struct lip_big){0, 0};
        if (evidence)
            status = new_evidence(&m);
        for (size_t j = 0; status == LIP_OK && j < chain->count; j++)
            status = column(&m, j);
        if (status != LIP_OK)
            break;
        keep_less(out, &m, first);
        first = false;
    }
    lip_evidence_free(m.evidence);
    close(&m);
    return status;
}

static enum lip_status run(struct lip_bound *bound,
                           const struct lip_chain *chain,
                           const struct lip_bound_options *options,
                           struct lip_ctx *ctx)
{
    struct lip_norm_pair pair = options->norm;
    struct lip_norm_pair dual = {lip_norm_dual(pair.output),
                                 lip_norm_dual(pair.input)};
    struct result forward, backward = {.evidence = NULL};
    struct lip_chain *transposed = NULL;
    enum lip_status status =
        recurse(&forward, chain, pair, options->evidence, ctx);
    if (status == LIP_OK)
        status = lip_chain_transpose(&transposed, chain, ctx);
    if (status == LIP_OK)
        status = recurse(&backward, transposed, dual, options->evidence, ctx);
    lip_chain_free(transposed);
    if (status == LIP_OK) {
        bool back = lip_big_less(backward.value, forward.value);
        struct result *best = back ? &backward : &forward;
        lip_bound_add_detail(bound, "network", NAN, forward.value);
        lip_bound_add_detail(bound, "transpose", NAN, backward.value);
        lip_bound_set(bound, best->value);
        bound->evidence = best->evidence;
        if (best->evidence)
            best->evidence->transposed = back;
        best->evidence = NULL;
    }
    lip_evidence_free(forward.evidence);
    lip_evidence_free(backward.evidence);
    return status;
}

static struct lip_cost cost(const struct lip_chain *chain,
                            const struct lip_bound_options *options)
{
    double flops = 0, widest = (double)chain->widest;
    for (size_t j = 0; j < chain->count; j++) {
        double from = (double)lip_chain_width(chain, j);
        for (size_t k = j + 1; k < chain->count; k++) {
            double mid = (double)lip_chain_width(chain, k);
            double to = (double)lip_chain_width(chain, k + 1);
            flops += 2 * from * mid * to + lip_spectral_flops(from, to);
        }
    }
    bool mixed = options->norm.input != options->norm.output;
    return (struct lip_cost){
        (mixed ? 6 : 2) * (flops + lip_sum_links(chain, lip_spectral_flops)),
        24 * widest * widest + 8 * widest * widest + lip_norm_bytes(chain)};
}

const struct lip_method lip_method_midpoint = {
    .id = "midpoint",
    .title = "Averaged recursion (LipLT), on the network and its transpose",
    .formula = "b_k = |W_k M ... W_1| + sum_j |W_k M ... W_{j+1} R_j| b_j",
    .norms = "every pair of 1, 2 and inf",
    .supports = "networks that unroll into matrices: dense and convolutional "
                "layers, skip connections, pools, groupsort (groups of at most "
                "32) and householder, any slope-bounded activations",
    .cost_text = "O(l^2) matrix products and norms",
    .citation = "Combettes and Pesquet, SIAM J. Math. Data Sci. 2(2), 2020; "
                "Fazlyab et al., Certified Robustness via Dynamic Margin "
                "Maximization and Improved Lipschitz Regularization, NeurIPS "
                "2023",
    .applies = lip_applies_any,
    .cost = cost,
    .run = run,
};
