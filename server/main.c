/* SPDX-License-Identifier: MIT
 *
 * The life of the daemon: configuration, environment of the numerics, threads,
 * signals, and an end that loses no request that was accepted. */
#include "api/version.h"
#include "base/float.h"
#include "server/access_file.h"
#include "server/config.h"
#include "server/cors.h"
#include "server/data_lock.h"
#include "server/dataset_store.h"
#include "server/hdf5.h"
#include "server/http.h"
#include "server/jobs/child.h"
#include "server/jobs/hub.h"
#include "server/jobs/job_store.h"
#include "server/jobs/runner.h"
#include "server/jobs/share.h"
#include "server/jobs/watched_store.h"
#include "server/keep.h"
#include "server/listen.h"
#include "server/log.h"
#include "server/machine.h"
#include "server/model_store.h"
#include "server/probe.h"
#include "server/sandbox_job.h"
#include "server/service.h"
#include "server/store/store.h"
#include "server/tls.h"
#include "server/tls_start.h"
#include "server/uses.h"
#include "server/workers.h"

#include <cblas.h>
#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* Exit statuses: 1 failed, 2 wrong usage. */
enum { FAILED = 1, USAGE = 2 };

static const char token_list[] = "LIPSCHITZD_TOKEN_LIST";

struct daemon {
    struct lipd_config config;
    struct lipd_service service;
    struct lipd_stores stores;
    struct lipd_http *http;
    struct lipd_workers *workers;
    sigset_t signals;
};

static int give_up(const char *event, const char *sentence)
{
    lipd_log(LIPD_ERROR, event, "%s", sentence);
    return FAILED;
}

/* OpenBLAS reads this when it is loaded, long before main, and starts a thread
 * for each processor otherwise: our workers are the parallelism. So the
 * environment is set and the program begins again. */
static void demand_single_threaded_blas(char **argv)
{
    const char *threads = getenv("OPENBLAS_NUM_THREADS");
    if (threads && !strcmp(threads, "1"))
        return;
    if (!setenv("OPENBLAS_NUM_THREADS", "1", 1))
        execv("/proc/self/exe", argv);
    /* No /proc: the threads are there, but will have nothing to do. */
}

/* For the daemon and its children. */
static bool prepare_numerics(const struct daemon *d)
{
    /* Without TZ the C library looks at /etc/localtime each time anything
     * breaks a time down; all our times are UTC. */
    setenv("TZ", "UTC0", 1);
    tzset();
    openblas_set_num_threads(1);
    json_object_seed(0);
    lipd_log_level(d->config.log_level);
    if (lip_float_ready())
        return true;
    give_up("float", "The floating-point environment is not the one proofs "
                     "need: round to nearest, subnormal numbers kept.");
    return false;
}

/* What was large is given back when it is freed: left alone the C library
 * learns from the first large block that such are to be kept. The threshold is
 * where lip_alloc asks for huge pages, which small blocks must not land in. */
static void prepare_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
#endif
}

/* Connections need descriptors: as many as we may have, where what is usual
 * (1024) is too few. Where that is not enough for all, connections that do
 * nothing must not take those that work needs. */
static void prepare_descriptors(struct lipd_config *config)
{
    enum { OTHERS = 256 };
    struct rlimit limit;
    rlim_t wanted = (rlim_t)config->connections + OTHERS;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur == wanted)
        return;
    rlim_t half = limit.rlim_cur / 2;
    config->connections = limit.rlim_cur - (half < OTHERS ? half : OTHERS);
    lipd_log(LIPD_WARNING, "descriptors",
             "This process may open %llu files only: --connections is %zu.",
             (unsigned long long)limit.rlim_cur, config->connections);
}

static void prepare_signals(struct daemon *d)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a full disk is an error, not an end */
    sigemptyset(&d->signals);
    sigaddset(&d->signals, SIGTERM);
    sigaddset(&d->signals, SIGINT);
    /* Before any thread is made: all inherit the mask. */
    pthread_sigmask(SIG_BLOCK, &d->signals, NULL);
    sigset_t reload;
    sigemptyset(&reload);
    sigaddset(&reload, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &reload, NULL);
}

/* Tokens, where there are any. The environment's go to no child. */
static bool open_access(struct daemon *d, char *complaint, size_t size)
{
    const char *file = d->config.tokens, *list = getenv(token_list);
    if (!*file && !list)
        return true;
    if (*file && list) {
        snprintf(complaint, size, "Tokens come from --tokens or %s, not both.",
                 token_list);
        return false;
    }
    d->service.access =
        lipd_access_open(*file ? file : NULL, list, complaint, size);
    unsetenv(token_list);
    return d->service.access != NULL;
}

