/* SPDX-License-Identifier: MIT
 *
 * The process of a job, alone: it says how it ended in every case, hears what
 * it was told before it could listen, and never outlives who reads. */
#include "server/jobs/child.h"

#include "server/log.h"
#include "tests/support/folder.h"
#include "tests/support/suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { INSTRUMENTED = 1 };
#else
enum { INSTRUMENTED = 0 };
#endif

/* --- kinds */

static int say(struct lipd_child *child, struct api_problem *problem)
{
    char line[LIPD_CHILD_LINE + 1];
    (void)problem;
    memset(line, 'x', sizeof line);
    lipd_child_tell(line, LIPD_CHILD_LINE); /* too long for its newline */
    lipd_child_tell("{\"two\":\n\"lines\"}", 16);
    lipd_child_tell(line, LIPD_CHILD_LINE - 1); /* just fits */
    lipd_child_tell("{}", 2);
    return lipd_child_write(child, "result.json", "{}", 2, problem)
               ? LIPD_CHILD_DONE
               : LIPD_CHILD_FAILED;
}

/* Exit status 50: something was not as it must be. */
static int files(struct lipd_child *child, struct api_problem *problem)
{
    unsigned char *bytes;
    size_t size;
    if (!lipd_child_read(child, "none", &bytes, &size, problem) || bytes)
        return 50;
    if (!lipd_child_write(child, "kept", "a\0b", 3, problem) ||
        !lipd_child_write(child, "kept", "c\0de", 4, problem) ||
        !lipd_child_read(child, "kept", &bytes, &size, problem))
        return 50;
    bool same = size == 4 && !memcmp(bytes, "c\0de", 4);
    lip_free(bytes);
    return same ? LIPD_CHILD_PAUSED : 50;
}

static int wait_for_a_wish(struct lipd_child *child,
                           struct api_problem *problem)
{
    enum lipd_child_wish wish;
    (void)child;
    (void)problem;
    while ((wish = lipd_child_wish()) == LIPD_GO_ON)
        usleep(1000);
    return wish == LIPD_CANCEL ? LIPD_CHILD_CANCELLED : LIPD_CHILD_PAUSED;
}

static int fail_without_room(struct lipd_child *child,
                             struct api_problem *problem)
{
    /* Stands in the way of error.json being written as a new file. */
    mkdirat(child->folder, "error.json.new", 0700);
    api_problem_set(problem, API_PROBLEM_STORAGE_FULL, "The disk is full.");
    return LIPD_CHILD_FAILED;
}

static int be_hungry(struct lipd_child *child, struct api_problem *problem)
{
    void *block = lip_alloc(child->ctx, (size_t)1 << 33, 1);
    void *more = malloc((size_t)1 << 33); /* past the budget */
    int status = !block && (!more || INSTRUMENTED) ? LIPD_CHILD_FAILED : 50;
    api_problem_from_error(problem, &child->ctx->error);
    lip_free(block);
    free(more);
    return status;
}

const struct lipd_job_kind lipd_job_kinds[] = {
    {"say", say},
    {"files", files},
    {"wait", wait_for_a_wish},
    {"full", fail_without_room},
    {"hungry", be_hungry},
    {NULL, NULL},
};

/* --- a process around lipd_child_main */

extern char **environ;

static char folder[FOLDER_NAME];
static struct lipd_config config;
static int pipe_end; /* that we read */
static pid_t pid;

static void setup(void)
{
    char *argv[] = {NULL}, complaint[512];
    folder_make(folder);
    lipd_log_level("error");
    lipd_config_read(&config, 0, argv, environ, complaint, sizeof complaint);
    config.job_memory = 1 << 24;
}

static void teardown(void)
{
    folder_remove(folder);
}

static void request(const char *text)
{
    folder_write(folder, "request.json", text, strlen(text));
}

