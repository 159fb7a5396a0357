/* cass_stmt.c - a cache under one lock; preparing happens outside of it. */
#include "store/cassandra/cass_stmt.h"

#include "base/err.h"
#include "base/map.h"
#include "wire/cql/cqlframe.h"
#include "wire/cql/cqlreply.h"

#include <pthread.h>

struct cass_stmts {
    struct cass_cluster *cluster;
    pthread_mutex_t lock;
    struct map by_text, by_id; /* the cache holds one reference each */
};

static void drop(struct cass_stmt *stmt) {
    if (--stmt->refs == 0) base_free(stmt);
}

/* Under the lock. */
static void clear(struct cass_stmts *stmts, bool all) {
    struct arena arena = ARENA_INIT;
    struct str *gone = arena_array(&arena, struct str, stmts->by_text.cnt + 1);
    size_t at = 0, cnt = 0;
    struct str key;
    void *value;
    while (map_next(&stmts->by_text, &at, &key, &value))
        if (all || ((struct cass_stmt *)value)->refs == 1) gone[cnt++] = arena_str(&arena, key);
    for (size_t i = 0; i < cnt; i++) {
        struct cass_stmt *stmt = map_del(&stmts->by_text, gone[i]);
        if (map_get(&stmts->by_id, stmt->id.id) == stmt) (void)map_del(&stmts->by_id, stmt->id.id);
        drop(stmt);
    }
    arena_fini(&arena);
}

/* The cluster's thread: what to prepare again. */
static bool text_of(void *self, struct str id, struct buf *out) {
    struct cass_stmts *stmts = self;
    CHECK(pthread_mutex_lock(&stmts->lock) == 0);
    const struct cass_stmt *stmt = map_get(&stmts->by_id, id);
    if (stmt) buf_puts(out, stmt->text);
    CHECK(pthread_mutex_unlock(&stmts->lock) == 0);
    return stmt != NULL;
}

struct cass_stmts *cass_stmt_open(struct cass_cluster *cluster) {
    struct cass_stmts *stmts = base_calloc(1, sizeof *stmts);
    stmts->cluster = cluster;
    CHECK(pthread_mutex_init(&stmts->lock, NULL) == 0);
    map_init(&stmts->by_text);
    map_init(&stmts->by_id);
    cass_cluster_on_forgotten(cluster, stmts, text_of);
    return stmts;
}

void cass_stmt_close(struct cass_stmts *stmts) {
    if (!stmts) return;
    clear(stmts, true);
    map_fini(&stmts->by_text);
    map_fini(&stmts->by_id);
    pthread_mutex_destroy(&stmts->lock);
    base_free(stmts);
}

struct preparing {
    struct str text;
    struct cass_stmt *stmt;
};

static int take(struct cass_call *call, const struct cass_answer *answer) {
    struct preparing *preparing = call->arg;
    struct arena arena = ARENA_INIT;
    struct cqlreply_result result;
    int err = cqlreply_result(answer->body, answer->version, &arena, &result);
    if (!err && result.kind != CQLREPLY_PREPARED)
        err = err_fail(ERR_CORRUPT, "a server answered a PREPARE with RESULT %d", result.kind);
    if (!err) {
        struct str text = preparing->text, id = result.prepared.id, meta = result.prepared.meta_id;
        struct cass_stmt *stmt = base_calloc(1, sizeof *stmt + text.len + id.len + meta.len);
        struct str parts[] = {text, id, meta};
        char *at = stmt->bytes;
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
            if (parts[i].len) memcpy(at, parts[i].ptr, parts[i].len);
            parts[i].ptr = at;
            at += parts[i].len;
        }
        stmt->text = parts[0];
        stmt->id = (struct cqlask_id){parts[1], parts[2]};
        preparing->stmt = stmt;
    }
    arena_fini(&arena);
    return err;
}

static int prepare(struct cass_stmts *stmts, struct str text, struct cass_stmt **out) {
    struct preparing preparing = {text, NULL};
    struct cass_call call = {.take = take, .arg = &preparing};
    struct cqlframe head = {.version = cass_cluster_version(stmts->cluster),
                            .opcode = CQLFRAME_PREPARE};
    struct buf frame;
    buf_init(&frame, CASS_STMT_TEXT_MAX);
    size_t pos = cqlframe_begin(&frame, &head);
    cqlask_prepare(&frame, head.version, text);
    cqlframe_end(&frame, pos, CQLFRAME_PLAIN);
    call.req.frame = buf_str(&frame);
    int err = frame.full ? err_fail(ERR_TOO_BIG, "a statement over %zu bytes", CASS_STMT_TEXT_MAX)
                         : cass_call_run(stmts->cluster, &call, 1, 0);
    buf_fini(&frame);
    *out = preparing.stmt;
    return err;
}

int cass_stmt_get(struct cass_stmts *stmts, struct str text, struct cass_stmt **out) {
    struct cass_stmt *stmt, *made = NULL;
    CHECK(pthread_mutex_lock(&stmts->lock) == 0);
    stmt = map_get(&stmts->by_text, text);
    if (stmt) stmt->refs++;
    CHECK(pthread_mutex_unlock(&stmts->lock) == 0);
    *out = stmt;
    if (stmt) return 0;
    int err = prepare(stmts, text, &made);
    if (err) return err;
    CHECK(pthread_mutex_lock(&stmts->lock) == 0);
    if (stmts->by_text.cnt >= CASS_STMT_MAX) clear(stmts, false);
    stmt = map_get(&stmts->by_text, text); /* another was quicker */
    if (stmt) {
        base_free(made);
    } else {
        stmt = made;
        stmt->refs = 1;
        (void)map_put(&stmts->by_text, stmt->text, stmt);
        (void)map_put(&stmts->by_id, stmt->id.id, stmt);
    }
    stmt->refs++;
    CHECK(pthread_mutex_unlock(&stmts->lock) == 0);
    *out = stmt;
    return 0;
}

void cass_stmt_put(struct cass_stmts *stmts, struct cass_stmt *stmt) {
    if (!stmt) return;
    CHECK(pthread_mutex_lock(&stmts->lock) == 0);
    drop(stmt);
    CHECK(pthread_mutex_unlock(&stmts->lock) == 0);
}
