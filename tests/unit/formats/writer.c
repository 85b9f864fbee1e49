/* SPDX-License-Identifier: MIT
 *
 * What is written is read back as the same network: every layer, every bit,
 * every element type, whatever the format. */
#include "formats/writer.h"

#include "tests/support/files.h"
#include "tests/support/layers.h"
#include "tests/support/random_graph.h"
#include "tests/support/random_network.h"
#include "tests/support/suite.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct lip_budget budget;
static struct lip_ctx ctx;

static void begin(void)
{
    lip_budget_init(&budget, 0);
    ctx = (struct lip_ctx){.budget = &budget};
}

static void done(void)
{
    ck_assert_uint_eq(atomic_load(&budget.used), 0);
}

/* Takes the bytes of a writer into test memory. */
static struct bytes written(const struct lip_writer *writer,
                            const struct lip_network *network,
                            const struct lip_metadata *metadata)
{
    unsigned char *data;
    size_t size;
    struct bytes bytes = {0};
    ck_assert_msg(writer->write(&data, &size, network, metadata, &ctx) ==
                      LIP_OK,
                  "%s: %s", writer->name, ctx.error.detail);
    bytes_put(&bytes, data, size);
    lip_free(data);
    return bytes;
}

static struct lip_network *read_back(const struct bytes *bytes,
                                     const char *what)
{
    struct lip_network *network;
    enum lip_status status = read_bytes(&network, bytes, NULL, &ctx);
    ck_assert_msg(status == LIP_OK, "%s: %s\n%.3000s", what, ctx.error.detail,
                  bytes->data);
    return network;
}

static void same_tensor(const struct lip_tensor *a, const struct lip_tensor *b)
{
    unsigned char x[8 * 400], y[8 * 400];
    ck_assert_int_eq(a->data != NULL, b->data != NULL);
    if (!a->data)
        return;
    ck_assert_int_eq(a->dtype, b->dtype);
    ck_assert_uint_eq(a->rank, b->rank);
    ck_assert_mem_eq(a->dim, b->dim, a->rank * sizeof *a->dim);
    lip_tensor_copy(x, a);
    lip_tensor_copy(y, b);
    ck_assert_mem_eq(x, y, lip_tensor_count(a) * lip_dtype_size(a->dtype));
}

static void same_layer(const struct lip_layer *a, const struct lip_layer *b)
{
    ck_assert_ptr_eq(a->kind, b->kind);
    ck_assert_ptr_eq(a->activation, b->activation);
    ck_assert_str_eq(a->name, b->name);
    ck_assert_uint_eq(a->group, b->group);
    const struct lip_parameter *parameter = lip_layer_parameters(a);
    for (size_t k = a->activation && a->weight.data;
         parameter && parameter[k].name; k++)
        ck_assert(a->parameter[k] == b->parameter[k]);
    for (size_t k = 0; a->kind->setting && a->kind->setting[k].name; k++) {
        ck_assert_uint_eq(a->setting[k].count, b->setting[k].count);
        ck_assert_mem_eq(a->setting[k].value, b->setting[k].value,
                         a->setting[k].count * sizeof(long));
    }
    for (int part = 0; part < LIP_PARTS; part++)
        same_tensor(lip_layer_tensor_const(a, (enum lip_part)part),
                    lip_layer_tensor_const(b, (enum lip_part)part));
}

static void same_network(const struct lip_network *a,
                         const struct lip_network *b)
{
    ck_assert_str_eq(a->id, b->id);
    ck_assert_uint_eq(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        same_layer(&a->layer[i], &b->layer[i]);
        ck_assert_uint_eq(lip_network_sources(a, i), lip_network_sources(b, i));
        for (size_t k = 0; k < lip_network_sources(a, i); k++)
            ck_assert_uint_eq(lip_network_source(a, i, k),
                              lip_network_source(b, i, k));
    }
}

/* Views into a safetensors file begin where their elements may. */
static void check_alignment(const struct lip_network *network)
{
    for (size_t i = 0; i < network->count; i++) {
        for (int part = 0; part < LIP_PARTS; part++) {
            const struct lip_tensor *tensor =
                lip_layer_tensor_const(&network->layer[i], (enum lip_part)part);
            ck_assert_uint_eq(
                (uintptr_t)tensor->data % lip_dtype_size(tensor->dtype), 0);
        }
    }
}