static void reload_tokens(struct daemon *d)
{
    char complaint[512] = "";
    if (d->service.access &&
        !lipd_access_reload(d->service.access, complaint, sizeof complaint))
        lipd_log(LIPD_ERROR, "tokens", "%s The tokens before stay.", complaint);
    else
        lipd_log(LIPD_INFO, "tokens", "%s",
                 d->service.access ? "The tokens were read again."
                                   : "There are no tokens to read again.");
}

/* Until the daemon is to end. */
static void wait_for_end(struct daemon *d)
{
    double pause = d->config.tls_check;
    struct timespec step = {.tv_sec = (time_t)pause};
    step.tv_nsec = (long)((pause - (double)step.tv_sec) * 1e9);
    bool looks = d->service.tls && pause > 0;
    sigset_t all = d->signals;
    sigaddset(&all, SIGHUP);
    for (;;) {
        int number = sigtimedwait(&all, NULL, looks ? &step : NULL);
        if (number == SIGHUP) {
            reload_tokens(d);
            lipd_tls_again(d->service.tls, &d->config);
        } else if (number > 0) {
            return;
        } else if (looks && errno == EAGAIN &&
                   lipd_tls_changed(d->service.tls)) {
            lipd_tls_again(d->service.tls, &d->config);
        }
    }
}

/* Another machine has changed a job, or some may have. */
static void hear_news(void *arg, const char *job)
{
    struct lipd_service *service = arg;
    lipd_hub_publish(service->hub, job);
    lipd_runner_hear(atomic_load(&service->hears), job);
}

/* What --role asks for. */
static bool serves(const struct daemon *d)
{
    return strcmp(d->config.role, "work") != 0;
}

static bool runs_jobs(const struct daemon *d)
{
    return strcmp(d->config.role, "serve") != 0;
}

static bool role_fits(const struct daemon *d, char *complaint, size_t size)
{
    if (serves(d) && runs_jobs(d))
        return true;
    if (*d->config.store && *d->config.data_dir)
        return true;
    snprintf(complaint, size,
             "--role %.8s needs --store, which others share, and --data-dir.",
             d->config.role);
    return false;
}

/* Files of a time when nobody noted who keeps them. */
static bool adopt(struct lipd_service *service, char *complaint, size_t size)
{
    struct api_problem problem = {.detail = "a folder cannot be read"};
    if (lipd_adopt(service, &problem))
        return true;
    snprintf(complaint, size, "Stored files cannot be counted: %.300s",
             problem.detail);
    return false;
}

static bool open_jobs(struct daemon *d, char *complaint, size_t size)
{
    struct lipd_service *service = &d->service;
    service->hub = lipd_hub_start();
    if (!service->hub) {
        snprintf(complaint, size, "There is no memory for those who wait.");
        return false;
    }
    if (!lipd_stores_open(&d->stores, &d->config, hear_news, service, complaint,
                          size))
        return false;
    service->jobs = d->stores.jobs;
    lipd_store_watch(service->jobs); /* without memory it goes unmeasured */
    lipd_store_share(service->store, d->stores.blobs);
    lipd_dataset_store_share(service->datasets, d->stores.blobs);
    service->blobs = d->stores.blobs;
    service->holdings = d->stores.holdings;
    service->uses = lipd_uses_new(); /* without memory: nothing is noted */
    service->results = d->stores.results;
    /* What others store is theirs to note. */
    if (!*d->config.store && !adopt(service, complaint, size))
        return false;
    service->runner = lipd_runner_start(service, complaint, size);
    lipd_owner_note_role(d->config.data_dir, !serves(d));
    atomic_store(&service->hears, service->runner);
    return service->runner != NULL;
}

/* Everything that a data directory is for. The lock is kept until the process
 * ends. */
static bool open_data(struct daemon *d, char *complaint, size_t size)
{
    const char *directory = d->config.data_dir;
    struct lipd_service *service = &d->service;
    if (!role_fits(d, complaint, size))
        return false;
    if (!*directory && *d->config.store) {
        snprintf(complaint, size, "--store needs --data-dir, for its copies.");
        return false;
    }
    if (!*directory)
        return true;
    if (lipd_data_lock(directory, complaint, size) < 0)
        return false;
    service->store =
        lipd_store_open(directory, d->config.max_stored, complaint, size);
    if (!service->store)
        return false;
    service->datasets = lipd_dataset_store_open(
        directory, d->config.max_datasets, complaint, size);
    if (!service->datasets)
        return false;
    return open_jobs(d, complaint, size);
}

