/* SPDX-License-Identifier: MIT
 *
 * Bodies: complete bytes, the limit, booked memory given back. */
#include "server/body.h"

#include "server/dataset_store.h"
#include "server/model_store.h"
#include "server/routes.h"
#include "server/shelf.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <stdlib.h>
#include <string.h>

static struct lipd_config config;
static struct lipd_service service;
static struct lipd_request request;
static struct lipd_body_state body;
static struct api_problem problem;

static void setup(void)
{
    char complaint[256];
    lipd_config_read(&config, 0, NULL, NULL, complaint, sizeof complaint);
    lipd_config_set(&config, "max_body", "1M", complaint, sizeof complaint);
    lipd_config_set(&config, "max_memory", "16M", complaint, sizeof complaint);
    ck_assert_int_eq(lipd_service_init(&service, &config, NULL), LIP_OK);
    request.service = &service;
    lip_budget_init(&request.budget, 0);
}

static void teardown(void)
{
    lipd_body_clear(&body);
    lipd_request_clear(&request);
    ck_assert_uint_eq(atomic_load(&request.budget.used), 0);
    lipd_queue_release(&service.queue, request.reserved);
    ck_assert_uint_eq(atomic_load(&service.queue.reserved), 0);
    lipd_service_clear(&service);
}

static bool begin(enum lipd_body_form form, uint64_t size)
{
    struct lipd_framing framing = {form, size};
    return lipd_body_begin(&body, &framing, &request, &problem);
}

/* Bytes that tell where they stand, in steps of a given size. */
static bool feed(size_t total, size_t step)
{
    unsigned char *bytes = malloc(total);
    bool taken = true;
    for (size_t i = 0; i < total; i++)
        bytes[i] = (unsigned char)(i * 31 + i / 251);
    for (size_t i = 0; i < total && taken; i += step)
        taken = lipd_body_add(&body, &request, bytes + i,
                              total - i < step ? total - i : step);
    free(bytes);
    return taken;
}

static void expect_bytes(size_t total)
{
    ck_assert(lipd_body_end(&body, &request, &problem));
    ck_assert_uint_eq(lip_buffer_size(request.body), total);
    const unsigned char *bytes = lip_buffer_bytes(request.body);
    for (size_t i = 0; i < total; i++)
        ck_assert(bytes[i] == (unsigned char)(i * 31 + i / 251));
}

START_TEST(a_sized_body_arrives_whole)
{
    ck_assert(begin(LIPD_BODY_SIZED, 100000));
    ck_assert_uint_eq(request.reserved, lipd_estimate(100000));
    ck_assert(feed(100000, 777));
    expect_bytes(100000);
}
END_TEST

START_TEST(a_chunked_body_grows_to_the_limit)
{
    ck_assert(begin(LIPD_BODY_CHUNKED, 0));
    ck_assert(feed(1 << 20, 4099));
    ck_assert_uint_eq(request.reserved, lipd_estimate(1 << 20));
    expect_bytes(1 << 20);
}
END_TEST

START_TEST(a_size_over_the_limit_is_refused_at_once)
{
    ck_assert(!begin(LIPD_BODY_SIZED, (1 << 20) + 1));
    ck_assert_int_eq(problem.code, API_PROBLEM_BODY_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(problem.detail, "1048576"));
    ck_assert(!begin(LIPD_BODY_SIZED, UINT64_MAX));
    ck_assert_int_eq(problem.code, API_PROBLEM_BODY_TOO_LARGE);
    ck_assert_uint_eq(request.reserved, 0);
}
END_TEST

