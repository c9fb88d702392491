/* OpenSSL's secure heap, and an allocator that wipes for all the rest of OpenSSL: in 3.0 its
 * decoders free copies of a decrypted key as they are. Knows no kind of secret. */
#include "crypto/secret.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <openssl/crypto.h>

#define PIECE_BYTES_MIN 32
/* What CRYPTO_secure_malloc_init says; 2: done, but a page could not be locked. */
#define SECURE_HEAP_LOCKED 1

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool locked;

/* ---- what OpenSSL frees is wiped ---------------------------------------------------- */

static void *plain_malloc(size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(len);
}

static void wiping_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    if (memory == NULL)
        return;
    explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

/* realloc() would leave what it moved away from as it is. */
static void *wiping_realloc(void *memory, size_t len, const char *file, int line)
{
    size_t room = memory == NULL ? 0 : malloc_usable_size(memory);
    void *moved;

    if (len == 0) {
        wiping_free(memory, file, line);
        return NULL;
    }
    if (len <= room)
        return memory;
    moved = malloc(len);
    if (moved == NULL || memory == NULL)
        return moved;
    memcpy(moved, memory, room);
    wiping_free(memory, file, line);
    return moved;
}

/* ---- the process ---------------------------------------------------------------------- */

/* The limit in force is often below the one allowed. */
static void raise_lock_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_MEMLOCK, &limit);
    }
}

static void guard(void)
{
    /* Not RLIMIT_CORE: installers that an agent starts would inherit it, and a handler that
     * takes core dumps by a pipe does not ask it. This ends with exec. */
    if (getenv(TAMGA_DEBUGGABLE) == NULL)
        (void)prctl(PR_SET_DUMPABLE, 0);
    (void)CRYPTO_set_mem_functions(plain_malloc, wiping_realloc, wiping_free);
    raise_lock_limit();
    locked = CRYPTO_secure_malloc_init(TAMGA_SECRET_BYTES_MAX, PIECE_BYTES_MIN) ==
             SECURE_HEAP_LOCKED;
}

bool tamga_secret_guard(struct tamga_detail *why)
{
    struct rlimit limit = {0};

    pthread_once(&once, guard);
    if (locked)
        return true;
    (void)getrlimit(RLIMIT_MEMLOCK, &limit);
    snprintf(why->text, sizeof why->text,
             "memory for keys cannot be locked and may be swapped out: %u KiB are needed, "
             "allowed are %llu; raise the limit (ulimit -l, LimitMEMLOCK=)",
             TAMGA_SECRET_BYTES_MAX / 1024, (unsigned long long)limit.rlim_cur / 1024);
    return false;
}

/* ---- pieces ----------------------------------------------------------------------------- */

void *tamga_secret_new(size_t len)
{
    return OPENSSL_secure_zalloc(len);
}

void tamga_secret_free(void *secret, size_t len)
{
    OPENSSL_secure_clear_free(secret, len);
}

bool tamga_secret_is_guarded(const void *secret)
{
    return CRYPTO_secure_allocated(secret) == 1;
}
