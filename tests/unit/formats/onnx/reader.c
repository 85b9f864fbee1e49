/* SPDX-License-Identifier: MIT
 *
 * ONNX: numbers in every storage form, operators that only some exporters
 * write, patterns, batches, and every kind of bad input. What standard
 * operators compute is in golden/onnx_testdata.c. */
#include "formats/onnx.h"

#include "tests/support/onnx_file.h"
#include "tests/support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const float weight[] = {1, -2, 3, 4, 0, -1, 0.5f, 2, -3};

static struct lip_network *read_graph(struct bytes *graph, int opset)
{
    struct bytes file = {0};
    struct lip_ctx ctx = {0};
    struct lip_network *network;
    onnx_finish(&file, graph, opset);
    ck_assert(lip_format_onnx.detect(file.data, file.size));
    ck_assert_msg(read_bytes(&network, &file, NULL, &ctx) == LIP_OK, "%s",
                  ctx.error.detail);
    bytes_clear(&file);
    return network;
}

static void refuse_graph(struct bytes *graph, int opset, enum lip_status status,
                         const char *says)
{
    struct bytes file = {0};
    struct lip_budget budget;
    struct lip_ctx ctx = {.budget = &budget};
    struct lip_network *network;
    lip_budget_init(&budget, 0);
    onnx_finish(&file, graph, opset);
    enum lip_status got = read_bytes(&network, &file, NULL, &ctx);
    ck_assert_ptr_null(network);
    ck_assert_msg(got == status && ctx.error.status == got &&
                      strstr(ctx.error.detail, says),
                  "not %s (%s), but %s: %s", lip_status_name(status), says,
                  lip_status_name(got), ctx.error.detail);
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
    bytes_clear(&file);
}

/* One number at a time: f(x) of a network of one input and output each. */
static double value_at(const struct lip_network *network, double x)
{
    double in[8], out[8];
    struct lip_ctx ctx = {0};
    ck_assert_uint_le(network->inputs, 8);
    ck_assert_uint_le(network->outputs, 8);
    for (size_t k = 0; k < 8; k++)
        in[k] = x;
    ck_assert(lip_network_eval(out, network, in, &ctx) == LIP_OK);
    return out[0];
}

/* x of this shape, y, and the nodes that the caller adds. */
static void open_graph(struct bytes *graph, const char *shape)
{
    onnx_input(graph, "x", shape);
    onnx_output(graph, "y");
}

static void scalar(struct bytes *graph, const char *name, float value)
{
    onnx_reals(graph, name, (size_t[4]){1}, &value);
}

/* --- storage */

/* A float tensor w of 2 x 2 whose data the caller has appended. */
static void put_tensor(struct bytes *graph, int type, struct bytes *data)
{
    struct bytes tensor = {0};
    static const unsigned char dims[] = {2, 2};
    proto_bytes(&tensor, 1, dims, 2); /* packed */
    proto_number(&tensor, 2, (uint64_t)type);
    bytes_put(&tensor, data->data, data->size);
    bytes_clear(data);
    proto_text(&tensor, 8, "w");
    proto_message(graph, 5, &tensor);
}

/* y = (1, -2; 3, 4)' x at (1, 1) begins with 4. */
static void check_tensor(int type, struct bytes *data)
{
    struct bytes graph = {0};
    open_graph(&graph, "1,2");
    put_tensor(&graph, type, data);
    onnx_node(&graph, "MatMul", "x w", "y", NULL);
    struct lip_network *network = read_graph(&graph, 13);
    ck_assert(value_at(network, 1) == 4);
    lip_network_free(network);
}

START_TEST(numbers_in_every_storage_form)
{
    static const float single[] = {1, -2, 3, 4};
    static const double twice[] = {1, -2, 3, 4};
    static const unsigned half[] = {0x3c00, 0xc000, 0x4200, 0x4400};
    static const unsigned brain[] = {0x3f80, 0xc000, 0x4040, 0x4080};
    struct bytes data = {0};
    proto_bytes(&data, 9, single, sizeof single);
    check_tensor(1, &data);
    proto_bytes(&data, 4, single, sizeof single);
    check_tensor(1, &data);
    for (int k = 0; k < 4; k++) { /* not packed */
        proto_varint(&data, 4 << 3 | 5);
        bytes_put(&data, &single[k], sizeof *single);
    }
    check_tensor(1, &data);
    proto_bytes(&data, 4, single, 8); /* in two parts */
    proto_bytes(&data, 4, single + 2, 8);
    check_tensor(1, &data);
    proto_bytes(&data, 10, twice, sizeof twice);
    check_tensor(11, &data);
    for (int k = 0; k < 4; k++)
        proto_number(&data, 5, half[k]);
    check_tensor(10, &data);
    for (int k = 0; k < 4; k++)
        proto_number(&data, 5, brain[k]);
    check_tensor(16, &data);
}
END_TEST

