/* rocksmerge.c - how RocksDB merges our rows and forgets what has expired.
 *
 * A full merge sees all there is of a row, so it may forget old tombstones; a partial one may not.
 * The compaction filter is not called for merge operands, but it is for the rows that full merges
 * have left: there it drops what has expired since. A row with nothing in it is removed. */
#include "base/err.h"
#include "store/embedded/rocks.h"
#include "store/packrow.h"
#include "store/storekey.h"

static int64_t now_s(void *env) {
    return env_now_us(env) / 1000000;
}

static void leave(void *state) {
    (void)state;
}

static const char *operator_name(void *state) {
    (void)state;
    return "sluice.row";
}

static const char *filter_name(void *state) {
    (void)state;
    return "sluice.expiry";
}

static void free_value(void *state, const char *value, size_t len) {
    (void)state;
    (void)len;
    base_free((void *)(uintptr_t)value);
}

struct operands {
    const char *const *ptr;
    const size_t *len;
    size_t cnt;
};

/* Folds `first` (ptr NULL: none) and the operands. What it returns the caller frees; NULL: damage,
 * which RocksDB reports as such. */
static char *fold(void *env, struct str first, struct operands op, bool whole, size_t *len) {
    struct buf a, b; /* the result so far is in `a` when it is not one of the inputs */
    int64_t now = now_s(env);
    size_t i = 0;
    int err = 0;
    buf_init(&a, PACKROW_LEN_MAX);
    buf_init(&b, PACKROW_LEN_MAX);
    struct str acc = first;
    if (!acc.ptr && op.cnt) {
        acc = (struct str){op.ptr[0], op.len[0]};
        i = 1;
    }
    if (i == op.cnt) buf_puts(&a, acc); /* alone: there is nothing to decide */
    for (; i < op.cnt && !err; i++) {
        buf_reset(&b);
        err = packrow_merge(acc, (struct str){op.ptr[i], op.len[i]}, now, whole, &b);
        struct buf swap = a;
        a = b;
        b = swap;
        acc = buf_str(&a);
    }
    buf_fini(&b);
    if (err || a.full) {
        buf_fini(&a);
        return NULL;
    }
    *len = a.len;
    return a.ptr;
}

/* The parameters that RocksDB's C interface gives its callbacks. */
#define FULL_MERGE                                                                              \
    void *env, const char *key, size_t key_len, const char *first, size_t first_len,            \
        const char *const *op, const size_t *op_len, int cnt, unsigned char *success, size_t *len
#define PARTIAL_MERGE                                                                           \
    void *env, const char *key, size_t key_len, const char *const *op, const size_t *op_len,    \
        int cnt, unsigned char *success, size_t *len
#define FILTER                                                                                  \
    void *env, int level, const char *key, size_t key_len, const char *value, size_t len,       \
        char **new_value, size_t *new_len, unsigned char *changed

static char *full_merge(FULL_MERGE) {
    (void)key;
    (void)key_len;
    char *value = fold(env, (struct str){first, first_len},
                       (struct operands){op, op_len, (size_t)cnt}, true, len);
    *success = value != NULL;
    return value;
}

static char *partial_merge(PARTIAL_MERGE) {
    (void)key;
    (void)key_len;
    char *value = fold(env, STR_NULL, (struct operands){op, op_len, (size_t)cnt}, false, len);
    *success = value != NULL;
    return value;
}

rocksdb_mergeoperator_t *rocksmerge_operator(struct env *env) {
    return rocksdb_mergeoperator_create(env, leave, full_merge, partial_merge, free_value,
                                        operator_name);
}

/* ---- the filter ----------------------------------------------------------------------------- */

/* A new value must live until RocksDB has copied it, and is never freed by it: one a thread. */
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void scratch_free(void *ptr) {
    buf_fini(ptr);
    base_free(ptr);
}

static void scratch_make(void) {
    CHECK(pthread_key_create(&scratch_key, scratch_free) == 0);
}

static struct buf *scratch(void) {
    CHECK(pthread_once(&scratch_once, scratch_make) == 0);
    struct buf *buf = pthread_getspecific(scratch_key);
    if (!buf) {
        buf = base_alloc(sizeof *buf);
        buf_init(buf, PACKROW_LEN_MAX);
        CHECK(pthread_setspecific(scratch_key, buf) == 0);
    }
    buf_reset(buf);
    return buf;
}

static unsigned char filter(FILTER) {
    (void)level;
    struct storekey_parts parts;
    struct str bytes = {value, len};
    *changed = 0;
    if (packrow_empty(bytes)) return 1;
    if (storekey_split((struct str){key, key_len}, &parts)) return 0;
    if (parts.kind != STOREKEY_ROW && parts.kind != STOREKEY_STATIC) return 0;
    int64_t now = now_s(env);
    if (!packrow_stale(bytes, now)) return 0;
    struct buf *out = scratch();
    if (packrow_merge(bytes, (struct str){"", 1}, now, true, out)) return 0;
    if (packrow_empty(buf_str(out))) return 1;
    *new_value = out->ptr;
    *new_len = out->len;
    *changed = 1;
    return 0;
}

rocksdb_compactionfilter_t *rocksmerge_filter(struct env *env) {
    return rocksdb_compactionfilter_create(env, leave, filter, filter_name);
}
