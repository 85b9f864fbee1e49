/* SPDX-License-Identifier: MIT
 *
 * The configuration, from one table: a row makes the member of the struct, the
 * flag --like-this, the environment name LIPSCHITZD_LIKE_THIS, a line of
 * --help and a line of --print-config. The flag wins over the environment,
 * the environment over the default. */
#ifndef LIPD_CONFIG_H
#define LIPD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { LIPD_TEXT_MAX = 1024 };

/* Member types. BYTES takes the suffixes K, M, G, T (powers of 1024). CHOICE
 * is a text out of the list in the place of the unit. SECRET is a URL, which is
 * printed without its password. */
typedef char lipd_text[LIPD_TEXT_MAX];
#define LIPD_TYPE_TEXT lipd_text
#define LIPD_TYPE_SECRET lipd_text
#define LIPD_TYPE_CHOICE lipd_text
#define LIPD_TYPE_COUNT size_t
#define LIPD_TYPE_BYTES size_t
#define LIPD_TYPE_SECONDS double
#define LIPD_TYPE_NUMBER double

/* name, type, default, least, most, unit, what it does. No row is named port
 * or service_...: Kubernetes sets LIPSCHITZD_PORT and the like for a service
 * of our name. */
#define LIPD_OPTIONS(X)                                                        \
    X(listen, TEXT, "127.0.0.1:8080", 0, 0, "ADDRESS:PORT",                    \
      "Where to listen: an IPv4 address, an IPv6 address in brackets, or "     \
      "localhost. Port 0 takes any free one.")                                 \
    X(port_file, TEXT, "", 0, 0, "FILE",                                       \
      "Write the port that is listened on to this file once it is open.")      \
    X(data_dir, TEXT, "", 0, 0, "DIR",                                         \
      "Where to keep stored models, data sets and jobs. Without it none of "   \
      "them is offered.")                                                      \
    X(tokens, TEXT, "", 0, 0, "FILE",                                          \
      "Who may do what: a line for each token, as --token makes it; SIGHUP "   \
      "reads it again. Without it, or lines in LIPSCHITZD_TOKEN_LIST, "        \
      "everything is open.")                                                   \
    X(tls_certificate, TEXT, "", 0, 0, "FILE",                                 \
      "Serve HTTPS, and nothing else: the daemon's certificate and behind it " \
      "those that lead to its root, PEM. With --tls-key.")                     \
    X(tls_key, TEXT, "", 0, 0, "FILE",                                         \
      "The key of that certificate, PEM, without a password. SIGHUP reads "    \
      "both files again.")                                                     \
    X(tls_check, SECONDS, "60", 0, 86400, "seconds",                           \
      "How often to look whether one of these files has changed, and read "    \
      "them again. 0: at SIGHUP only.")                                        \
    X(hsts, SECONDS, "0", 0, 63072000, "seconds",                              \
      "With TLS: how long browsers are to use nothing but HTTPS with the "     \
      "host name they asked, at all its ports (Strict-Transport-Security). "   \
      "0: they are told nothing.")                                             \
    X(cors_origins, TEXT, "", 0, 0, "ORIGINS",                                 \
      "Web pages that may ask from a browser: their origins with commas "      \
      "between, as https://a.example,https://b.example, or * for all. "        \
      "Empty: none but our own.")                                              \
    X(store, SECRET, "", 0, 0, "URL",                                          \
      "A database that several daemons share, as "                             \
      "postgresql://USER@HOST/DATABASE: jobs, models and data sets live in "   \
      "it, and --data-dir only keeps copies. Empty: SQLite in --data-dir, "    \
      "one daemon.")                                                           \
    X(role, CHOICE, "all", 0, 0, "all|serve|work",                             \
      "What to do: serve HTTP and run jobs, only serve, or only run jobs (as " \
      "`lipschitzd worker` does). With --store.")                              \
    X(lease, SECONDS, "60", 1, 3600, "seconds",                                \
      "With --store: a job whose daemon is silent this long goes on "          \
      "elsewhere.")                                                            \
    X(metrics_listen, TEXT, "", 0, 0, "ADDRESS:PORT",                          \
      "Where a worker answers GET /healthz, /readyz and /metrics, and "        \
      "nothing "                                                               \
      "else. Empty: nowhere.")                                                 \
    X(h5_reader, TEXT, "", 0, 0, "PROGRAM",                                    \
      "What reads Keras files (.h5), in a sandbox. Without it lipschitz-h5 "   \
      "beside this program, where it is.")                                     \
    X(workers, COUNT, "0", 0, 1024, "threads",                                 \
      "Compute threads. 0: one for each processor this process may use.")      \
    X(queue, COUNT, "1024", 1, 1048576, "requests",                            \
      "Requests that may wait for a worker; more are answered 503.")           \
    X(max_wait, SECONDS, "30", 0, 86400, "seconds",                            \
      "How long a request may wait for a worker, by what the last ones took; " \
      "more are answered 503. 0: no bound but --queue. When requests keep "    \
      "coming faster than they are answered, hardly any may wait.")            \
    X(max_body, BYTES, "256M", 1024, 1099511627776.0, "bytes",                 \
      "The largest request body.")                                             \
    X(max_memory, BYTES, "0", 0, 1125899906842624.0, "bytes",                  \
      "Estimated memory of all accepted requests together. 0: half of what "   \
      "this process may use.")                                                 \
    X(max_request_memory, BYTES, "0", 0, 1125899906842624.0, "bytes",          \
      "The memory one request may use. 0: half of --max-memory.")              \
    X(max_stored, BYTES, "10G", 0, 1125899906842624.0, "bytes",                \
      "All stored models together; uploads on their way may take as much "     \
      "again.")                                                                \
    X(evict, CHOICE, "none", 0, 0, "none|models",                              \
      "What makes room where --max-stored, or what a token may have stored, "  \
      "is full: nothing, so that nobody's model vanishes unasked, or the "     \
      "models used longest ago that no open request or job needs.")            \
    X(max_dataset, BYTES, "1G", 1024, 1099511627776.0, "bytes",                \
      "The largest upload of a data set. It goes to the disk as it arrives.")  \
    X(max_datasets, BYTES, "20G", 0, 1125899906842624.0, "bytes",              \
      "All stored data sets together; uploads on their way may take as much "  \
      "again.")                                                                \
    X(max_results, BYTES, "256M", 0, 1125899906842624.0, "bytes",              \
      "Answers of /bound that are kept with --data-dir, to be given again; "   \
      "those used longest ago go first. 0: none are kept.")                    \
    X(max_time, SECONDS, "60", 0.001, 86400, "seconds",                        \
      "The longest one request may compute before its answer. Bounds that "    \
      "are "                                                                   \
      "predicted to take longer, or have a larger time_limit, become jobs "    \
      "where there are any.")                                                  \
    X(max_flops, NUMBER, "1e15", 0, 1e30, "operations",                        \
      "Estimated work of one method asked for by name. 0: no limit.")          \
    X(flops_per_second, NUMBER, "0", 0, 1e16, "operations/second",             \
      "Speed of one worker, to tell which methods fit a time limit. 0: half "  \
      "of what a product of matrices reaches when the daemon starts.")         \
    X(jobs, COUNT, "0", 0, 1024, "processes",                                  \
      "Jobs that run at once, each in a process of its own. 0: half of the "   \
      "processors, at least one.")                                             \
    X(job_threads, COUNT, "0", 0, 1024, "threads",                             \
      "Threads of one job; its result does not depend on them. 0: the "        \
      "processors shared out among --jobs.")                                   \
    X(max_jobs, COUNT, "1000", 1, 1000000, "jobs",                             \
      "Jobs that may wait; more are answered 503.")                            \
    X(job_memory, BYTES, "0", 0, 1125899906842624.0, "bytes",                  \
      "The memory one job may use. 0: half of what this process may use, "     \
      "shared out among --jobs.")                                              \
    X(job_time, SECONDS, "86400", 0.001, 31536000, "seconds",                  \
      "The longest one job may compute; caps its time_limit. A job that goes " \
      "on after a restart has its time anew.")                                 \
    X(job_sandbox, CHOICE, "on", 0, 0, "on|off",                               \
      "Whether the process of a job is kept from the network, from programs "  \
      "and from files other than its own, as far as the kernel can.")          \
    X(job_history, COUNT, "1000", 1, 1000000, "jobs",                          \
      "Jobs that are over and still shown; older ones are forgotten.")         \
    X(connections, COUNT, "4096", 2, 1048576, "connections",                   \
      "Open connections at once; more wait to be accepted.")                   \
    X(connections_per_ip, COUNT, "1024", 0, 1048576, "connections",            \
      "Open connections from one address. 0: no limit.")                       \
    X(streams, COUNT, "2048", 0, 1048576, "streams",                           \
      "Streams of events (GET /jobs/{id}/events) open at once; more are "      \
      "answered 503.")                                                         \
    X(header_memory, BYTES, "32K", 16384, 16777216, "bytes",                   \
      "Memory of a connection for its headers and its part of a body.")        \
    X(header_timeout, SECONDS, "15", 0.1, 3600, "seconds",                     \
      "A request's headers must be complete this long after the connection "   \
      "opened or the last answer went out.")                                   \
    X(body_timeout, SECONDS, "30", 0.1, 86400, "seconds",                      \
      "A request's body must be complete this long after its headers, plus "   \
      "the time --body-rate grants, and pauses no longer than this.")          \
    X(body_rate, BYTES, "64K", 1, 1099511627776.0, "bytes/second",             \
      "The slowest upload: each byte that arrives extends --body-timeout by "  \
      "its share.")                                                            \
    X(reply_timeout, SECONDS, "60", 0.1, 86400, "seconds",                     \
      "A client must have taken its answer this long after it was ready.")     \
    X(drain_timeout, SECONDS, "30", 0, 86400, "seconds",                       \
      "After SIGTERM, how long accepted requests may take before they are "    \
      "cancelled.")                                                            \
    X(log_level, CHOICE, "info", 0, 0, "debug|info|warning|error",             \
      "The least important log line that is written.")

