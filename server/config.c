/* SPDX-License-Identifier: MIT
 *
 * One walk over the option table for each thing that is made of it. */
#include "server/config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "LIPSCHITZD_"

enum type { TEXT, SECRET, CHOICE, COUNT, BYTES, SECONDS, NUMBER };

struct option {
    const char *name;
    enum type type;
    size_t offset;
    const char *fallback;
    double least, most;
    const char *unit, *prose;
};

static const struct option options[] = {
#define X(name, type, fallback, least, most, unit, prose)                      \
    {#name, type, offsetof(struct lipd_config, name), fallback, least, most,   \
     unit,  prose},
    LIPD_OPTIONS(X)
#undef X
};

enum { OPTION_COUNT = sizeof options / sizeof options[0] };

static bool name_equal(const char *a, const char *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((a[i] == '-' ? '_' : a[i]) != (b[i] == '-' ? '_' : b[i]))
            return false;
    return a[size] == '\0';
}

static const struct option *find(const char *name, size_t size)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (name_equal(options[i].name, name, size))
            return &options[i];
    return NULL;
}

static void spell(char *out, const char *name, char dash, bool upper)
{
    for (; *name; name++, out++) {
        *out = *name == '_' ? dash : *name;
        if (upper && *out >= 'a' && *out <= 'z')
            *out = (char)(*out - 'a' + 'A');
    }
    *out = '\0';
}

static bool is_choice(const char *list, const char *value)
{
    size_t size = strlen(value);
    for (const char *at = list; size && at; at = strchr(at, '|')) {
        at += *at == '|';
        if (!strncmp(at, value, size) && (at[size] == '|' || !at[size]))
            return true;
    }
    return false;
}

double lipd_config_scale(char letter)
{
    static const char letters[] = "KMGT";
    const char *at = memchr(letters, letter & ~0x20, strlen(letters));
    return at ? ldexp(1, 10 * (int)(at - letters + 1)) : 0;
}

/* What a suffix multiplies by, or 0 for one that is not known. */
static double scale_of(enum type type, const char *suffix)
{
    if (!*suffix)
        return 1;
    return type == BYTES && !suffix[1] ? lipd_config_scale(*suffix) : 0;
}

static bool parse_number(double *out, const struct option *option,
                         const char *value)
{
    if (!((*value >= '0' && *value <= '9') || *value == '.'))
        return false;
    char *end;
    double number = strtod(value, &end);
    number *= scale_of(option->type, end);
    bool whole = option->type == COUNT || option->type == BYTES;
    if (!isfinite(number) || (whole && number > floor(number)))
        return false;
    if (!scale_of(option->type, end) || strpbrk(value, "xX"))
        return false;
    *out = number;
    return number >= option->least && number <= option->most;
}

static bool store(struct lipd_config *config, const struct option *option,
                  const char *value)
{
    void *member = (char *)config + option->offset;
    double number;
    switch (option->type) {
    case CHOICE:
        if (!is_choice(option->unit, value))
            return false;
        /* fall through */
    case TEXT:
    case SECRET:
        if (strlen(value) >= LIPD_TEXT_MAX)
            return false;
        memcpy(member, value, strlen(value) + 1);
        return true;
    default:
        if (!parse_number(&number, option, value))
            return false;
        if (option->type == COUNT || option->type == BYTES)
            *(size_t *)member = (size_t)number;
        else
            *(double *)member = number;
        return true;
    }
}

static void complain(const struct option *option, const char *place,
                     const char *value, char *out, size_t size)
{
    switch (option->type) {
    case CHOICE:
        snprintf(out, size, "%s is \"%.80s\"; it must be one of %s.", place,
                 value, option->unit);
        return;
    case TEXT:
    case SECRET:
        snprintf(out, size, "%s is longer than %d bytes.", place,
                 LIPD_TEXT_MAX - 1);
        return;
    default:
        snprintf(out, size,
                 "%s is \"%.80s\"; it must be a %snumber from %.15g to %.15g "
                 "(%s%s).",
                 place, value,
                 option->type == COUNT || option->type == BYTES ? "whole " : "",
                 option->least, option->most, option->unit,
                 option->type == BYTES ? "; K, M, G and T multiply by 1024"
                                       : "");
    }
}

static bool set_option(struct lipd_config *config, const struct option *option,
                       const char *place, const char *value, char *out,
                       size_t size)
{
    if (store(config, option, value))
        return true;
    complain(option, place, value, out, size);
    return false;
}

bool lipd_config_set(struct lipd_config *config, const char *name,
                     const char *value, char *complaint, size_t complaint_size)
{
    const struct option *option = find(name, strlen(name));
    if (option)
        return set_option(config, option, name, value, complaint,
                          complaint_size);
    snprintf(complaint, complaint_size, "There is no option %.80s.", name);
    return false;
}

/* Unknown LIPSCHITZD_ names are left alone: the surroundings may set their own
 * (see the table). */
static bool read_environment(struct lipd_config *config,
                             char *const *environment, char *out, size_t size)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char name[64] = PREFIX;
        spell(name + strlen(PREFIX), options[i].name, '_', true);
        size_t length = strlen(name);
        for (char *const *e = environment; e && *e; e++)
            if (!strncmp(*e, name, length) && (*e)[length] == '=' &&
                !set_option(config, &options[i], name, *e + length + 1, out,
                            size))
                return false;
    }
    return true;
}

