/* SPDX-License-Identifier: MIT
 *
 * HDF5, as Debian builds it, also reads from S3 and unpacks szip. Neither is
 * wanted in a sandbox: it is linked statically with these in the place of
 * libcurl, libcrypto and libsz. None of them is ever called. */
#include <stdlib.h>

#define NEVER(name)                                                            \
    void name(void);                                                           \
    void name(void)                                                            \
    {                                                                          \
        abort();                                                               \
    }

NEVER(curl_easy_cleanup)
NEVER(curl_easy_init)
NEVER(curl_easy_perform)
NEVER(curl_easy_setopt)
NEVER(curl_slist_append)
NEVER(curl_slist_free_all)
NEVER(EVP_sha256)
NEVER(HMAC)
NEVER(SHA256)
NEVER(SZ_BufftoBuffCompress)
NEVER(SZ_BufftoBuffDecompress)

/* These are, when the library starts and ends. */
int curl_global_init(long flags);
int curl_global_init(long flags)
{
    (void)flags;
    return 0;
}

void curl_global_cleanup(void);
void curl_global_cleanup(void)
{
}

int SZ_encoder_enabled(void);
int SZ_encoder_enabled(void)
{
    return 0;
}