START_TEST(stored_numbers_that_do_not_fit)
{
    static const float single[] = {1, -2, 3, 4};
    static const struct {
        unsigned field;
        size_t size;
        int type;
        enum lip_status status;
        const char *says;
    } cases[] = {
        {9, 12, 1, LIP_MALFORMED, "3 are stored"},
        {9, 15, 1, LIP_MALFORMED, "are stored"},
        {4, 15, 1, LIP_MALFORMED, "break off"},
        {10, 16, 1, LIP_MALFORMED, "another type"},
        {9, 16, 8, LIP_UNSUPPORTED, "string"},
        {9, 16, 99, LIP_UNSUPPORTED, "element type 99"},
        {9, 16, 14, LIP_UNSUPPORTED, "complex64"},
        {13, 4, 1, LIP_UNSUPPORTED, "external data"},
        {3, 4, 1, LIP_UNSUPPORTED, "segments"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes graph = {0}, data = {0};
        open_graph(&graph, "1,2");
        proto_bytes(&data, cases[i].field, single, cases[i].size);
        put_tensor(&graph, cases[i].type, &data);
        onnx_node(&graph, "MatMul", "x w", "y", NULL);
        refuse_graph(&graph, 13, cases[i].status, cases[i].says);
    }
}
END_TEST

/* --- patterns */

struct pattern {
    const char *type;  /* of the layer that is made */
    const char *nodes; /* "Op inputs > output;" */
    double (*value)(double x);
};

static double silu(double x)
{
    return x / (1 + exp(-x));
}

static double gelu(double x)
{
    return x / 2 * (1 + erf(x / sqrt(2)));
}

static double gelu_tanh(double x)
{
    return x / 2 * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

static double mish(double x)
{
    return x * tanh(log1p(exp(x)));
}

static double hard_swish(double x)
{
    return x * fmin(fmax(x + 3, 0), 6) / 6;
}

static double log_sigmoid(double x)
{
    return -log1p(exp(-x));
}

static void put_nodes(struct bytes *graph, const char *nodes)
{
    char copy[600], *rest = copy, *end;
    snprintf(copy, sizeof copy, "%s", nodes);
    while ((end = strchr(rest, ';'))) {
        *end = '\0';
        char *op = rest, *space = strchr(op, ' '), *to = strstr(op, " > ");
        *space = *to = '\0';
        onnx_node(graph, op, space + 1, to + 3, NULL);
        rest = end + 1;
    }
}

START_TEST(functions_written_as_products)
{
    static const struct pattern cases[] = {
        {"silu", "Sigmoid x > s;Mul x s > y;", silu},
        {"silu", "Sigmoid x > s;Identity s > t;Mul t x > y;", silu},
        {"gelu", "Div x r2 > d;Erf d > e;Add e 1 > p;Mul x p > m;Mul m h > y;",
         gelu},
        {"gelu", "Mul x ri > d;Erf d > e;Add 1 e > p;Mul x h > g;Mul p g > y;",
         gelu},
        {"gelu-tanh",
         "Pow x 3 > c;Mul c k > d;Add x d > s;Mul s q > t;Tanh t > u;"
         "Add u 1 > v;Mul x h > g;Mul g v > y;",
         gelu_tanh},
        {"gelu-tanh",
         "Mul x x > c;Mul c x > c3;Mul k c3 > d;Add d x > s;Mul q s > t;"
         "Tanh t > u;Add 1 u > v;Mul v x > g;Mul g h > y;",
         gelu_tanh},
        {"gelu-tanh",
         "Mul x x > c;Mul c k > d;Add d 1 > s;Mul x q > xq;Mul x s > e;"
         "Mul e q > t;Tanh t > u;Add 1 u > v;Mul v x > g;Mul g h > y;",
         gelu_tanh},
        {"mish", "Softplus x > p;Tanh p > t;Mul x t > y;", mish},
        {"hard-swish",
         "Add x 3 > a;Max a 0 > b;Min b 6 > c;Mul x c > m;Div m 6 > y;", NULL},
        {"log-sigmoid", "Sigmoid x > s;Log s > y;", log_sigmoid},
    };
    (void)hard_swish;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes graph = {0};
        open_graph(&graph, "1,2");
        scalar(&graph, "r2", (float)sqrt(2));
        scalar(&graph, "ri", (float)sqrt(0.5));
        scalar(&graph, "h", 0.5f);
        scalar(&graph, "k", 0.044715f);
        scalar(&graph, "q", (float)sqrt(2 / M_PI));
        scalar(&graph, "0", 0);
        scalar(&graph, "1", 1);
        scalar(&graph, "3", 3);
        scalar(&graph, "6", 6);
        put_nodes(&graph, cases[i].nodes);
        if (!cases[i].value) { /* bounds in two steps are not one clip */
            refuse_graph(&graph, 13, LIP_UNSUPPORTED, "product");
            continue;
        }
        struct lip_network *network = read_graph(&graph, 13);
        const char *type = lip_layer_type(&network->layer[network->count - 1]);
        ck_assert_msg(strcmp(type, cases[i].type) == 0, "%s: %s",
                      cases[i].nodes, type);
        ck_assert_uint_eq(network->count, 2);
        for (double x = -4; x <= 4; x += 0.5)
            ck_assert_double_eq_tol(value_at(network, x), cases[i].value(x),
                                    1e-6);
        lip_network_free(network);
    }
}
END_TEST

/* x (1 + 1.000005 erf) and a tanh with a little less of x beside x^3 are
 * steeper than what they look like. */
START_TEST(products_that_are_nearly_known)
{
    static const char *const nodes[] = {
        "Mul x ri > t;Erf t > u;Mul u b > v;Add v 1 > w;Mul x w > g;"
        "Mul g h > y;",
        "Mul x x > c;Mul c x > c3;Mul k c3 > d;Add x d > s;Mul s q > t;"
        "Tanh t > u;Add u 1 > v;Mul x h > g;Mul g v > y;",
    };
    for (size_t i = 0; i < 2; i++) {
        struct bytes graph = {0};
        open_graph(&graph, "1,2");
        scalar(&graph, "ri", (float)sqrt(0.5));
        scalar(&graph, "b", 1.000005f);
        scalar(&graph, "h", 0.5f);
        scalar(&graph, "k", 0.044715f);
        scalar(&graph, "q", 0.79788f);
        scalar(&graph, "1", 1);
        put_nodes(&graph, nodes[i]);
        refuse_graph(&graph, 13, LIP_UNSUPPORTED, "product");
    }
}
END_TEST

START_TEST(hard_swish_by_a_clip)
{
    struct bytes graph = {0};
    open_graph(&graph, "1,2");
    scalar(&graph, "3", 3);
    scalar(&graph, "6", 6);
    onnx_node(&graph, "Add", "x 3", "a", NULL);
    onnx_node(&graph, "Clip", "a", "c", "min=f:0 max=f:6");
    onnx_node(&graph, "Mul", "x c", "m", NULL);
    onnx_node(&graph, "Div", "m 6", "y", NULL);
    struct lip_network *network = read_graph(&graph, 10);
    ck_assert_str_eq(lip_layer_type(&network->layer[1]), "hard-swish");
    for (double x = -4; x <= 4; x += 0.5)
        ck_assert_double_eq_tol(value_at(network, x), hard_swish(x), 1e-12);
    lip_network_free(network);
}
END_TEST

/* A bias that is added to what two others take, too, is not theirs. */
START_TEST(a_bias_belongs_to_its_layer_only)
{
    struct bytes graph = {0};
    static const float w[] = {1, 0, 0, 1}, b[] = {10, 20};
    open_graph(&graph, "n,2");
    onnx_reals(&graph, "w", (size_t[4]){2, 2}, w);
    onnx_reals(&graph, "b", (size_t[4]){2}, b);
    put_nodes(&graph, "MatMul x w > h;Identity h > i;Add i b > j;"
                      "Sum h > k;Sub j k > y;");
    struct lip_network *network = read_graph(&graph, 13);
    ck_assert(value_at(network, 3) == 10);
    lip_network_free(network);
    open_graph(&graph, "n,2");
    onnx_reals(&graph, "w", (size_t[4]){2, 2}, w);
    onnx_reals(&graph, "b", (size_t[4]){2}, b);
    put_nodes(&graph, "MatMul x w > h;Add h b > y;");
    network = read_graph(&graph, 13);
    ck_assert_uint_eq(network->count, 1);
    ck_assert(value_at(network, 3) == 13);
    lip_network_free(network);
}
END_TEST

/* Each is no function with a Lipschitz constant, or not the known one. */
START_TEST(products_that_are_not_known)
{
    static const char *const cases[] = {
        "Mul x x > y;",
        "Sigmoid x > s;Tanh x > t;Mul s t > y;",
        "Neg x > n;Sigmoid n > s;Add s 1 > t;Mul x t > y;",
        "Erf x > e;Add e 3 > p;Mul x p > y;",
        "Pow x 2 > y;",
        "Pow x 3 > y;",
        "Sqrt x > y;",
        "Log x > y;",
        "Div 1 x > y;",
        "Mul x x > p;Add x p > s;Relu s > y;",
        "Exp x > y;",
        "MatMul x x > y;",
        "Reciprocal x > y;",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes graph = {0};
        open_graph(&graph, "1,1");
        scalar(&graph, "1", 1);
        scalar(&graph, "2", 2);
        scalar(&graph, "3", 3);
        put_nodes(&graph, cases[i]);
        refuse_graph(&graph, 13, LIP_UNSUPPORTED, "no Lipschitz constant");
    }
}
END_TEST

/* A part of a refused product may be used by nobody: then it does no harm. */
START_TEST(unused_nodes_are_dropped)
{
    struct bytes graph = {0};
    open_graph(&graph, "1,2");
    onnx_node(&graph, "Exp", "x", "unused", NULL);
    onnx_node(&graph, "If", "missing", "unused2", NULL);
    onnx_node(&graph, "Relu", "x", "y", NULL);
    struct lip_network *network = read_graph(&graph, 13);
    ck_assert_uint_eq(network->count, 2);
    lip_network_free(network);
}
END_TEST

/* --- affine maps stay exact */

START_TEST(factors_that_cancel_leave_no_layer)
{
    struct bytes graph = {0};
    open_graph(&graph, "1,2");
    scalar(&graph, "c", 3);
    onnx_node(&graph, "Mul", "x c", "a", NULL);
    onnx_node(&graph, "Div", "a c", "b", NULL);
    onnx_node(&graph, "Relu", "b", "y", NULL);
    struct lip_network *network = read_graph(&graph, 13);
    ck_assert_uint_eq(network->count, 2);
    lip_network_free(network);
}
END_TEST

START_TEST(numbers_are_scaled_and_shifted)
{
    static const struct {
        const char *nodes;
        double at_2;
    } cases[] = {
        {"Mul x c > y;", 6},
        {"Add x c > y;", 5},
        {"Sub x c > y;", -1},
        {"Sub c x > y;", 1},
        {"Div x c > y;", 2.0 / 3},
        {"Neg x > y;", -2},
        {"Max x c > y;", 3},
        {"Min x c > y;", 2},
        {"Sum x c x > y;", 7},
        {"Add x l > y;", 3},
        {"Sub l x > y;", -1},
        {"Mul l x > y;", 2},
        {"Div x l > y;", 2},
        {"Add x x > y;", 4},
        {"Neg x > n;Add n c > y;", 1},
        {"Neg x > n;Max x n > y;", 2},
        {"Neg x > n;Min x n > y;", -2},
        {"Neg x > n;Max x n x n x n x n x n > y;", 2},
        {"Mean x c > y;", 2.5},
        {"Mean x x l > y;", 5.0 / 3},
        {"Mul x c > m;Sub m x > y;", 4},
        {"Div x c > d;Add d c > e;Div e c > y;", (2.0 / 3 + 3) / 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes graph = {0};
        static const float list[] = {1, 5};
        open_graph(&graph, "n,2");
        scalar(&graph, "c", 3);
        onnx_reals(&graph, "l", (size_t[4]){2}, list);
        put_nodes(&graph, cases[i].nodes);
        struct lip_network *network = read_graph(&graph, 13);
        double got = value_at(network, 2);
        ck_assert_msg(fabs(got - cases[i].at_2) < 1e-15 * 8, "%s %.17g",
                      cases[i].nodes, got);
        lip_network_free(network);
    }
}
END_TEST

/* 0.1 as float32 times 3 weights: the products are exact in double. */
START_TEST(weights_are_multiplied_exactly)
{
    struct bytes graph = {0};
    static const float w[] = {1.1f, 2.3f};
    open_graph(&graph, "1,2");
    onnx_reals(&graph, "w", (size_t[4]){1, 2}, w);
    onnx_node(&graph, "Gemm", "x w", "y", "transB=i:1 alpha=f:0.1");
    struct lip_network *network = read_graph(&graph, 13);
    const struct lip_layer *layer = &network->layer[network->count - 1];
    ck_assert(lip_tensor_at(&layer->weight, 0) == (double)w[0] * (double)0.1f);
    ck_assert(lip_tensor_at(&layer->weight, 1) == (double)w[1] * (double)0.1f);
    lip_network_free(network);
}
END_TEST

/* --- the batch */

START_TEST(what_mixes_the_batch_is_refused)
{
    static const struct {
        const char *op, *inputs, *attributes, *says;
    } cases[] = {
        {"Transpose", "x", NULL, "batch"},
        {"ReduceMean", "x", "axes=l:0", "batch"},
        {"ReduceMax", "x", "keepdims=i:0", "batch"},
        {"Softmax", "x", "axis=i:0", "batch"},
        {"Flatten", "x", "axis=i:0", "batch"},
        {"Reshape", "x all", NULL, "batch"},
        {"Squeeze", "x zero", NULL, "batch"},
        {"Unsqueeze", "x zero", NULL, "batch"},
        {"Gather", "x zero", NULL, "batch"},
        {"Slice", "x zero one", NULL, "batch"},
        {"Concat", "x x", "axis=i:0", "batch"},
        {"Split", "x", "axis=i:0", "batch"},
        {"Pad", "x pads", NULL, "batch"},
        {"Tile", "x twice", NULL, "batch"},
        {"Expand", "x wide", NULL, "batch"},
    };
    static const int64_t zero = 0, one = 1, all = -1;
    static const int64_t pads[] = {1, 0, 0, 0}, twice[] = {2, 1};
    static const int64_t wide[] = {3, 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes graph = {0};
        open_graph(&graph, "n,2");
        onnx_wholes(&graph, "zero", 1, &zero);
        onnx_wholes(&graph, "one", 1, &one);
        onnx_wholes(&graph, "all", 1, &all);
        onnx_wholes(&graph, "pads", 4, pads);
        onnx_wholes(&graph, "twice", 2, twice);
        onnx_wholes(&graph, "wide", 2, wide);
        onnx_node(&graph, cases[i].op, cases[i].inputs, i == 11 ? "y z" : "y",
                  cases[i].attributes);
        refuse_graph(&graph, 13, LIP_UNSUPPORTED, cases[i].says);
    }
}
END_TEST

/* A fixed batch of 10, which the shape of the reshape repeats. */
START_TEST(one_sample_of_a_fixed_batch)
{
    struct bytes graph = {0};
    static const int64_t shape[] = {10, 4};
    open_graph(&graph, "10,2,2");
    onnx_wholes(&graph, "s", 2, shape);
    onnx_node(&graph, "Reshape", "x s", "r", NULL);
    onnx_node(&graph, "Relu", "r", "y", NULL);
    struct lip_network *network = read_graph(&graph, 13);
    ck_assert_uint_eq(network->inputs, 4);
    ck_assert_uint_eq(network->outputs, 4);
    lip_network_free(network);
}
END_TEST

/* Shape, Gather, Unsqueeze, Concat, Reshape: how exporters flatten. */
START_TEST(shapes_are_worked_out)
{
    struct bytes graph = {0};
    static const int64_t zero = 0, rest = -1;
    open_graph(&graph, "n,3,2");
    onnx_wholes(&graph, "zero", 1, &zero);
    onnx_wholes(&graph, "rest", 1, &rest);
    onnx_reals(&graph, "w", (size_t[4]){1, 6}, weight);
    put_nodes(&graph, "Shape x > s;Gather s zero > n;Mul n n > m;"
                      "Concat m rest > t;Reshape x t > r;");
    onnx_node(&graph, "Gemm", "r w", "y", "transB=i:1");
    refuse_graph(&graph, 13, LIP_INVALID, "Concat"); /* axis 1 of a list */
    open_graph(&graph, "n,3,2");
    onnx_wholes(&graph, "zero", 1, &zero);
    onnx_wholes(&graph, "rest", 1, &rest);
    onnx_reals(&graph, "w", (size_t[4]){1, 6}, weight);
    put_nodes(&graph, "Shape x > s;Gather s zero > n;Mul n n > m;");
    onnx_node(&graph, "Concat", "m rest", "t", "axis=i:0");
    onnx_node(&graph, "Reshape", "x t", "r", NULL);
    onnx_node(&graph, "Gemm", "r w", "y", "transB=i:1");
    struct lip_network *network = read_graph(&graph, 13);
    ck_assert_uint_eq(network->count, 1);
    ck_assert(value_at(network, 1) == 5);
    lip_network_free(network);
}
END_TEST

/* --- bad graphs */

struct bad {
    const char *shape, *op, *inputs, *attributes;
    enum lip_status status;
    const char *says;
};

START_TEST(bad_nodes)
{
    static const struct bad cases[] = {
        {"1,2", "Relu", "nowhere", NULL, LIP_INVALID, "nothing gives"},
        {"1,2", "Relu", "y", NULL, LIP_INVALID, "cycle"},
        {"1,2", "Relu", "", NULL, LIP_INVALID, "depend on any input"},
        {"1,2", "Bogus", "x", NULL, LIP_UNSUPPORTED, "(Bogus)"},
        {"1,2", "LSTM", "x", NULL, LIP_UNSUPPORTED, "recurrent"},
        {"1,2", "Loop", "x", NULL, LIP_UNSUPPORTED, "within a node"},
        {"1,2", "QuantizeLinear", "x", NULL, LIP_UNSUPPORTED, "quantised"},
        {"1,2", "Gemm", "x x", NULL, LIP_UNSUPPORTED, "weight depends"},
        {"1,2", "Gemm", "x w", NULL, LIP_INVALID, "weight"},
        {"1,2", "Reshape", "x huge", NULL, LIP_TOO_LARGE, "1099511627776"},
        {"1,2", "Reshape", "x minus2", NULL, LIP_TOO_LARGE, "-2"},
        {"1,2", "Expand", "x huge", NULL, LIP_INVALID, "1099511627776"},
        {"1,1,4", "Conv", "x k", "strides=l:0", LIP_INVALID, "strides is 0"},
        {"1,1,4", "Conv", "x k", "pads=l:-1,0", LIP_INVALID, "pads is -1"},
        {"1,1,4", "Conv", "x k", "pads=l:1", LIP_INVALID, "pads has 1"},
        {"1,1,4", "Conv", "x k", "dilations=l:0", LIP_INVALID, "dilations"},
        {"1,1,4", "Conv", "x k", "dilations=l:9", LIP_INVALID, "spans"},
        {"1,1,4", "Conv", "x k", "group=i:0", LIP_INVALID, "group"},
        {"1,1,4", "Conv", "x k", "group=i:2", LIP_INVALID, "groups"},
        {"1,1,4", "Conv", "x k", "kernel_shape=l:2", LIP_INVALID,
         "kernel_shape"},
        {"1,1,4", "Conv", "x k", "auto_pad=s:SOME", LIP_INVALID, "SOME"},
        {"1,1,2", "Conv", "x k", NULL, LIP_INVALID, "spans"},
        {"1,1,4", "MaxPool", "x", NULL, LIP_INVALID, "kernel_shape"},
        {"1,1,4", "MaxPool", "x", "kernel_shape=l:9", LIP_INVALID, "spans"},
        {"1,1,4", "AveragePool", "x", "kernel_shape=l:2 pads=l:5,5",
         LIP_INVALID, "padding"},
        {"1,1,4", "MaxPool", "x", "kernel_shape=l:99999999999", LIP_INVALID,
         "99999999999"},
        {"1,2", "Transpose", "x", "perm=l:0,0", LIP_INVALID, "twice"},
        {"1,2", "Transpose", "x", "perm=l:0", LIP_INVALID, "1 numbers"},
        {"1,2", "Transpose", "x", "perm=l:0,7", LIP_INVALID, "axis is 7"},
        {"1,2", "Gather", "x huge", "axis=i:1", LIP_INVALID, "position"},
        {"1,2", "Softmax", "x", "axis=i:5", LIP_INVALID, "axis is 5"},
        {"1,2", "LeakyRelu", "x", "alpha=i:1", LIP_MALFORMED, "alpha"},
        {"1,2", "Flatten", "x", "axis=i:9", LIP_INVALID, "axis is 9"},
        {"1,2", "Tile", "x huge2", NULL, LIP_TOO_LARGE, "long"},
        {"1,8,8,8", "Pad", "x", NULL, LIP_INVALID, "pads"},
        {"1,999999,999999", "Relu", "x", NULL, LIP_TOO_LARGE, "more than"},
        {"1,99999999999999", "Relu", "x", NULL, LIP_TOO_LARGE, "more"},
        {"1,h", "Relu", "x", NULL, LIP_UNSUPPORTED, "shape"},
        {"1,3,h,2", "Relu", "x", NULL, LIP_UNSUPPORTED, "Dimension 2"},
        {"1,2", "BatchNormalization", "x w w w w", "training_mode=i:1",
         LIP_UNSUPPORTED, "model.eval()"},
        {"1,2", "Cast", "x", "to=i:7", LIP_UNSUPPORTED, "rounds"},
        {"1,1,4,4", "Resize", "x", "mode=s:cubic", LIP_UNSUPPORTED, "cubic"},
    };
    static const int64_t huge[] = {1, (int64_t)1 << 40}, minus[] = {1, -2};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes graph = {0};
        open_graph(&graph, cases[i].shape);
        onnx_reals(&graph, "w", (size_t[4]){3, 3}, weight);
        onnx_reals(&graph, "k", (size_t[4]){1, 1, 3}, weight);
        onnx_wholes(&graph, "huge", 2, huge);
        onnx_wholes(&graph, "huge2", 2, huge);
        onnx_wholes(&graph, "minus2", 2, minus);
        onnx_node(&graph, cases[i].op, cases[i].inputs, "y",
                  cases[i].attributes);
        refuse_graph(&graph, 13, cases[i].status, cases[i].says);
    }
}
END_TEST

START_TEST(bad_graphs)
{
    struct bytes graph = {0};
    onnx_output(&graph, "y");
    onnx_input(&graph, "x", "1,2");
    onnx_input(&graph, "z", "1,2");
    onnx_node(&graph, "Add", "x z", "y", NULL);
    refuse_graph(&graph, 13, LIP_UNSUPPORTED, "\"x\", \"z\"");
    open_graph(&graph, "1,2");
    onnx_output(&graph, "z");
    onnx_node(&graph, "Relu", "x", "y", NULL);
    refuse_graph(&graph, 13, LIP_UNSUPPORTED, "2 outputs");
    onnx_input(&graph, "x", "1,2");
    onnx_node(&graph, "Relu", "x", "y", NULL);
    refuse_graph(&graph, 13, LIP_INVALID, "no output");
    open_graph(&graph, "1,2");
    onnx_node(&graph, "Relu", "x", "y", NULL);
    onnx_node(&graph, "Tanh", "x", "y", NULL);
    refuse_graph(&graph, 13, LIP_INVALID, "twice");
    open_graph(&graph, "1,2");
    scalar(&graph, "c", 1);
    scalar(&graph, "c", 2);
    onnx_node(&graph, "Add", "x c", "y", NULL);
    refuse_graph(&graph, 13, LIP_INVALID, "two initializers");
    open_graph(&graph, "1,2");
    onnx_node(&graph, "Relu", "x", "y", NULL);
    refuse_graph(&graph, 21, LIP_UNSUPPORTED, "opset 21");
    open_graph(&graph, "1,2");
    onnx_node(&graph, "Relu", "x", "y", NULL);
    refuse_graph(&graph, 6, LIP_UNSUPPORTED, "opset 6");
    open_graph(&graph, "1,2");
    proto_text(&graph, 15, "");
    refuse_graph(&graph, 13, LIP_UNSUPPORTED, "sparse");
}
END_TEST

START_TEST(custom_domains_are_refused)
{
    struct bytes graph = {0}, node = {0};
    open_graph(&graph, "1,2");
    proto_text(&node, 1, "x");
    proto_text(&node, 2, "y");
    proto_text(&node, 4, "Relu");
    proto_text(&node, 7, "com.example");
    proto_message(&graph, 1, &node);
    refuse_graph(&graph, 13, LIP_UNSUPPORTED, "\"com.example\"");
}
END_TEST

/* An input that the file lists among the initializers is none. */
START_TEST(initializers_among_the_inputs)
{
    struct bytes graph = {0};
    open_graph(&graph, "1,3");
    onnx_input(&graph, "w", "3,3");
    onnx_reals(&graph, "w", (size_t[4]){3, 3}, weight);
    onnx_node(&graph, "MatMul", "x w", "y", NULL);
    struct lip_network *network = read_graph(&graph, 8);
    ck_assert(value_at(network, 1) == 5.5);
    lip_network_free(network);
}
END_TEST

/* --- size */

static void chain(struct bytes *graph, const char *op, size_t nodes)
{
    char from[20], to[20];
    onnx_input(graph, "0", "1,2");
    for (size_t i = 0; i < nodes; i++) {
        snprintf(from, sizeof from, "%zu", i);
        snprintf(to, sizeof to, "%zu", i + 1);
        onnx_node(graph, op, from, to, NULL);
    }
    snprintf(to, sizeof to, "%zu", nodes);
    onnx_output(graph, to);
}

/* What looks at all pairs of nodes does not end before the test is stopped. */
START_TEST(many_nodes_take_no_time)
{
    struct bytes graph = {0};
    chain(&graph, "Identity", 100000);
    struct lip_network *network = read_graph(&graph, 13);
    ck_assert_uint_eq(network->count, 1);
    lip_network_free(network);
    chain(&graph, "Relu", 100000);
    refuse_graph(&graph, 13, LIP_TOO_LARGE, "4096");
    chain(&graph, "Identity", 100001);
    refuse_graph(&graph, 13, LIP_TOO_LARGE, "100000 nodes");
    chain(&graph, "Relu", 4000);
    network = read_graph(&graph, 13);
    ck_assert_uint_eq(network->count, 4001);
    lip_network_free(network);
}
END_TEST

/* Messages in messages, and groups in groups: nothing recurses. */
START_TEST(deep_nesting)
{
    struct bytes graph = {0}, file = {0};
    struct bytes inner = {0};
    proto_text(&inner, 1, "z");
    for (int depth = 0; depth < 2000; depth++) {
        struct bytes attribute = {0}, node = {0}, outer = {0};
        proto_message(&attribute, 6, &inner);
        proto_text(&attribute, 1, "then_branch");
        proto_text(&node, 1, "x");
        proto_text(&node, 2, "y");
        proto_text(&node, 4, "If");
        proto_message(&node, 5, &attribute);
        proto_message(&outer, 1, &node);
        inner = outer;
    }
    open_graph(&graph, "1,2");
    bytes_put(&graph, inner.data, inner.size);
    bytes_clear(&inner);
    refuse_graph(&graph, 13, LIP_UNSUPPORTED, "(If)");
    open_graph(&graph, "1,2");
    for (int depth = 0; depth < 5000; depth++)
        proto_varint(&graph, 99 << 3 | 3);
    refuse_graph(&graph, 13, LIP_MALFORMED, "too deep");
    open_graph(&graph, "1,2"); /* a group that is closed is passed over */
    proto_varint(&graph, 99 << 3 | 3);
    proto_number(&graph, 1, 7);
    proto_varint(&graph, 99 << 3 | 4);
    onnx_node(&graph, "Relu", "x", "y", NULL);
    onnx_finish(&file, &graph, 13);
    char id[LIP_DIGEST_TEXT];
    model_id(id, &file, NULL);
    bytes_clear(&file);
}
END_TEST

START_TEST(bytes_that_are_no_messages)
{
    static const struct {
        size_t size;
        const char *bytes, *says;
    } cases[] = {
        {11, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "10 bytes"},
        {2, "\x0f\x00", "type that does not exist"},
        {1, "\x00", "impossible"},
        {2, "\x08\x80", "ends within"},
        {2, "\x3a\x7f", "longer"},
        {2, "\x38\x01", "stored as something else"},
        {5, "\x3d\x01\x01\x01\x01", "stored as something else"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes file = {0};
        struct lip_ctx ctx = {0};
        struct lip_network *network;
        bytes_put(&file, "\x08\x07", 2);
        bytes_put(&file, cases[i].bytes, cases[i].size);
        void *copy = lip_alloc(&ctx, file.size, 1);
        memcpy(copy, file.data, file.size);
        struct lip_buffer *buffer = lip_buffer_take(copy, file.size, &ctx);
        ck_assert_int_eq(lip_format_onnx.read(&network, buffer, NULL, &ctx),
                         LIP_MALFORMED);
        ck_assert_msg(strstr(ctx.error.detail, cases[i].says) != NULL, "%s",
                      ctx.error.detail);
        lip_buffer_put(buffer);
        bytes_clear(&file);
    }
}
END_TEST

/* --- damage */

static void small_model(struct bytes *file)
{
    struct bytes graph = {0};
    static const int64_t shape[] = {0, -1};
    open_graph(&graph, "n,1,4");
    onnx_reals(&graph, "k", (size_t[4]){1, 1, 3}, weight);
    onnx_reals(&graph, "b", (size_t[4]){1}, weight);
    onnx_reals(&graph, "w", (size_t[4]){3, 2}, weight);
    onnx_wholes(&graph, "s", 2, shape);
    scalar(&graph, "q", 3);
    onnx_node(&graph, "Conv", "x k b", "c", "strides=l:2 pads=l:1,1");
    onnx_node(&graph, "Div", "c q", "d", NULL);
    onnx_node(&graph, "Sigmoid", "d", "e", NULL);
    onnx_node(&graph, "Mul", "d e", "f", NULL);
    onnx_node(&graph, "Reshape", "f s", "g", NULL);
    onnx_node(&graph, "Gemm", "g w", "y", "transB=i:1");
    onnx_finish(file, &graph, 13);
}

START_TEST(lack_of_memory)
{
    struct bytes file = {0};
    small_model(&file);
    must_survive_lack_of_memory(&file);
    bytes_clear(&file);
}
END_TEST

START_TEST(damage)
{
    struct bytes file = {0};
    small_model(&file);
    must_survive_damage(&file);
    bytes_clear(&file);
}
END_TEST

/* Names that people cannot read become readable ones. */
START_TEST(names_are_clean)
{
    struct bytes graph = {0}, node = {0};
    open_graph(&graph, "1,2");
    proto_text(&node, 1, "x");
    proto_text(&node, 2, "y");
    proto_text(&node, 3, "r\xc3\xa9lu\x01\xff\xc3");
    proto_text(&node, 4, "Relu");
    proto_message(&graph, 1, &node);
    struct lip_network *network = read_graph(&graph, 13);
    ck_assert_str_eq(network->layer[1].name, "r\xc3\xa9lu???");
    lip_network_free(network);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("formats/onnx");
    TCase *tests = tcase_create("onnx");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, numbers_in_every_storage_form);
    tcase_add_test(tests, stored_numbers_that_do_not_fit);
    tcase_add_test(tests, functions_written_as_products);
    tcase_add_test(tests, products_that_are_nearly_known);
    tcase_add_test(tests, hard_swish_by_a_clip);
    tcase_add_test(tests, a_bias_belongs_to_its_layer_only);
    tcase_add_test(tests, products_that_are_not_known);
    tcase_add_test(tests, unused_nodes_are_dropped);
    tcase_add_test(tests, factors_that_cancel_leave_no_layer);
    tcase_add_test(tests, numbers_are_scaled_and_shifted);
    tcase_add_test(tests, weights_are_multiplied_exactly);
    tcase_add_test(tests, what_mixes_the_batch_is_refused);
    tcase_add_test(tests, one_sample_of_a_fixed_batch);
    tcase_add_test(tests, shapes_are_worked_out);
    tcase_add_test(tests, bad_nodes);
    tcase_add_test(tests, bad_graphs);
    tcase_add_test(tests, custom_domains_are_refused);
    tcase_add_test(tests, initializers_among_the_inputs);
    tcase_add_test(tests, many_nodes_take_no_time);
    tcase_add_test(tests, deep_nesting);
    tcase_add_test(tests, bytes_that_are_no_messages);
    tcase_add_test(tests, lack_of_memory);
    tcase_add_test(tests, damage);
    tcase_add_test(tests, names_are_clean);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
