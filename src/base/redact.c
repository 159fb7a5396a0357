/* redact.c - the list of secrets, and blotting them out.
 *
 * The list only grows and an entry never changes, so that readers need no lock: they look at the
 * first `cnt` entries. */
#include "base/redact.h"

#include "base/err.h"

#include <pthread.h>
#include <stdatomic.h>

#define BLOT "***"

static struct str secrets[REDACT_MAX];
static atomic_size_t cnt;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_known(struct str secret) {
    for (size_t i = 0; i < atomic_load(&cnt); i++)
        if (str_eq(secrets[i], secret)) return true;
    return false;
}

int redact_add(struct str secret) {
    int err = 0;
    if (secret.len < REDACT_LEN_MIN)
        return err_fail(ERR_INVAL, "a secret has %d bytes or more", REDACT_LEN_MIN);
    pthread_mutex_lock(&lock);
    size_t at = atomic_load(&cnt);
    if (!is_known(secret)) {
        if (at == REDACT_MAX) {
            err = err_fail(ERR_FULL, "more than %d secrets", REDACT_MAX);
        } else {
            char *copy = base_alloc(secret.len);
            memcpy(copy, secret.ptr, secret.len);
            secrets[at] = (struct str){copy, secret.len};
            atomic_store(&cnt, at + 1);
        }
    }
    pthread_mutex_unlock(&lock);
    return err;
}

/* The length of the longest secret that begins here; 0: none. */
static size_t secret_at(const char *ptr, size_t len, size_t known) {
    size_t longest = 0;
    for (size_t i = 0; i < known; i++) {
        struct str secret = secrets[i];
        if (secret.len <= longest || secret.len > len || *ptr != *secret.ptr) continue;
        if (!memcmp(ptr, secret.ptr, secret.len)) longest = secret.len;
    }
    return longest;
}

size_t redact_bytes(char *ptr, size_t len) {
    size_t known = atomic_load(&cnt), to = 0;
    if (!known) return len;
    for (size_t at = 0; at < len;) {
        size_t hit = secret_at(ptr + at, len - at, known);
        if (hit) {
            memcpy(ptr + to, BLOT, sizeof BLOT - 1);
            to += sizeof BLOT - 1;
            at += hit;
        } else {
            ptr[to++] = ptr[at++];
        }
    }
    return to;
}

void redact_text(char *text) {
    text[redact_bytes(text, strlen(text))] = 0;
}

void redact_buf(struct buf *buf) {
    if (buf->len) buf->len = redact_bytes(buf->ptr, buf->len);
}