static int start(struct daemon *d, struct lipd_address *address)
{
    char complaint[512] = "";
    struct lip_ctx ctx = {.budget = NULL};
    if (!lipd_address_read(address, d->config.listen, complaint,
                           sizeof complaint))
        return give_up("listen", complaint);
    if (!lipd_cors_check(d->config.cors_origins, complaint, sizeof complaint))
        return give_up("cors-origins", complaint);
    if (lipd_service_init(&d->service, &d->config, &ctx) != LIP_OK)
        return give_up("memory", ctx.error.detail);
    if (!open_access(d, complaint, sizeof complaint))
        return give_up("tokens", complaint);
    if (!lipd_tls_start(&d->service.tls, &d->config, complaint,
                        sizeof complaint))
        return give_up("tls", complaint);
    int listener = lipd_listen(address, complaint, sizeof complaint);
    if (listener < 0)
        return give_up("listen", complaint);
    if (!open_data(d, complaint, sizeof complaint))
        return give_up("data", complaint);
    d->workers = lipd_workers_start(&d->service);
    if (!d->workers)
        return give_up("workers", "The compute threads cannot be started.");
    d->http = lipd_http_start(&d->service, listener);
    if (!d->http)
        return give_up("http", "The HTTP threads cannot be started.");
    if (!lipd_address_tell(address, d->config.port_file))
        return give_up("port-file", strerror(errno));
    return 0;
}

static const char *sandbox(const struct daemon *d)
{
    return strcmp(d->config.job_sandbox, "on") ? "off"
                                               : lipd_sandbox_job_kind();
}

static void log_start(const struct daemon *d,
                      const struct lipd_address *address)
{
    struct api_text line;
    if (!lipd_log_on(LIPD_INFO))
        return;
    lipd_log_open(&line, LIPD_INFO, "ready");
    api_put_string(&line, "version", API_VERSION);
    api_put_string(&line, "listen", d->config.listen);
    api_put_count(&line, "port", lipd_address_port(address));
    api_put_bool(&line, "tls", d->service.tls);
    api_put_count(&line, "workers", d->service.workers);
    api_put_count(&line, "max_body", d->service.max_body);
    api_put_count(&line, "max_memory", d->service.max_memory);
    api_put_count(&line, "max_request_memory", d->service.max_request_memory);
    api_put_string(&line, "blas", openblas_get_corename());
    api_put_string(&line, "job_sandbox", sandbox(d));
    lipd_log_close(&line);
}

/* Waits until no request is in flight, at most `seconds`, or until another
 * signal says to hurry. */
static bool wait_idle(struct daemon *d, double seconds)
{
    struct timespec step = {.tv_nsec = 10 * 1000 * 1000};
    double end = lip_now() + seconds;
    while (lipd_http_in_flight(d->http)) {
        if (lip_now() >= end || sigtimedwait(&d->signals, NULL, &step) > 0)
            return false;
    }
    return true;
}

/* Not ready any more; what is in the sockets already is still read and served;
 * then new work is refused, who waits for a job is answered, jobs keep a
 * checkpoint for the next daemon, and what was accepted is finished, or
 * cancelled when its time is up. */
static int drain(struct daemon *d)
{
    struct timespec grace = {.tv_nsec = 100 * 1000 * 1000};
    const double after_cancel = 10, for_answers = 1, for_jobs = 10;
    lipd_log(LIPD_INFO, "draining", "%zu requests in flight",
             lipd_http_in_flight(d->http));
    atomic_store(&d->service.state, LIPD_CLOSING);
    nanosleep(&grace, NULL);
    lipd_http_take_waiting(d->http, 2);
    atomic_store(&d->service.state, LIPD_DRAINING);
    if (d->service.hub)
        lipd_hub_stop(d->service.hub);
    lipd_runner_stop(d->service.runner, for_jobs);
    if (!wait_idle(d, d->config.drain_timeout)) {
        lipd_log(LIPD_WARNING, "cancel", "%zu requests are cancelled",
                 lipd_http_in_flight(d->http));
        atomic_store(&d->service.cancelled, true);
        /* Whoever still sends, or takes his answer, has had his time. */
        if (!wait_idle(d, for_answers) && lipd_http_with_workers(d->http) &&
            !wait_idle(d, after_cancel) && lipd_http_with_workers(d->http))
            return FAILED;
    }
    return 0;
}

static void close_data(struct daemon *d)
{
    lipd_uses_flush(d->service.uses, d->service.holdings);
    lipd_stores_deafen(&d->stores);
    lipd_runner_free(d->service.runner);
    lipd_hub_free(d->service.hub);
    lipd_store_close(d->service.store);
    lipd_dataset_store_close(d->service.datasets);
    lipd_stores_close(&d->stores);
    lipd_uses_free(d->service.uses);
    lipd_access_close(d->service.access);
    lipd_tls_close(d->service.tls);
    lipd_service_clear(&d->service);
}

static void stop(struct daemon *d)
{
    lipd_workers_stop(d->workers);
    lipd_http_stop(d->http);
    close_data(d);
}

