/* pg_entry.c - rows into JSON, and rows into changes. */
#include "landing/postgres/pg_entry.h"

#include "base/diag.h"
#include "base/err.h"

#define NONE SIZE_MAX

void pg_entry_init(struct pg_entry *entry) {
    memset(entry, 0, sizeof *entry);
    buf_init(&entry->text, PG_ENTRY_MAX);
}

void pg_entry_fini(struct pg_entry *entry) {
    buf_fini(&entry->text);
    base_free(entry->change);
    entry->change = NULL;
}

void pg_entry_reset(struct pg_entry *entry) {
    if (entry->text.cap > 4 * PG_ENTRY_LEN) buf_fini(&entry->text);
    buf_reset(&entry->text);
    entry->cnt = 0;
    entry->idx = 0;
}

bool pg_entry_full(const struct pg_entry *entry) {
    return entry->idx >= PG_ENTRY_CHANGES || entry->text.len >= PG_ENTRY_LEN;
}

static struct str text_of(const struct pgoutput_value *value) {
    return value->kind == PGOUTPUT_TEXT ? value->bytes : STR_NULL;
}

/* What a row is put together from: its values, and the old row's where they were not sent. */
struct source {
    const struct pgoutput_row *row, *old; /* old NULL: there is none, or its key only */
    bool key_only;
};

static const struct pgoutput_value *value_at(const struct source *from, size_t i) {
    const struct pgoutput_value *value = &from->row->value[i];
    if (value->kind == PGOUTPUT_UNCHANGED && from->old) value = &from->old->value[i];
    return value;
}

static void put_row(struct buf *out, struct pg_relation *relation, const struct source *from) {
    char mark = '{';
    for (size_t i = 0; i < relation->col_cnt; i++) {
        const struct pg_relcol *col = &relation->col[i];
        if (!col->label.ptr || (from->key_only && !col->is_key)) continue;
        const struct pgoutput_value *value = value_at(from, i);
        if (value->kind == PGOUTPUT_UNCHANGED) {
            if (!relation->warned)
                diag_warn("capture", "table %.*s: a big value that an update did not touch is not "
                          "sent, its row is gone, and %.*s is left out of the change; ALTER TABLE "
                          "%.*s REPLICA IDENTITY FULL sends it", STR_ARG(relation->table),
                          STR_ARG(col->label), STR_ARG(relation->table));
            relation->warned = true;
            continue;
        }
        buf_putc(out, mark);
        mark = ',';
        buf_puts(out, col->label);
        pg_value_json(&col->type, text_of(value), out);
    }
    if (mark == '{') buf_putc(out, mark);
    buf_putc(out, '}');
}

/* A key of one column: its text, a string without its quotes. */
static void put_key_text(struct buf *out, const struct pg_type *type, struct str text) {
    size_t start = out->len;
    if (type->kind == PG_VALUE_TEXT && !type->is_array && text.ptr) {
        buf_puts(out, text);
        return;
    }
    pg_value_json(type, text, out);
    struct json_value value;
    struct str json = {out->ptr + start, out->len - start};
    if (out->full || json.ptr[0] != '"' || json_whole(json, &value)) return;
    struct arena arena = ARENA_INIT;
    struct str plain = arena_str(&arena, json_text(&value, &arena));
    out->len = start;
    buf_puts(out, plain);
    arena_fini(&arena);
}

static void put_key(struct buf *out, const struct pg_relation *relation,
                    const struct source *from) {
    if (relation->key_cnt == 1) {
        size_t at = relation->key[0];
        put_key_text(out, &relation->col[at].type, text_of(value_at(from, at)));
        return;
    }
    for (size_t i = 0; i < relation->key_cnt; i++) {
        size_t at = relation->key[i];
        buf_putc(out, i ? ',' : '[');
        pg_value_json(&relation->col[at].type, text_of(value_at(from, at)), out);
    }
    buf_putc(out, ']');
}

static struct pg_entry_change *push(struct pg_entry *entry, enum change_op op,
                                    const struct pg_relation *relation,
                                    const struct source *key) {
    if (entry->cnt == entry->cap) {
        entry->cap = MAX(entry->cap * 2, PG_ENTRY_CHANGES + 1);
        entry->change = base_realloc(entry->change, entry->cap * sizeof *entry->change);
    }
    struct pg_entry_change *change = &entry->change[entry->cnt++];
    *change = (struct pg_entry_change){.op = op, .table = relation->table, .key = NONE,
                                       .before = NONE, .after = NONE};
    change->idx = entry->idx++;
    if (!relation->key_cnt) return change;
    change->key = entry->text.len;
    put_key(&entry->text, relation, key);
    change->key_len = entry->text.len - change->key;
    return change;
}

