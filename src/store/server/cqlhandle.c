/* cqlhandle.c - decodes a request, has it executed, encodes what came out. */
#include "store/server/cqlhandle.h"

#include "base/err.h"
#include "store/server/cqldesc.h"
#include "wire/cql/cqlanswer.h"
#include "wire/cql/cqlmsg.h"

#include <stdio.h>

/* What one request needs while it runs; `arena` is the worker's. */
struct run {
    struct cqlhandle_request *request;
    const struct cqlhandle_env *env;
    struct arena *arena;
    struct str body;
    struct buf rows;
    struct cqlexec_result result;
    uint16_t consistency;
    struct str unprepared; /* the id that nobody knows; ptr NULL: fine */
};

/* ---- answers ---- */

static struct cqlframe answer_head(const struct cqlframe *asked, uint8_t opcode) {
    uint8_t version = asked->version;
    if (version < CQLFRAME_VERSION_MIN || version > CQLFRAME_VERSION_MAX)
        version = CQLFRAME_VERSION_MAX;
    return (struct cqlframe){
        .version = version, .answer = true, .stream = asked->stream, .opcode = opcode};
}

void cqlhandle_error(struct buf *out, const struct cqlframe *asked, int32_t code,
                     struct str text) {
    struct cqlframe head = answer_head(asked, CQLFRAME_ERROR);
    struct cqlanswer_error error = {.code = code, .text = text};
    size_t pos = cqlframe_begin(out, &head);
    cqlanswer_error(out, &error);
    cqlframe_end(out, pos, CQLFRAME_PLAIN);
}

/* The head of a result; warnings stand before the body. */
static size_t begin_result(struct run *run) {
    struct cqlframe head = answer_head(&run->request->frame, CQLFRAME_RESULT);
    const struct cqlexec_result *result = &run->result;
    size_t cnt = MIN(result->warning_cnt, (size_t)UINT16_MAX);
    bool warn = cnt > 0 && head.version >= 4;
    if (warn) head.flags |= CQLFRAME_WARNING;
    size_t pos = cqlframe_begin(&run->request->answer, &head);
    if (warn) cqlanswer_strings(&run->request->answer, result->warning, cnt);
    return pos;
}

static const struct cqlanswer_col *cols_of(const struct cqlexec_col *col, size_t cnt,
                                           struct arena *arena) {
    struct cqlanswer_col *out = arena_array(arena, struct cqlanswer_col, cnt + 1);
    for (size_t i = 0; i < cnt; i++)
        out[i] = (struct cqlanswer_col){col[i].keyspace, col[i].table, col[i].name, col[i].type};
    return out;
}

static void answer_rows(struct run *run, bool skip) {
    const struct cqlexec_result *result = &run->result;
    struct cqlanswer_rows rows = {
        .col = skip ? NULL : cols_of(result->col, result->col_cnt, run->arena),
        .col_cnt = result->col_cnt,
        .skip = skip,
        .paging_state = result->paging_state,
        .row_cnt = (int32_t)result->row_cnt,
    };
    struct buf *out = &run->request->answer;
    cqlanswer_rows(out, &rows, run->request->frame.version);
    buf_puts(out, buf_str(&run->rows));
}

static int answer_result(struct run *run, bool skip) {
    const struct cqlexec_result *result = &run->result;
    struct buf *out = &run->request->answer;
    if (run->rows.full || result->row_cnt > INT32_MAX)
        return err_fail(ERR_TOO_BIG, "the result is over %zu bytes: ask for it in pages",
                        run->rows.max);
    size_t pos = begin_result(run);
    switch (result->kind) {
    case CQLEXEC_VOID: cqlanswer_void(out); break;
    case CQLEXEC_ROWS: answer_rows(run, skip); break;
    case CQLEXEC_SET_KEYSPACE:
        cqlanswer_set_keyspace(out, result->keyspace);
        run->request->keyspace_set = true;
        break;
    case CQLEXEC_SCHEMA_CHANGE: {
        struct cqlanswer_change change = {result->change, result->target, result->keyspace,
                                          result->name};
        cqlanswer_schema_change(out, &change);
        run->request->schema_changed = true;
        break;
    }
    }
    cqlframe_end(out, pos, run->request->zip);
    return 0;
}

