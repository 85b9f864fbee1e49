/* SPDX-License-Identifier: MIT
 *
 * When the process of a job is confined: before it parses where no program is
 * needed for that, after it otherwise, and never twice. */
#include "server/jobs/child.h"

#include "server/sandbox_job.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

const struct lipd_job_kind lipd_job_kinds[] = {{NULL, NULL}};

#define HDF5 "\x89HDF\r\n\x1a\n"

static bool needs(const char *bytes, size_t size)
{
    struct lip_ctx ctx = {.budget = NULL};
    void *copy = lip_alloc(NULL, size + 1, 1);
    memcpy(copy, bytes, size);
    struct lip_buffer *buffer = lip_buffer_take(copy, size, &ctx);
    bool needed = lipd_child_needs_program(buffer);
    lip_buffer_put(buffer);
    return needed;
}

START_TEST(a_program_is_needed_for_hdf5)
{
    ck_assert(needs(HDF5, 8));
    ck_assert(needs(HDF5 "and more", 16));
    ck_assert(needs("--form\r\n\r\n" HDF5, 18));
    ck_assert(!needs(HDF5, 7));
    ck_assert(!needs("", 0));
    ck_assert(!needs("{\"layers\": []}", 14));
}
END_TEST

/* Whether the process can open a socket after `times` calls. */
static bool is_free(bool confines, int times)
{
    char name[FOLDER_NAME];
    int status;
    folder_make(name);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct lipd_child child = {.folder = open(name, O_RDONLY | O_DIRECTORY),
                                   .confines = confines};
        for (int i = 0; i < times; i++)
            lipd_child_confine(&child);
        _exit(socket(AF_UNIX, SOCK_STREAM, 0) < 0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    folder_remove(name);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

START_TEST(it_is_confined_where_that_is_wanted)
{
    ck_assert(is_free(true, 0));
    ck_assert(is_free(false, 1));
    ck_assert(!is_free(true, 1));
    ck_assert(!is_free(true, 2));
}
END_TEST

START_TEST(a_model_that_is_not_there_is_told)
{
    char name[FOLDER_NAME];
    static struct lipd_config config;
    struct lip_ctx ctx = {.budget = NULL};
    struct api_problem problem;
    struct lipd_child child = {.config = &config, .ctx = &ctx};
    folder_make(name);
    snprintf(config.data_dir, sizeof config.data_dir, "%s", name);
    char path[200];
    snprintf(path, sizeof path, "mkdir %s/models", name);
    ck_assert_int_eq(system(path), 0);
    ck_assert_ptr_null(lipd_child_model(
        &child,
        "sha256:"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        &problem));
    ck_assert_int_eq(problem.code, API_PROBLEM_NOT_FOUND);
    ck_assert_str_eq(problem.where, "/model/id");
    folder_remove(name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/jobs/child_confine");
    TCase *tests = tcase_create("child_confine");
    tcase_add_test(tests, a_program_is_needed_for_hdf5);
    tcase_add_test(tests, it_is_confined_where_that_is_wanted);
    tcase_add_test(tests, a_model_that_is_not_there_is_told);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