static void put_before(struct pg_entry *entry, struct pg_entry_change *change,
                       struct pg_relation *relation, const struct source *from) {
    change->before = entry->text.len;
    put_row(&entry->text, relation, from);
    change->before_len = entry->text.len - change->before;
}

static void put_after(struct pg_entry *entry, struct pg_entry_change *change,
                      struct pg_relation *relation, const struct source *from) {
    change->after = entry->text.len;
    put_row(&entry->text, relation, from);
    change->after_len = entry->text.len - change->after;
}

static bool key_moved(const struct pg_relation *relation, const struct source *old,
                      const struct source *now) {
    for (size_t i = 0; i < relation->key_cnt; i++) {
        struct str a = text_of(value_at(old, relation->key[i]));
        struct str b = text_of(value_at(now, relation->key[i]));
        if (!a.ptr != !b.ptr || (a.ptr && !str_eq(a, b))) return true;
    }
    return false;
}

static void add_update(struct pg_entry *entry, struct pg_relation *relation,
                       const struct source *old, const struct source *now) {
    struct pg_entry_change *change;
    if (old->row && key_moved(relation, old, now)) {
        change = push(entry, CHANGE_DELETE, relation, old);
        put_before(entry, change, relation, old);
        change = push(entry, CHANGE_CREATE, relation, now);
        put_after(entry, change, relation, now);
        return;
    }
    size_t start = entry->text.len;
    change = push(entry, CHANGE_UPDATE, relation, now);
    if (old->row && !old->key_only) put_before(entry, change, relation, old);
    put_after(entry, change, relation, now);
    bool same = change->before != NONE && change->before_len == change->after_len &&
                !entry->text.full && !memcmp(entry->text.ptr + change->before,
                                             entry->text.ptr + change->after, change->after_len);
    if (!same) return;
    entry->cnt--; /* it changes nothing */
    entry->idx--;
    entry->text.len = start;
}

static int check(const struct pg_entry *entry, const struct pg_relation *relation) {
    if (!entry->text.full) return 0;
    return err_fail(ERR_TOO_BIG, "table %.*s: a change of a row is over %zu bytes",
                    STR_ARG(relation->table), PG_ENTRY_MAX);
}

int pg_entry_add(struct pg_entry *entry, struct pg_relation *relation,
                 const struct pgoutput *message) {
    const struct pgoutput_row *before = message->old.value ? &message->old : NULL;
    const struct pgoutput_row *after = message->now.value ? &message->now : NULL;
    if ((before && before->cnt != relation->col_cnt) || (after && after->cnt != relation->col_cnt))
        return err_fail(ERR_CORRUPT, "replication stream: a row of table %.*s has not its columns",
                        STR_ARG(relation->table));
    struct source old = {before, NULL, message->old_is_key};
    struct source now = {after, message->old_is_key ? NULL : before, false};
    struct pg_entry_change *change;
    if (message->kind == PGOUTPUT_INSERT) {
        change = push(entry, CHANGE_CREATE, relation, &now);
        put_after(entry, change, relation, &now);
    } else if (message->kind == PGOUTPUT_DELETE) {
        change = push(entry, CHANGE_DELETE, relation, &old);
        put_before(entry, change, relation, &old);
    } else {
        add_update(entry, relation, &old, &now);
    }
    return check(entry, relation);
}

int pg_entry_read(struct pg_entry *entry, const struct pg_relation *relation,
                  const struct pgoutput_row *row) {
    struct source from = {row, NULL, false};
    struct pg_entry_change *change = push(entry, CHANGE_READ, relation, &from);
    /* A copy leaves nothing out, so nothing is ever noted in the relation. */
    put_after(entry, change, (struct pg_relation *)(uintptr_t)relation, &from);
    return check(entry, relation);
}

static struct str part(const char *text, size_t start, size_t len) {
    return start == NONE ? STR_NULL : (struct str){text + start, len};
}

struct change *pg_entry_take(const struct pg_entry *entry, uint64_t seq, int64_t commit_us,
                             struct arena *arena) {
    struct change *out = arena_array(arena, struct change, entry->cnt);
    const char *text = arena_str(arena, buf_str(&entry->text)).ptr;
    struct str table = STR_NULL;
    for (size_t i = 0; i < entry->cnt; i++) {
        const struct pg_entry_change *change = &entry->change[i];
        if (!i || change->table.ptr != change[-1].table.ptr)
            table = arena_str(arena, change->table);
        out[i] = (struct change){
            .op = change->op,
            .seq = seq,
            .idx = change->idx,
            .commit_us = commit_us,
            .table = table,
            .key = part(text, change->key, change->key_len),
            .before = part(text, change->before, change->before_len),
            .after = part(text, change->after, change->after_len),
        };
    }
    return out;
}
