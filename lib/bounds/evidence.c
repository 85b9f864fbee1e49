/* SPDX-License-Identifier: MIT
 *
 * The theorems, and memory for evidence. */
#include "bounds/evidence.h"

const struct lip_theorem lip_theorem_constant = {
    .id = "constant",
    .statement = "A matrix of the chain is zero, or all slopes of a layer are: "
                 "f is constant and L = 0.",
    .citation = "immediate",
    .numbers = "none",
};

const struct lip_theorem lip_theorem_product = {
    .id = "product-of-norms",
    .statement = "L_{p->q} <= |W_l|_{r_{l-1}->q} s_{l-1} ... s_1 "
                 "|W_1|_{p->r_1} for any norms r_i, s_i the steepest slope of "
                 "layer i.",
    .citation = "Szegedy et al., Intriguing properties of neural networks, "
                "ICLR 2014, section 4.3",
    .numbers = "one row: an upper bound of each matrix's norm, from the norm "
               "before it to the norm after it in path",
};

const struct lip_theorem lip_theorem_absolute = {
    .id = "absolute-weights",
    .statement = "L_{p->q} <= |B|_{p->q}, B = |W_l| A_{l-1} ... A_1 |W_1|, A_i "
                 "the diagonal matrix of steepest slopes; |B|_{2->2}^2 <= "
                 "max_k (B^T B v)_k / v_k for any v > 0 (Collatz and "
                 "Wielandt).",
    .citation = "Combettes and Pesquet, Lipschitz certificates for layered "
                "network structures driven by averaged activation operators, "
                "SIAM J. Math. Data Sci. 2(2), 2020",
    .numbers = "one row: v for 2->2, else empty",
};

const struct lip_theorem lip_theorem_averaged = {
    .id = "averaged-recursion",
    .statement = "L <= b_l, b_0 = 1, b_k = sum over j < k of N_kj b_j for any "
                 "N_kj >= |W_k M_{k-1} ... W_{j+1} R_j|, M_i the midpoints and "
                 "R_i the half widths of the slope ranges, R_0 = I; N_kj from "
                 "norm r_j to norm r_k.",
    .citation = "Combettes and Pesquet, SIAM J. Math. Data Sci. 2(2), 2020; "
                "Fazlyab et al., Certified Robustness via Dynamic Margin "
                "Maximization and Improved Lipschitz Regularization, NeurIPS "
                "2023",
    .numbers = "row k: N_k0, ..., N_k,k-1; path: the norms r_0, ..., r_l",
};

const struct lip_theorem lip_theorem_recursion = {
    .id = "block-recursion",
    .statement =
        "Slopes [a, b], P = diag(a b), M = diag((a + b)/2), diagonal Lambda_i "
        ">= 0: if |x|^2 + sum_i [z_i^T Lambda_i z_i - 2 z_i^T M_i Lambda_i W_i "
        "z_{i-1} + (W_i z_{i-1})^T P_i Lambda_i W_i z_{i-1}] >= |W_l "
        "z_{l-1}|^2 / L^2 for all x = z_0, z_1, ..., z_{l-1}, then L bounds "
        "the constant from 2 to 2. X_0 = I, D_i = X_{i-1} + W_i^T P_i Lambda_i "
        "W_i, X_i = Lambda_i - M_i Lambda_i W_i D_i^-1 W_i^T Lambda_i M_i: it "
        "is so if all D_i and X_i are positive definite and |X_{l-1}^{-1/2} "
        "W_l^T|_2 <= L.",
    .citation = "Fazlyab et al., Efficient and Accurate Estimation of "
                "Lipschitz Constants for Deep Neural Networks, NeurIPS 2019; "
                "by blocks: Xu and Sivaranjani, NeurIPS 2024",
    .numbers = "row i: the diagonal of Lambda_i",
};

const struct lip_theorem lip_theorem_quotient = {
    .id = "difference-quotient",
    .statement = "L >= |f(x) - f(y)|_q / |x - y|_p for any two points, f the "
                 "network with its biases.",
    .citation = "immediate",
    .numbers = "row 1: x, row 2: y",
};

enum lip_status lip_evidence_new(struct lip_evidence **out,
                                 const struct lip_theorem *theorem, size_t rows,
                                 size_t norms, struct lip_ctx *ctx)
{
    struct lip_evidence *e = lip_calloc(ctx, 1, sizeof *e);
    *out = e;
    if (!e)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    e->theorem = theorem;
    e->norm = lip_calloc(ctx, norms, sizeof *e->norm);
    e->row = lip_calloc(ctx, rows, sizeof *e->row);
    if (!e->norm || !e->row) {
        lip_evidence_free(e);
        *out = NULL;
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    }
    e->norms = norms;
    e->rows = rows;
    return LIP_OK;
}

enum lip_status lip_evidence_row_new(struct lip_evidence *evidence, size_t row,
                                     size_t count, struct lip_ctx *ctx)
{
    struct lip_evidence_row *r = &evidence->row[row];
    r->value = lip_calloc(ctx, count, sizeof *r->value);
    if (!r->value)
        return ctx ? ctx->error.status : LIP_NO_MEMORY;
    r->count = count;
    return LIP_OK;
}

void lip_evidence_free(struct lip_evidence *evidence)
{
    if (!evidence)
        return;
    for (size_t i = 0; i < evidence->rows; i++)
        lip_free(evidence->row[i].value);
    for (size_t i = 0; i < evidence->layers; i++)
        lip_free(evidence->slopes[i]);
    lip_free(evidence->slopes);
    lip_free(evidence->row);
    lip_free(evidence->norm);
    lip_free(evidence);
}