START_TEST(chunks_over_the_limit_are_dropped_then_refused)
{
    ck_assert(begin(LIPD_BODY_CHUNKED, 0));
    ck_assert(feed((1 << 20) + 1, 65536));
    ck_assert_ptr_null(body.data);
    ck_assert(!lipd_body_end(&body, &request, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_BODY_TOO_LARGE);
}
END_TEST

/* Smaller than the first block, or of the order of the daemon's. */
static const size_t own[] = {1000, 100000};

START_TEST(the_tokens_limit_holds_where_it_is_less)
{
    char sentence[100];
    request.quota.body = own[_i];
    snprintf(sentence, sizeof sentence, "%zu bytes that its token has",
             own[_i]);
    ck_assert(!begin(LIPD_BODY_SIZED, own[_i] + 1));
    ck_assert_int_eq(problem.code, API_PROBLEM_BODY_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(problem.detail, sentence));
    ck_assert(begin(LIPD_BODY_CHUNKED, 0));
    ck_assert(feed(own[_i] + 1, 100));
    ck_assert(!lipd_body_end(&body, &request, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_BODY_TOO_LARGE);
    ck_assert(begin(LIPD_BODY_CHUNKED, 0));
    ck_assert(feed(own[_i], 100));
    expect_bytes(own[_i]);
}
END_TEST

START_TEST(a_token_grants_no_more_than_the_daemon)
{
    request.quota.body = 2 << 20;
    ck_assert(!begin(LIPD_BODY_SIZED, (1 << 20) + 1));
    ck_assert_ptr_nonnull(strstr(problem.detail, "1048576 bytes."));
}
END_TEST

START_TEST(chunks_without_end_are_cut)
{
    ck_assert(begin(LIPD_BODY_CHUNKED, 0));
    ck_assert(!feed(100 << 20, 1 << 20));
    ck_assert_uint_lt(body.arrived, 70 << 20);
}
END_TEST

START_TEST(no_room_is_told_as_overload)
{
    ck_assert(lipd_queue_reserve(&service.queue, 14 << 20));
    ck_assert(!begin(LIPD_BODY_SIZED, 1 << 20));
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    ck_assert_uint_gt(problem.retry_after, 0);
    ck_assert(begin(LIPD_BODY_CHUNKED, 0));
    ck_assert(feed(1 << 20, 65536));
    ck_assert(!lipd_body_end(&body, &request, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_OVERLOADED);
    lipd_queue_release(&service.queue, 14 << 20);
}
END_TEST

START_TEST(over_the_requests_budget_is_told)
{
    lip_budget_init(&request.budget, 1000);
    ck_assert(!begin(LIPD_BODY_SIZED, 100000));
    ck_assert_int_eq(api_problem_status(problem.code), 413);
}
END_TEST

/* Data go to the disk: their memory is not booked, their limit is another. */
START_TEST(a_data_set_is_not_held_in_memory)
{
    static const struct lipd_route route = {.body = LIPD_DATA_BODY};
    char folder[FOLDER_NAME], complaint[256];
    folder_make(folder);
    config.max_dataset = 4 << 20;
    request.route = &route;
    ck_assert(!begin(LIPD_BODY_SIZED, 4 << 20));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    lipd_queue_release(&service.queue, request.reserved);
    request.reserved = 0;
    service.datasets =
        lipd_dataset_store_open(folder, 8 << 20, complaint, sizeof complaint);
    ck_assert(!begin(LIPD_BODY_SIZED, (4 << 20) + 1));
    ck_assert_int_eq(problem.code, API_PROBLEM_BODY_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(problem.detail, "4194304"));
    ck_assert(
        begin(_i ? LIPD_BODY_CHUNKED : LIPD_BODY_SIZED, _i ? 0 : 4 << 20));
    ck_assert(feed(4 << 20, 77777));
    ck_assert_uint_eq(request.reserved, lipd_estimate(0));
    ck_assert_uint_eq(atomic_load(&request.budget.peak), 0);
    ck_assert(lipd_body_end(&body, &request, &problem));
    ck_assert_ptr_null(request.body);
    ck_assert_uint_eq(request.upload.size, 4 << 20);
    ck_assert_uint_eq(request.upload.bytes[4000000],
                      (4000000u * 31 + 4000000u / 251) & 255);
    lipd_request_clear(&request);
    /* One byte more than the limit, in chunks: dropped, then refused. */
    ck_assert(begin(LIPD_BODY_CHUNKED, 0));
    ck_assert(feed((4 << 20) + 1, 65536));
    ck_assert(!lipd_body_end(&body, &request, &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_BODY_TOO_LARGE);
    ck_assert(lipd_shelf_book(lipd_dataset_shelf(service.datasets),
                              &lipd_dataset_shelf(service.datasets)->spooled,
                              8 << 20));
    lipd_dataset_store_close(service.datasets);
    folder_remove(folder);
}
END_TEST

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 31 + i / 251);
}

/* Nothing of a model that is to be stored, or is large, is in the budget; its
 * bytes are read where they lie. What is small stays in memory. */
START_TEST(models_go_to_the_disk)
{
    static const struct lipd_route kept = {.body = LIPD_KEPT_BODY},
                                   used = {.body = LIPD_MODEL_BODY};
    const size_t size[] = {1000, 9 << 20};
    char folder[FOLDER_NAME], complaint[256];
    folder_make(folder);
    service.max_body = 16 << 20;
    service.queue.memory_limit = 64 << 20;
    request.route = _i % 2 ? &kept : &used;
    size_t total = size[_i / 2];
    if (_i % 2) {
        ck_assert(!begin(LIPD_BODY_SIZED, total));
        ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    }
    service.store =
        lipd_store_open(folder, 20 << 20, complaint, sizeof complaint);
    ck_assert(begin(LIPD_BODY_SIZED, total));
    ck_assert(feed(total, 65536));
    ck_assert_int_eq(body.data == NULL, _i > 0);
    ck_assert_uint_eq(request.reserved, lipd_estimate(_i % 2 ? 0 : total));
    ck_assert(lipd_body_end(&body, &request, &problem));
    ck_assert_uint_eq(lip_buffer_size(request.body), total);
    const unsigned char *bytes = lip_buffer_bytes(request.body);
    size_t same = 0;
    while (same < total && bytes[same] == byte_at(same))
        same++;
    ck_assert_uint_eq(same, total);
    ck_assert_uint_lt(atomic_load(&request.budget.peak), _i ? 1000 : 2000);
    lipd_request_clear(&request);
    lipd_store_close(service.store);
    service.store = NULL;
    folder_remove(folder);
}
END_TEST

/* Where the disk has no room, what need not be there is held in memory. */
START_TEST(a_large_model_finds_its_place)
{
    static const struct lipd_route used = {.body = LIPD_MODEL_BODY};
    char folder[FOLDER_NAME], complaint[256];
    folder_make(folder);
    service.max_body = 16 << 20;
    service.queue.memory_limit = 64 << 20;
    request.route = &used;
    service.store =
        lipd_store_open(folder, 1 << 20, complaint, sizeof complaint);
    ck_assert(begin(LIPD_BODY_SIZED, 9 << 20));
    ck_assert_ptr_nonnull(body.data);
    lipd_body_clear(&body);
    lipd_store_close(service.store);
    service.store = NULL;
    folder_remove(folder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/body");
    TCase *tcase = tcase_create("body");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_sized_body_arrives_whole);
    tcase_add_test(tcase, a_chunked_body_grows_to_the_limit);
    tcase_add_test(tcase, a_size_over_the_limit_is_refused_at_once);
    tcase_add_test(tcase, chunks_over_the_limit_are_dropped_then_refused);
    tcase_add_loop_test(tcase, the_tokens_limit_holds_where_it_is_less, 0, 2);
    tcase_add_test(tcase, a_token_grants_no_more_than_the_daemon);
    tcase_add_test(tcase, chunks_without_end_are_cut);
    tcase_add_test(tcase, no_room_is_told_as_overload);
    tcase_add_test(tcase, over_the_requests_budget_is_told);
    tcase_add_loop_test(tcase, a_data_set_is_not_held_in_memory, 0, 2);
    tcase_add_loop_test(tcase, models_go_to_the_disk, 0, 4);
    tcase_add_test(tcase, a_large_model_finds_its_place);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
