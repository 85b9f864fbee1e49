/* SPDX-License-Identifier: MIT
 *
 * Sentences about certificates. */
#include "server/tls_start.h"

#include "server/log.h"
#include "server/tls.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

void lipd_hide_memory(const struct lipd_config *config)
{
#ifndef __SANITIZE_ADDRESS__ /* whose search for leaks is a debugger */
    if (*config->tls_key || *config->store)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
    (void)config;
}

static void tell(struct lipd_tls *tls, const struct lipd_config *config)
{
    const double soon = 14 * 86400;
    char date[32] = "";
    struct tm parts;
    time_t expiry = (time_t)lipd_tls_expiry(tls);
    double left = difftime(expiry, time(NULL));
    if (gmtime_r(&expiry, &parts))
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
    lipd_log(left < soon ? LIPD_WARNING : LIPD_INFO, "tls",
             "The certificate %s %s.", left < 0 ? "ended at" : "ends at", date);
    if (lipd_tls_key_is_open(tls))
        lipd_log(LIPD_WARNING, "tls",
                 "Everybody on this machine may read %s; chmod o-r it.",
                 config->tls_key);
}

bool lipd_tls_start(struct lipd_tls **out, const struct lipd_config *config,
                    char *complaint, size_t complaint_size)
{
    const char *certificate = config->tls_certificate, *key = config->tls_key;
    *out = NULL;
    if (!*certificate && !*key)
        return true;
    if (!*certificate || !*key) {
        snprintf(complaint, complaint_size,
                 "--tls-certificate and --tls-key go together; give both, or "
                 "neither.");
        return false;
    }
    *out = lipd_tls_open(certificate, key, complaint, complaint_size);
    if (*out)
        tell(*out, config);
    return *out;
}

void lipd_tls_again(struct lipd_tls *tls, const struct lipd_config *config)
{
    char complaint[512] = "";
    if (!tls)
        return;
    if (lipd_tls_reload(tls, complaint, sizeof complaint)) {
        lipd_log(LIPD_INFO, "tls",
                 "The certificate and its key were read again.");
        tell(tls, config);
    } else {
        lipd_log(LIPD_ERROR, "tls", "%s The certificate before stays.",
                 complaint);
    }
}