/* Through every writer and back; what is written again has the same bytes. */
static void check_round_trips(const struct lip_network *network, uint64_t start)
{
    for (size_t k = 0; lip_writers[k]; k++) {
        char what[60];
        snprintf(what, sizeof what, "seed %llu, %s", (unsigned long long)start,
                 lip_writers[k]->name);
        struct bytes bytes = written(lip_writers[k], network, NULL);
        struct lip_network *again = read_back(&bytes, what);
        same_network(network, again);
        if (strcmp(lip_writers[k]->name, "safetensors") == 0)
            check_alignment(again);
        struct bytes twice = written(lip_writers[k], again, NULL);
        ck_assert_uint_eq(bytes.size, twice.size);
        ck_assert_mem_eq(bytes.data, twice.data, bytes.size);
        lip_network_free(again);
        bytes_clear(&bytes);
        bytes_clear(&twice);
    }
}

START_TEST(random_networks_come_back)
{
    for (uint64_t start = 1; start <= 300; start++) {
        uint64_t seed = start;
        begin();
        struct lip_network *network =
            random_network(&seed, (struct random_network){.wild = true}, &ctx);
        check_round_trips(network, start);
        lip_network_free(network);
        done();
    }
}
END_TEST

START_TEST(random_graphs_come_back)
{
    size_t kinds = 0, seen[64] = {0}, several = 0;
    for (uint64_t start = 1; start <= 600; start++) {
        uint64_t seed = start;
        begin();
        struct lip_network *network = random_graph(&seed, &ctx);
        check_round_trips(network, start);
        for (size_t i = 0; i < network->count; i++) {
            several += network->layer[i].sources > 1;
            for (size_t k = 0; lip_layer_kinds[k]; k++)
                seen[k] += network->layer[i].kind == lip_layer_kinds[k];
        }
        lip_network_free(network);
        done();
    }
    for (size_t k = 0; lip_layer_kinds[k]; k++)
        kinds += seen[k] > 0;
    ck_assert_uint_ge(kinds, 17);
    ck_assert_uint_ge(several, 100);
}
END_TEST

static struct lip_network *small_network(void)
{
    static const double w[] = {1, -2, 3, 4};
    struct lip_network *network;
    struct lip_layer layer[] = {make_dense(2, 2, w, w, &ctx),
                                make_activation("relu"),
                                make_dense(1, 2, w, NULL, &ctx)};
    ck_assert_int_eq(make_network(&network, layer, 3, &ctx), LIP_OK);
    return network;
}

static const struct lip_metadatum pairs[] = {
    {"constraint", "projection"},
    {"odd \"name\"", "\xc3\xa9 \n \\ {\"a\": 1}"},
    {"empty", ""},
};
static const struct lip_metadata metadata = {3, pairs};

START_TEST(metadata_travels_and_changes_no_id)
{
    begin();
    struct lip_network *network = small_network();
    for (size_t k = 0; lip_writers[k]; k++) {
        struct bytes bytes = written(lip_writers[k], network, &metadata);
        struct lip_network *again = read_back(&bytes, lip_writers[k]->name);
        ck_assert_str_eq(again->id, network->id);
        ck_assert_uint_eq(again->metadata.count, 3);
        for (size_t i = 0; i < 3; i++)
            ck_assert_str_eq(lip_metadata_find(&again->metadata, pairs[i].name),
                             pairs[i].value);
        struct bytes twice = written(lip_writers[k], again, &again->metadata);
        ck_assert_uint_eq(bytes.size, twice.size);
        ck_assert_mem_eq(bytes.data, twice.data, bytes.size);
        lip_network_free(again);
        bytes_clear(&bytes);
        bytes_clear(&twice);
    }
    lip_network_free(network);
    done();
}
END_TEST

START_TEST(lack_of_memory_is_a_failure)
{
    for (size_t k = 0; lip_writers[k]; k++) {
        enum lip_status status = LIP_NO_MEMORY;
        begin();
        struct lip_network *network = small_network();
        size_t before = atomic_load(&budget.used);
        for (long n = 0; status != LIP_OK; n++) {
            unsigned char *data;
            size_t size;
            lip_error_clear(&ctx);
            atomic_store(&budget.fail_after, n);
            status =
                lip_writers[k]->write(&data, &size, network, &metadata, &ctx);
            ck_assert(status == LIP_OK || status == LIP_NO_MEMORY);
            ck_assert_int_eq(status, ctx.error.status);
            ck_assert(n < 100);
            lip_free(data);
            ck_assert_uint_eq(atomic_load(&budget.used), before);
        }
        lip_network_free(network);
        done();
    }
}
END_TEST

START_TEST(damaged_files_are_survived)
{
    for (size_t k = 0; lip_writers[k]; k++) {
        begin();
        struct lip_network *network = small_network();
        struct bytes bytes = written(lip_writers[k], network, &metadata);
        must_survive_lack_of_memory(&bytes);
        if (strcmp(lip_writers[k]->name, "json") != 0)
            must_survive_damage(&bytes);
        bytes_clear(&bytes);
        lip_network_free(network);
        done();
    }
}
END_TEST