/* So that a worker can be watched. */
static int open_metrics(struct daemon *d)
{
    char complaint[512] = "";
    struct lipd_address address;
    if (!*d->config.metrics_listen)
        return 0;
    if (!lipd_address_read(&address, d->config.metrics_listen, complaint,
                           sizeof complaint))
        return give_up("metrics-listen", complaint);
    if (!open_access(d, complaint, sizeof complaint))
        return give_up("tokens", complaint);
    if (!lipd_tls_start(&d->service.tls, &d->config, complaint,
                        sizeof complaint))
        return give_up("tls", complaint);
    int listener = lipd_listen(&address, complaint, sizeof complaint);
    if (listener < 0)
        return give_up("metrics-listen", complaint);
    d->http = lipd_http_start(&d->service, listener);
    if (!d->http)
        return give_up("http", "The HTTP threads cannot be started.");
    if (!lipd_address_tell(&address, d->config.port_file))
        return give_up("port-file", strerror(errno));
    return 0;
}

/* Jobs and nothing else: what `lipschitzd worker` does. */
static int work(struct daemon *d)
{
    char complaint[512] = "";
    struct lip_ctx ctx = {.budget = NULL};
    if (lipd_service_init(&d->service, &d->config, &ctx) != LIP_OK)
        return give_up("memory", ctx.error.detail);
    if (!open_data(d, complaint, sizeof complaint))
        return give_up("data", complaint);
    if (open_metrics(d))
        return FAILED;
    lipd_log(LIPD_INFO, "ready", "working for --store; jobs' sandbox: %s",
             sandbox(d));
    wait_for_end(d);
    atomic_store(&d->service.state, LIPD_DRAINING);
    lipd_log(LIPD_INFO, "draining", "jobs keep a checkpoint");
    lipd_runner_stop(d->service.runner, fmin(d->config.drain_timeout, 10));
    lipd_http_stop(d->http);
    close_data(d);
    lipd_log(LIPD_INFO, "stopped", "Jobs go on elsewhere.");
    return 0;
}

static int serve(struct daemon *d)
{
    struct lipd_address address;
    prepare_memory();
    lipd_hide_memory(&d->config);
    prepare_signals(d);
    if (!prepare_numerics(d))
        return FAILED;
    prepare_descriptors(&d->config);
    lipd_machine_speed(&d->config); /* measured before anybody waits */
    lipd_hdf5_start(&d->config);
    if (!serves(d))
        return work(d);
    if (start(d, &address))
        return FAILED;
    log_start(d, &address);
    wait_for_end(d);
    int status = drain(d);
    if (status) {
        /* A worker does not come back; stopping HTTP would abort. */
        lipd_log(LIPD_ERROR, "stuck", "Requests did not end when cancelled.");
        _exit(status);
    }
    stop(d);
    lipd_log(LIPD_INFO, "stopped", "Every accepted request was answered.");
    return 0;
}

/* lipschitzd --job FOLDER: the process of a job. The daemon starts it, with its
 * own options in the environment. */
static bool is_job(int argc, char **argv)
{
    return argc == 3 && !strcmp(argv[1], "--job");
}

static int run_job(struct daemon *d, char **argv)
{
    char complaint[512];
    demand_single_threaded_blas(argv);
    if (lipd_config_read(&d->config, 1, argv, environ, complaint,
                         sizeof complaint) != LIPD_SERVE)
        return give_up("job", complaint);
    lipd_hdf5_start(&d->config);
    return prepare_numerics(d) ? lipd_child_main(&d->config, argv[2]) : FAILED;
}

/* lipschitzd --token NAME [SCOPES [LIMIT...]] */
static int make_token(int argc, char **argv)
{
    char complaint[300] = "--token takes a name.";
    if (argc >= 3 &&
        lipd_token_make(stdout, stderr, argv + 2, complaint, sizeof complaint))
        return 0;
    fprintf(stderr, "lipschitzd: %s\n", complaint);
    return USAGE;
}

int main(int argc, char **argv)
{
    static struct daemon d;
    char complaint[512];
    if (argc > 1 && !strcmp(argv[1], "--token"))
        return make_token(argc, argv);
    if (is_job(argc, argv))
        return run_job(&d, argv);
    switch (lipd_config_read(&d.config, argc, argv, environ, complaint,
                             sizeof complaint)) {
    case LIPD_HELP:
        lipd_config_help(stdout);
        return 0;
    case LIPD_VERSION:
        puts("lipschitzd " API_VERSION);
        return 0;
    case LIPD_PRINT_CONFIG:
        lipd_config_print(stdout, &d.config);
        return 0;
    case LIPD_PROBE:
        if (!lipd_probe(&d.config, complaint, sizeof complaint))
            return 0;
        fprintf(stderr, "lipschitzd: %s\n", complaint);
        return FAILED;
    case LIPD_SERVE:
        demand_single_threaded_blas(argv);
        return serve(&d);
    default:
        fprintf(stderr, "lipschitzd: %s\n", complaint);
        return USAGE;
    }
}