/* `before`: a signal that comes while all are blocked; 0: none. */
static void start(int before, bool closed)
{
    int ends[2];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    sigprocmask(SIG_BLOCK, &set, NULL);
    pid = fork();
    if (!pid) {
        int end = fcntl(ends[1], F_DUPFD, 20);
        close(ends[0]);
        close(ends[1]);
        if (before)
            raise(before);
        if (closed)
            usleep(50000);
        dup2(end, LIPD_CHILD_PIPE);
        close(end);
        _exit(lipd_child_main(&config, folder));
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    close(ends[1]);
    pipe_end = ends[0];
    if (closed)
        close(pipe_end);
}

/* The exit status, or minus the signal. */
static int finish(void)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void expect_file(const char *name, const char *part)
{
    char *text = folder_read(folder, name);
    ck_assert_msg(text != NULL, "no %s", name);
    ck_assert_msg(strstr(text, part) != NULL, "%s", text);
    free(text);
}

START_TEST(lines_are_whole_or_not_told)
{
    static char text[4 * LIPD_CHILD_LINE];
    request("{\"kind\": \"say\", \"request\": {}}");
    start(0, false);
    ck_assert_int_eq(finish(), LIPD_CHILD_DONE);
    ssize_t size = read(pipe_end, text, sizeof text);
    ck_assert_int_eq(size, LIPD_CHILD_LINE + 3);
    ck_assert_int_eq(text[LIPD_CHILD_LINE - 1], '\n');
    ck_assert_mem_eq(text + LIPD_CHILD_LINE, "{}\n", 3);
    expect_file("status", "0\n");
    expect_file("result.json", "{}");
    close(pipe_end);
}
END_TEST

START_TEST(files_come_back)
{
    request("{\"kind\": \"files\", \"request\": {}}");
    start(0, false);
    ck_assert_int_eq(finish(), LIPD_CHILD_PAUSED);
    /* A pause is no end. */
    ck_assert(!folder_has(folder, "status"));
    close(pipe_end);
}
END_TEST

START_TEST(a_bad_request_fails_with_a_sentence)
{
    static const struct {
        const char *text, *part;
    } bad[] = {{NULL, "damaged"},
               {"", "damaged"},
               {"{\"kind\": \"say\"", "damaged"},
               {"{\"kind\": \"say\"}", "say"},
               {"{\"kind\": \"dance\", \"request\": {}}", "dance"},
               {"{\"kind\": 3, \"request\": {}}", "none"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (bad[i].text)
            request(bad[i].text);
        start(0, false);
        ck_assert_int_eq(finish(), LIPD_CHILD_FAILED);
        expect_file("error.json", bad[i].part);
        expect_file("status", "10\n");
        close(pipe_end);
    }
}
END_TEST

START_TEST(signals_that_came_early_are_heard)
{
    request("{\"kind\": \"wait\", \"request\": {}}");
    start(SIGTERM, false);
    ck_assert_int_eq(finish(), LIPD_CHILD_CANCELLED);
    close(pipe_end);
    start(SIGUSR1, false);
    ck_assert_int_eq(finish(), LIPD_CHILD_PAUSED);
    close(pipe_end);
}
END_TEST

/* The daemon's stop and a service manager's SIGTERM at once. */
START_TEST(a_pause_wins_over_a_cancel)
{
    request("{\"kind\": \"wait\", \"request\": {}}");
    start(SIGUSR1, false);
    kill(pid, SIGTERM);
    ck_assert_int_eq(finish(), LIPD_CHILD_PAUSED);
    close(pipe_end);
}
END_TEST

START_TEST(it_ends_where_nobody_reads)
{
    request("{\"kind\": \"wait\", \"request\": {}}");
    start(0, false);
    usleep(20000);
    close(pipe_end);
    ck_assert_int_eq(finish(), LIPD_CHILD_PAUSED);
    start(0, true);
    ck_assert_int_eq(finish(), 1);
}
END_TEST

START_TEST(a_full_disk_is_told_in_the_reserve)
{
    request("{\"kind\": \"full\", \"request\": {}}");
    start(0, false);
    ck_assert_int_eq(finish(), LIPD_CHILD_FAILED);
    expect_file("error.json", "The disk is full.");
    close(pipe_end);
}
END_TEST

START_TEST(memory_is_limited)
{
    request("{\"kind\": \"hungry\", \"request\": {}}");
    start(0, false);
    ck_assert_int_eq(finish(), LIPD_CHILD_FAILED);
    expect_file("error.json", "memory");
    close(pipe_end);
}
END_TEST

/* Two processes do not work in one folder at once. */
START_TEST(the_second_waits_for_the_first)
{
    int status;
    request("{\"kind\": \"wait\", \"request\": {}}");
    start(0, false);
    pid_t first = pid;
    int first_end = pipe_end;
    usleep(100000);
    start(SIGTERM, false); /* would end at once */
    usleep(100000);
    ck_assert_int_eq(waitpid(pid, &status, WNOHANG), 0);
    kill(first, SIGKILL);
    ck_assert_int_eq(waitpid(first, &status, 0), first);
    ck_assert_int_eq(finish(), LIPD_CHILD_CANCELLED);
    close(first_end);
    close(pipe_end);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("child");
    TCase *tests = tcase_create("child");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, lines_are_whole_or_not_told);
    tcase_add_test(tests, files_come_back);
    tcase_add_test(tests, a_bad_request_fails_with_a_sentence);
    tcase_add_test(tests, signals_that_came_early_are_heard);
    tcase_add_test(tests, a_pause_wins_over_a_cancel);
    tcase_add_test(tests, it_ends_where_nobody_reads);
    tcase_add_test(tests, a_full_disk_is_told_in_the_reserve);
    tcase_add_test(tests, memory_is_limited);
    tcase_add_test(tests, the_second_waits_for_the_first);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