static void answer_error(struct run *run, int err, bool protocol) {
    struct buf *out = &run->request->answer;
    struct cqlframe head = answer_head(&run->request->frame, CQLFRAME_ERROR);
    const struct cqlexec_error *error = &run->result.error;
    struct cqlanswer_error answer = {
        .code = error->code ? error->code : err_cql(err),
        .text = str_of(err_note()),
        .keyspace = error->keyspace,
        .table = error->table,
        .consistency = run->consistency,
    };
    if (protocol && err != ERR_INVAL) answer.code = CQLANSWER_PROTOCOL;
    if (run->unprepared.ptr) {
        answer.code = CQLANSWER_UNPREPARED;
        answer.id = run->unprepared;
    }
    buf_reset(out);
    size_t pos = cqlframe_begin(out, &head);
    cqlanswer_error(out, &answer);
    cqlframe_end(out, pos, run->request->zip);
    run->request->failed = true;
}

/* ---- requests ---- */

static int find_prepared(struct run *run, struct str id, struct cqlexec_prepared **out) {
    *out = cqlcache_get(run->env->cache, id);
    if (*out) return 0;
    char hex[2 * 16 + 1] = "";
    for (size_t i = 0; i < MIN(id.len, (size_t)16); i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)id.ptr[i]);
    run->unprepared = id;
    return err_fail(ERR_NOT_FOUND, "Prepared query with ID %s not found: prepare it again", hex);
}

static void from_params(struct cqlexec_request *out, const struct cqlmsg_params *params) {
    out->value = params->value;
    out->name = params->name;
    out->value_cnt = params->value_cnt;
    out->page_size = params->page_size;
    out->paging_state = params->paging_state;
    out->ts_us = params->ts_us;
}

static int run_query(struct run *run, const struct cqlmsg_how *how) {
    struct cqlmsg_query query;
    struct cqlexec_request request = {.prepared = NULL};
    int err = cqlmsg_query(run->body, how, &query);
    if (err) {
        answer_error(run, err, true);
        return 0;
    }
    run->consistency = query.params.consistency;
    request.text = query.text;
    from_params(&request, &query.params);
    struct cqlexec_session *session = &run->request->session;
    if (cqldesc_is(query.text))
        err = cqldesc_run(run->env->store, session, query.text, run->arena, &run->rows,
                          &run->result);
    else
        err = cqlexec_run(run->env->exec, session, &request, run->arena, &run->rows,
                          &run->result);
    return err ? err : answer_result(run, query.params.flags & CQLMSG_SKIP_METADATA);
}

/* A client that has the columns from PREPARE may ask to be spared them; it gets them all the same
 * where they are others by now, or depend on the outcome. */
static bool may_skip(const struct run *run, const struct cqlexec_prepared *prepared,
                     uint8_t flags) {
    if (!(flags & CQLMSG_SKIP_METADATA) || prepared->conditional) return false;
    if (prepared->col_cnt != run->result.col_cnt) return false;
    return memcmp(prepared->meta_id, run->result.meta_id, sizeof prepared->meta_id) == 0;
}

static int run_execute(struct run *run, const struct cqlmsg_how *how) {
    struct cqlmsg_execute execute;
    struct cqlexec_request request = {.prepared = NULL};
    int err = cqlmsg_execute(run->body, how, &execute);
    if (err) {
        answer_error(run, err, true);
        return 0;
    }
    run->consistency = execute.params.consistency;
    err = find_prepared(run, execute.id, &request.prepared);
    if (err) return err;
    from_params(&request, &execute.params);
    err = cqlexec_run(run->env->exec, &run->request->session, &request, run->arena, &run->rows,
                      &run->result);
    if (!err) err = answer_result(run, may_skip(run, request.prepared, execute.params.flags));
    cqlexec_release(request.prepared);
    return err;
}