static enum lipd_command command_of(const char *argument)
{
    static const struct {
        const char *name;
        enum lipd_command command;
    } commands[] = {{"--help", LIPD_HELP},
                    {"-h", LIPD_HELP},
                    {"--version", LIPD_VERSION},
                    {"--print-config", LIPD_PRINT_CONFIG},
                    {"--probe", LIPD_PROBE}};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (!strcmp(argument, commands[i].name))
            return commands[i].command;
    return LIPD_SERVE;
}

/* Reads the flag at argv[*i] and moves past it. */
static bool read_flag(struct lipd_config *config, char *const *argv, int argc,
                      int *i, char *out, size_t size)
{
    const char *argument = argv[*i];
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    const struct option *option = NULL;
    if (length > 2 && !strncmp(argument, "--", 2))
        option = find(argument + 2, length - 2);
    if (!option) {
        snprintf(out, size, "There is no option %.80s; --help lists them.",
                 argument);
        return false;
    }
    char name[64] = "--";
    spell(name + 2, option->name, '-', false);
    if (!equals && *i + 1 >= argc) {
        snprintf(out, size, "%s needs a value (%s).", name, option->unit);
        return false;
    }
    return set_option(config, option, name, equals ? equals + 1 : argv[++*i],
                      out, size);
}

enum lipd_command lipd_config_read(struct lipd_config *config, int argc,
                                   char *const *argv, char *const *environment,
                                   char *complaint, size_t complaint_size)
{
    enum lipd_command command = LIPD_SERVE;
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (!set_option(config, &options[i], options[i].name,
                        options[i].fallback, complaint, complaint_size))
            return LIPD_BAD_USAGE;
    if (!read_environment(config, environment, complaint, complaint_size))
        return LIPD_BAD_USAGE;
    bool worker = argc > 1 && !strcmp(argv[1], "worker");
    if (worker)
        snprintf(config->role, sizeof config->role, "work");
    for (int i = 1 + worker; i < argc; i++) {
        enum lipd_command asked = command_of(argv[i]);
        if (asked != LIPD_SERVE)
            command = asked;
        else if (!read_flag(config, argv, argc, &i, complaint, complaint_size))
            return LIPD_BAD_USAGE;
    }
    return command;
}

/* Prints prose in lines of at most 72 characters after an indent of 8. */
static void print_prose(FILE *out, const char *prose)
{
    while (*prose) {
        size_t length = strlen(prose), cut = length;
        if (length > 70)
            for (cut = 70; cut > 0 && prose[cut] != ' '; cut--)
                ;
        cut = cut ? cut : length;
        fprintf(out, "        %.*s\n", (int)cut, prose);
        prose += cut;
        prose += *prose == ' ';
    }
}

void lipd_config_help(FILE *out)
{
    fputs("lipschitzd: proven Lipschitz bounds of neural networks over HTTP\n"
          "\n"
          "usage: lipschitzd [worker] [--OPTION VALUE]...\n"
          "\n"
          "  worker          run the jobs of --store, serve only "
          "--metrics-listen\n"
          "  --help          this text\n"
          "  --version       the version\n"
          "  --print-config  the configuration that results, as environment\n"
          "  --probe         ask the daemon at --listen, or the worker that "
          "has this\n"
          "                  --data-dir, for its health: exit 0 or 1\n"
          "  --token NAME [SCOPES [LIMIT...]]\n"
          "                  make a token: it goes to standard error, its line "
          "for --tokens\n"
          "                  to standard output\n"
          "\n"
          "Every option may stand in the environment too, as LIPSCHITZD_ and\n"
          "its name in capitals; the flag wins.\n",
          out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        char flag[64];
        spell(flag, o->name, '-', false);
        fprintf(out, "\n  --%s %s", flag, o->unit);
        fprintf(out, *o->fallback ? "  (default %s)\n" : "\n", o->fallback);
        print_prose(out, o->prose);
    }
}

/* A URL with "***" in the place of its password, wherever it stands: behind
 * the user, or as a parameter, of which all that follows is left out. One that
 * was not escaped as it should have been may have any character in it. */
static void print_masked(FILE *out, const char *url)
{
    const char *user = strstr(url, "://");
    const char *host = user ? memrchr(user, '@', strcspn(user, "?")) : NULL;
    if (user && !host)
        host = strrchr(user, '@');
    const char *colon = host ? strchr(user + 3, ':') : NULL;
    if (colon && colon < host) {
        fprintf(out, "%.*s***", (int)(colon + 1 - url), url);
        url = host;
    }
    const char *named = strstr(url, "password");
    if (named)
        fprintf(out, "%.*spassword=***\n", (int)(named - url), url);
    else
        fprintf(out, "%s\n", url);
}

void lipd_config_print(FILE *out, const struct lipd_config *config)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *o = &options[i];
        const void *member = (const char *)config + o->offset;
        char name[64];
        spell(name, o->name, '_', true);
        fprintf(out, PREFIX "%s=", name);
        if (o->type == SECRET)
            print_masked(out, member);
        else if (o->type == TEXT || o->type == CHOICE)
            fprintf(out, "%s\n", (const char *)member);
        else if (o->type == COUNT || o->type == BYTES)
            fprintf(out, "%zu\n", *(const size_t *)member);
        else
            fprintf(out, "%.17g\n", *(const double *)member);
    }
}