/* The layers that a file lists are all there is, and its tensors all are in
 * one of them. */
START_TEST(layer_lists_are_strict)
{
    static const struct {
        const char *layers;
        struct refusal refusal;
    } cases[] = {
        {"[]", {LIP_INVALID, LIP_AT_TENSOR, "b", "none of the layers"}},
        {"[{'type':'dense','weight':'w'}]",
         {LIP_INVALID, LIP_AT_TENSOR, "b", "none of the layers"}},
        {"[{'type':'dense','weight':'w','bias':'x'}]",
         {LIP_INVALID, LIP_AT_POINTER, "/lipschitzd.layers/0/bias",
          "no tensor \"x\""}},
        {"[{'type':'dense','weight':'w','bias':'b'},"
         "{'type':'dense','weight':'w'}]",
         {LIP_INVALID, LIP_AT_POINTER, "/lipschitzd.layers/1/weight",
          "two layers"}},
        {"[{'type':'dense','weight':[[1]],'bias':'b'}]",
         {LIP_INVALID, LIP_AT_POINTER, "/lipschitzd.layers/0/weight",
          "string"}},
        {"[{'type':'dense','weight':'b','bias':'w'}]",
         {LIP_INVALID, LIP_AT_POINTER, "/lipschitzd.layers/0", "dimension"}},
        {"[{'type':'householder','angles':'b'},"
         "{'type':'dense','weight':'w'}]",
         {LIP_INVALID, LIP_AT_POINTER, "/lipschitzd.layers/1", "numbers"}},
        {"[{'type':'dense','weight':'w','bias':'b'},"
         "{'type':'groupsort','group':3}]",
         {LIP_INVALID, LIP_AT_POINTER, "/lipschitzd.layers/1", "divide"}},
        {"[{'type':'dense','weight':'w','bias':'b','group':2}]",
         {LIP_INVALID, LIP_AT_POINTER, "/lipschitzd.layers/0/group",
          "no member"}},
        {"[{'type':'dense','weight':'w','bias':'b','dtype':'int8'}]",
         {LIP_UNSUPPORTED, LIP_AT_POINTER, "/lipschitzd.layers/0/dtype",
          "float32"}},
        {"[{'type':'dense','weight':'w','bias':'b'}] 1",
         {LIP_MALFORMED, LIP_AT_POINTER, "/lipschitzd.layers", ""}},
        {"{'layers':[{'type':'dense','weight':'w','bias':'b'}],'x':1}",
         {LIP_INVALID, LIP_AT_POINTER, "/lipschitzd.layers/x", "metadata"}},
        {"3", {LIP_INVALID, LIP_AT_POINTER, "/lipschitzd.layers", ""}},
        {"", {LIP_MALFORMED, LIP_AT_POINTER, "/lipschitzd.layers", ""}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[1000], layers[600] = "";
        struct bytes bytes = {0};
        float numbers[] = {1, 2, 3, 4};
        size_t n = 0;
        for (const char *p = cases[i].layers; *p; p++) {
            if (*p == '\'')
                layers[n++] = '\\';
            layers[n++] = *p == '\'' ? '"' : *p;
        }
        layers[n] = '\0';
        snprintf(header, sizeof header,
                 "{\"__metadata__\":{\"lipschitzd.layers\":\"%s\"},"
                 "\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],"
                 "\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\","
                 "\"shape\":[2],\"data_offsets\":[8,16]}}",
                 layers);
        bytes_safetensors_raw(&bytes, header, numbers, sizeof numbers);
        must_refuse(&bytes, &cases[i].refusal, NULL);
        bytes_clear(&bytes);
    }
}
END_TEST

START_TEST(writers_are_found_by_name)
{
    for (size_t k = 0; lip_writers[k]; k++)
        ck_assert_ptr_eq(lip_writer_find(lip_writers[k]->name), lip_writers[k]);
    ck_assert_ptr_null(lip_writer_find("npy"));
    ck_assert_ptr_null(lip_writer_find(""));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("writer");
    TCase *tests = tcase_create("files");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, random_networks_come_back);
    tcase_add_test(tests, random_graphs_come_back);
    tcase_add_test(tests, metadata_travels_and_changes_no_id);
    tcase_add_test(tests, lack_of_memory_is_a_failure);
    tcase_add_test(tests, damaged_files_are_survived);
    tcase_add_test(tests, layer_lists_are_strict);
    tcase_add_test(tests, writers_are_found_by_name);
    return run_suite(suite);
}