static int run_prepare(struct run *run) {
    struct str text;
    struct cqlexec_prepared *prepared;
    int err = cqlmsg_prepare(run->body, &text);
    if (err) {
        answer_error(run, err, true);
        return 0;
    }
    err = cqlexec_prepare(run->env->exec, str_of(run->request->session.keyspace), text, &prepared);
    if (err) return err;
    cqlcache_put(run->env->cache, prepared);
    struct cqlanswer_prepared answer = {
        .id = {(const char *)prepared->id, sizeof prepared->id},
        .bind = cols_of(prepared->bind, prepared->bind_cnt, run->arena),
        .bind_cnt = prepared->bind_cnt,
        .pkey = prepared->pkey,
        .pkey_cnt = prepared->pkey_cnt,
        .col = cols_of(prepared->col, prepared->col_cnt, run->arena),
        .col_cnt = prepared->conditional ? 0 : prepared->col_cnt,
    };
    struct buf *out = &run->request->answer;
    size_t pos = begin_result(run);
    cqlanswer_prepared(out, &answer, run->request->frame.version);
    cqlframe_end(out, pos, run->request->zip);
    cqlexec_release(prepared);
    return 0;
}

static int run_items(struct run *run, const struct cqlmsg_batch *message,
                     struct cqlexec_request *item) {
    static const enum cqlexec_batch_kind kind[] = {
        [CQLMSG_LOGGED] = CQLEXEC_LOGGED,
        [CQLMSG_UNLOGGED] = CQLEXEC_UNLOGGED,
        [CQLMSG_COUNTER] = CQLEXEC_COUNTER,
    };
    for (size_t i = 0; i < message->item_cnt; i++) {
        const struct cqlmsg_item *from = &message->item[i];
        item[i].text = from->text;
        item[i].value = from->value;
        item[i].value_cnt = from->value_cnt;
        item[i].ts_us = CQLEXEC_TS_NONE;
        if (!from->id.ptr) continue;
        int err = find_prepared(run, from->id, &item[i].prepared);
        if (err) return err;
    }
    struct cqlexec_batch batch = {kind[message->kind], item, message->item_cnt, message->ts_us};
    return cqlexec_run_batch(run->env->exec, &run->request->session, &batch, run->arena,
                             &run->rows, &run->result);
}

static int run_batch(struct run *run, const struct cqlmsg_how *how) {
    struct cqlmsg_batch message;
    int err = cqlmsg_batch(run->body, how, &message);
    if (err) {
        answer_error(run, err, true);
        return 0;
    }
    run->consistency = message.consistency;
    struct cqlexec_request *item =
        arena_array(run->arena, struct cqlexec_request, message.item_cnt + 1);
    err = run_items(run, &message, item);
    if (!err) err = answer_result(run, false);
    for (size_t i = 0; i < message.item_cnt; i++) cqlexec_release(item[i].prepared);
    return err;
}

/* The body as the message's decoder wants it: decompressed, without the custom payload. */
static int open_body(struct run *run) {
    const struct cqlframe *frame = &run->request->frame;
    run->body = frame->body;
    int err = 0;
    if (frame->flags & CQLFRAME_COMPRESSED)
        err = cqlframe_unzip(run->request->zip, frame->body, run->env->body_max, run->arena,
                             &run->body);
    if (!err && frame->flags & CQLFRAME_PAYLOAD) err = cqlmsg_payload(&run->body);
    return err;
}

void cqlhandle_run(struct cqlhandle_request *request, struct arena *scratch) {
    struct run run = {.request = request, .env = request->env, .arena = scratch};
    struct cqlmsg_how how = {request->frame.version, cqlexec_unset, scratch};
    buf_init(&request->answer, request->env->answer_max + 64 * KIB);
    buf_init(&run.rows, request->env->answer_max);
    int err = open_body(&run);
    if (err) {
        answer_error(&run, err, true);
        goto out;
    }
    switch (request->frame.opcode) {
    case CQLFRAME_QUERY: err = run_query(&run, &how); break;
    case CQLFRAME_PREPARE: err = run_prepare(&run); break;
    case CQLFRAME_EXECUTE: err = run_execute(&run, &how); break;
    case CQLFRAME_BATCH: err = run_batch(&run, &how); break;
    default: NEVER();
    }
    if (!err && request->answer.full)
        err = err_fail(ERR_TOO_BIG, "the answer is over %zu bytes", request->answer.max);
    if (err) answer_error(&run, err, false);
out:
    buf_fini(&run.rows);
}