struct lipd_config {
#define X(name, type, fallback, least, most, unit, prose) LIPD_TYPE_##type name;
    LIPD_OPTIONS(X)
#undef X
};

/* What the command line asks for. */
enum lipd_command {
    LIPD_SERVE,
    LIPD_HELP,
    LIPD_VERSION,
    LIPD_PRINT_CONFIG,
    LIPD_PROBE,
    LIPD_BAD_USAGE /* `complaint` says what is wrong */
};

/* Reads defaults, then the environment, then the flags, each over the last.
 * A bad value fails with a sentence, whichever place it stands in. */
enum lipd_command lipd_config_read(struct lipd_config *config, int argc,
                                   char *const *argv, char *const *environment,
                                   char *complaint, size_t complaint_size);

/* Sets one option from text, as a flag would: name with '-' or '_'. False with
 * a sentence where there is no such option or the value is bad. */
bool lipd_config_set(struct lipd_config *config, const char *name,
                     const char *value, char *complaint, size_t complaint_size);

/* What the letter behind a number of bytes multiplies by: 2^10 for K, up to
 * 2^40 for T, capital or small; 0 for any other. */
double lipd_config_scale(char letter);

void lipd_config_help(FILE *out);

/* Every option as LIPSCHITZD_NAME=value, one a line: an environment file that
 * makes the same configuration. */
void lipd_config_print(FILE *out, const struct lipd_config *config);

#endif
