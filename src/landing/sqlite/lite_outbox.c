/* lite_outbox.c - encoding and decoding outbox entries.
 *
 *   size     what
 *      1     version, 1; then each change, to the end:
 *      1     op, 'c' 'u' 'd' 'r'
 *   uvarint  table: length + 1 and that many bytes; 0: the same as before
 *   uvarint  key, before, after: each length + 1 and that many bytes; 0: null
 */
#include "landing/sqlite/lite_outbox.h"

#include "base/err.h"
#include "base/rbuf.h"
#include "wire/json/json.h"

#define VERSION 1
#define KEEP    (2 * MIB) /* memory that stays between transactions */

void lite_outbox_init(struct lite_outbox *outbox) {
    memset(outbox, 0, sizeof *outbox);
    buf_init(&outbox->body, LITE_OUTBOX_MAX);
}

void lite_outbox_fini(struct lite_outbox *outbox) {
    buf_fini(&outbox->body);
}

void lite_outbox_reset(struct lite_outbox *outbox) {
    if (outbox->body.cap > KEEP) buf_fini(&outbox->body);
    buf_reset(&outbox->body);
    outbox->cnt = 0;
    outbox->table = STR_NULL;
}

static void put(struct buf *out, struct str text) {
    if (!text.ptr) {
        buf_uvarint(out, 0);
        return;
    }
    buf_uvarint(out, text.len + 1);
    buf_puts(out, text);
}

void lite_outbox_add(struct lite_outbox *outbox, const struct change *change) {
    struct buf *out = &outbox->body;
    if (!out->len) buf_i8(out, VERSION);
    buf_i8(out, (int8_t)change->op);
    bool same = outbox->table.ptr && str_eq(outbox->table, change->table);
    put(out, same ? STR_NULL : change->table);
    put(out, change->key);
    put(out, change->before);
    put(out, change->after);
    outbox->table = change->table;
    outbox->cnt++;
}

static struct str get(struct rbuf *in) {
    uint64_t len = rbuf_uvarint(in);
    if (!len) return STR_NULL;
    if (len - 1 > rbuf_left(in)) {
        rbuf_fail(in);
        return STR_NULL;
    }
    struct str text = rbuf_bytes(in, (size_t)len - 1);
    return text.ptr ? text : STR("");
}

static bool op_valid(char op) {
    return op == CHANGE_CREATE || op == CHANGE_UPDATE || op == CHANGE_DELETE || op == CHANGE_READ;
}

int lite_outbox_decode(struct str body, struct arena *arena, struct change **out, size_t *cnt) {
    struct rbuf in = rbuf_of_str(body);
    int version = rbuf_i8(&in);
    if (version != VERSION)
        return err_fail(ERR_UNSUPPORTED, "outbox entry of version %d, this program reads %d",
                        version, VERSION);
    size_t cap = 0;
    struct rbuf probe = in;
    for (; rbuf_left(&probe) && !probe.bad; cap++) {
        rbuf_i8(&probe);
        for (int i = 0; i < 4; i++) get(&probe);
    }
    if (probe.bad) return err_fail(ERR_CORRUPT, "outbox entry cut short");
    struct change *change = arena_array(arena, struct change, cap);
    struct str table = STR_NULL;
    for (size_t i = 0; i < cap; i++) {
        char op = (char)rbuf_i8(&in);
        struct str name = get(&in);
        if (name.ptr) table = name;
        change[i].op = (enum change_op)op;
        change[i].table = table;
        change[i].key = get(&in);
        change[i].before = get(&in);
        change[i].after = get(&in);
        if (!op_valid(op) || !table.ptr) return err_fail(ERR_CORRUPT, "outbox entry: nonsense");
    }
    *out = change;
    *cnt = cap;
    return 0;
}

/* ---- entries that triggers wrote ---- */

struct entry {
    struct str table, op, old_key, key, before, after;
};

static void read_entry(struct json *in, struct arena *arena, struct entry *entry) {
    struct str name;
    struct json_value value;
    json_object(in);
    while (json_member(in, &name)) {
        if (!json_value(in, &value)) break;
        if (str_eqz(name, "t")) entry->table = json_text(&value, arena);
        else if (str_eqz(name, "op")) entry->op = json_text(&value, arena);
        else if (str_eqz(name, "o")) entry->old_key = value.raw;
        else if (str_eqz(name, "k")) entry->key = value.raw;
        else if (str_eqz(name, "b")) entry->before = value.raw;
        else if (str_eqz(name, "a")) entry->after = value.raw;
    }
    json_close(in);
}

struct str lite_outbox_key(struct str list, struct arena *arena) {
    struct json in;
    struct json_value value = {0};
    size_t cnt = 0;
    json_open(&in, list, 0);
    json_array(&in);
    while (json_item(&in) && json_value(&in, &value)) cnt++;
    if (!cnt || json_err(&in)) return STR_NULL;
    return cnt == 1 ? json_text(&value, arena) : list;
}

int lite_outbox_decode_json(struct str body, struct arena *arena, struct change **out,
                            size_t *cnt) {
    struct entry entry = {0};
    struct json in;
    json_open(&in, body, 0);
    read_entry(&in, arena, &entry);
    int err = json_err(&in);
    if (err) return err_add(err, "outbox entry of a trigger");
    if (!entry.table.ptr || entry.op.len != 1 || !op_valid(entry.op.ptr[0]))
        return err_fail(ERR_CORRUPT, "outbox entry of a trigger: no table or operation");
    struct change *change = arena_array(arena, struct change, 2);
    struct str old_key = lite_outbox_key(entry.old_key, arena);
    change[0] = (struct change){.op = (enum change_op)entry.op.ptr[0], .table = entry.table,
                                .key = lite_outbox_key(entry.key, arena), .before = entry.before,
                                .after = entry.after};
    *out = change;
    *cnt = 1;
    bool moved = change[0].op == CHANGE_UPDATE && old_key.ptr && change[0].key.ptr &&
                 !str_eq(old_key, change[0].key);
    if (!moved) return 0;
    change[1] = change[0];
    change[1].op = CHANGE_CREATE;
    change[1].before = STR_NULL;
    change[0].op = CHANGE_DELETE;
    change[0].key = old_key;
    change[0].after = STR_NULL;
    *cnt = 2;
    return 0;
}
