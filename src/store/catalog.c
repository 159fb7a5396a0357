/* catalog.c - the schema: keyspaces, tables, user types.
 *
 * Entries on disk, numbers big-endian, a text is length32 and bytes:
 *   "K" keyspace               1, replication text, durable_writes u8
 *   "T" keyspace 00 table      1, id 16, number u32, next column id u16, default ttl i32, comment,
 *                              version u64, columns u16 x (kind u8, pos u16, desc u8, id u16,
 *                              name, type text)
 *   "U" keyspace 00 type       1, fields u16 x (name, type text)
 *   "N"                        the next table number u32
 *
 * Invariants: (1) a table number and a column id are never given twice; (2) what is in memory is on
 * disk. An object lives in an arena of its own, replaced as a whole by a change. */
#include "store/catalog.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "base/rbuf.h"
#include "wire/cql/cqltype.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define ENTRY_MAX  (16 * MIB)
#define FORMAT     1
#define OBJECT_MAX 100000 /* tables, keyspaces and types together */
#define REPLICATION \
    "{\"class\": \"org.apache.cassandra.locator.SimpleStrategy\", \"replication_factor\": \"1\"}"

enum kind { KEYSPACE = 'K', TABLE = 'T', UDT = 'U' };

struct object {
    enum kind kind;
    struct arena arena;
    struct store_keyspace keyspace;
    struct store_table table;
    struct store_udt udt;
    uint16_t next_id;
    struct str raw; /* while loading: not understood yet */
};
struct catalog {
    struct catalog_conf conf;
    pthread_rwlock_t lock;
    struct map objects; /* entry key -> struct object */
    uint32_t next_number;
    _Atomic uint64_t version;
};

struct catalog *catalog_new(const struct catalog_conf *conf) {
    struct catalog *catalog = base_calloc(1, sizeof *catalog);
    catalog->conf = *conf;
    CHECK(pthread_rwlock_init(&catalog->lock, NULL) == 0);
    map_init(&catalog->objects);
    catalog->next_number = 1;
    atomic_store(&catalog->version, 1);
    return catalog;
}

static void object_free(struct object *object) {
    if (!object) return;
    arena_fini(&object->arena);
    base_free(object);
}

void catalog_free(struct catalog *catalog) {
    if (!catalog) return;
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&catalog->objects, &at, &key, &value))
        object_free(value);
    map_fini(&catalog->objects);
    pthread_rwlock_destroy(&catalog->lock);
    base_free(catalog);
}

uint64_t catalog_version(const struct catalog *catalog) {
    return atomic_load(&catalog->version);
}

static void read_lock(struct catalog *catalog) {
    CHECK(pthread_rwlock_rdlock(&catalog->lock) == 0);
}

static void write_lock(struct catalog *catalog) {
    CHECK(pthread_rwlock_wrlock(&catalog->lock) == 0);
}

static void unlock(struct catalog *catalog) {
    CHECK(pthread_rwlock_unlock(&catalog->lock) == 0);
}

/* ---- keys and entries ----------------------------------------------------------------------- */

static struct str key_of(struct arena *arena, enum kind kind, struct str keyspace,
                         struct str name) {
    if (kind == KEYSPACE) return arena_printf(arena, "K%.*s", STR_ARG(keyspace));
    struct str head = arena_printf(arena, "%c%.*s", (char)kind, STR_ARG(keyspace));
    char *key = arena_bytes(arena, head.len + 1 + name.len);
    memcpy(key, head.ptr, head.len);
    key[head.len] = 0;
    if (name.len) memcpy(key + head.len + 1, name.ptr, name.len);
    return (struct str){key, head.len + 1 + name.len};
}

static struct object *find(struct catalog *catalog, enum kind kind, struct str keyspace,
                           struct str name) {
    struct arena arena = ARENA_INIT;
    struct object *object = map_get(&catalog->objects, key_of(&arena, kind, keyspace, name));
    arena_fini(&arena);
    return object;
}

static void put_text(struct buf *out, struct str text) {
    buf_i32(out, (int32_t)text.len);
    buf_puts(out, text);
}

static struct str get_text(struct rbuf *in) {
    int32_t len = rbuf_i32(in);
    if (len < 0) rbuf_fail(in);
    return rbuf_bytes(in, in->bad ? 0 : (size_t)len);
}

static void put_type(struct buf *out, const struct cqltype *type) {
    size_t pos = out->len;
    buf_i32(out, 0);
    cqltype_format(type, out);
    if (!out->full) buf_set_i32(out, pos, (int32_t)(out->len - pos - 4));
}

static void encode_table(const struct object *object, struct buf *out) {
    const struct store_table *table = &object->table;
    buf_i8(out, FORMAT);
    buf_put(out, table->id.byte, sizeof table->id.byte);
    buf_i32(out, (int32_t)table->number);
    buf_i16(out, (int16_t)object->next_id);
    buf_i32(out, table->default_ttl_s);
    put_text(out, table->comment);
    buf_i64(out, (int64_t)table->version);
    buf_i16(out, (int16_t)table->col_cnt);
    for (size_t i = 0; i < table->col_cnt; i++) {
        const struct store_col *col = &table->col[i];
        buf_i8(out, (int8_t)col->kind);
        buf_i16(out, (int16_t)col->pos);
        buf_i8(out, col->desc);
        buf_i16(out, (int16_t)col->id);
        put_text(out, col->name);
        put_type(out, col->type);
    }
}

static void encode(const struct object *object, struct buf *out) {
    if (object->kind == TABLE) {
        encode_table(object, out);
    } else if (object->kind == KEYSPACE) {
        buf_i8(out, FORMAT);
        put_text(out, object->keyspace.replication);
        buf_i8(out, object->keyspace.durable_writes);
    } else {
        const struct cqltype *type = object->udt.type;
        buf_i8(out, FORMAT);
        buf_i16(out, (int16_t)type->arg_cnt);
        for (size_t i = 0; i < type->arg_cnt; i++) {
            put_text(out, type->field[i]);
            put_type(out, type->arg[i]);
        }
    }
}

/* ---- user types by name --------------------------------------------------------------------- */

struct scope {
    struct catalog *catalog;
    struct str keyspace;
};

static int scope_udt(void *self, struct str name, struct arena *arena,
                     const struct cqltype **out) {
    struct scope *scope = self;
    struct object *object = find(scope->catalog, UDT, scope->keyspace, name);
    if (!object || object->raw.ptr)
        return err_fail(ERR_NOT_FOUND, "Unknown type %.*s.%.*s", STR_ARG(scope->keyspace),
                        STR_ARG(name));
    *out = cqltype_copy(arena, object->udt.type);
    return 0;
}

/* ---- reading entries ------------------------------------------------------------------------ */

static int get_type(struct catalog *catalog, struct rbuf *in, struct object *object,
                    struct str keyspace, const struct cqltype **out) {
    struct scope scope = {catalog, keyspace};
    struct cqltype_scope seen = {&scope, scope_udt};
    return cqltype_parse(get_text(in), &seen, &object->arena, out);
}

static int decode_table(struct catalog *catalog, struct object *object, struct rbuf *in) {
    struct store_table *table = &object->table;
    struct str id = rbuf_bytes(in, sizeof table->id.byte);
    if (id.ptr && id.len) memcpy(table->id.byte, id.ptr, sizeof table->id.byte);
    table->number = rbuf_u32(in);
    object->next_id = rbuf_u16(in);
    table->default_ttl_s = rbuf_i32(in);
    table->comment = arena_str(&object->arena, get_text(in));
    table->version = rbuf_u64(in);
    uint16_t cnt = rbuf_u16(in);
    table->col_cnt = rbuf_count(in, cnt, 14);
    table->col = arena_array(&object->arena, struct store_col, table->col_cnt);
    for (size_t i = 0; i < table->col_cnt && !in->bad; i++) {
        struct store_col *col = &table->col[i];
        uint8_t kind = rbuf_u8(in);
        if (kind > STORE_REGULAR) rbuf_fail(in);
        col->kind = (enum store_kind)kind;
        col->pos = rbuf_u16(in);
        col->desc = rbuf_u8(in);
        col->id = rbuf_u16(in);
        col->name = arena_str(&object->arena, get_text(in));
        if (in->bad) break;
        int err = get_type(catalog, in, object, table->keyspace, &col->type);
        if (err) return err;
        table->pkey_cnt += col->kind == STORE_PKEY;
        table->ckey_cnt += col->kind == STORE_CKEY;
    }
    return 0;
}

static int decode_udt(struct catalog *catalog, struct object *object, struct rbuf *in) {
    uint16_t n = rbuf_u16(in);
    size_t cnt = rbuf_count(in, n, 8);
    struct cqltype *type = arena_new(&object->arena, struct cqltype);
    const struct cqltype **arg = arena_array(&object->arena, const struct cqltype *, cnt);
    struct str *field = arena_array(&object->arena, struct str, cnt);
    for (size_t i = 0; i < cnt && !in->bad; i++) {
        field[i] = arena_str(&object->arena, get_text(in));
        int err = get_type(catalog, in, object, object->udt.keyspace, &arg[i]);
        if (err) return err;
    }
    *type = (struct cqltype){.kind = CQL_UDT, .arg = arg, .field = field, .arg_cnt = (uint16_t)cnt,
                             .keyspace = object->udt.keyspace, .name = object->udt.name};
    object->udt.type = type;
    return 0;
}

static int decode(struct catalog *catalog, struct object *object) {
    struct rbuf in = rbuf_of_str(object->raw);
    int err = 0;
    if (rbuf_u8(&in) != FORMAT)
        return err_fail(ERR_UNSUPPORTED, "the schema was written by a newer version");
    if (object->kind == TABLE) {
        object->table.pkey_cnt = object->table.ckey_cnt = 0;
        err = decode_table(catalog, object, &in);
    } else if (object->kind == KEYSPACE) {
        object->keyspace.replication = arena_str(&object->arena, get_text(&in));
        object->keyspace.durable_writes = rbuf_u8(&in);
    } else {
        err = decode_udt(catalog, object, &in);
    }
    if (err) return err;
    if (in.bad) return err_fail(ERR_CORRUPT, "a schema entry in the store is cut short");
    object->raw = STR_NULL;
    return 0;
}

int catalog_load(struct catalog *catalog, struct str key, struct str value) {
    struct rbuf in = rbuf_of_str(value);
    if (str_eqz(key, "N")) {
        catalog->next_number = rbuf_u32(&in);
        return rbuf_done(&in) ? 0 : err_fail(ERR_CORRUPT, "the table number is damaged");
    }
    if (!key.len || !strchr("KTU", key.ptr[0])) return 0; /* not the catalog's */
    struct object *object = base_calloc(1, sizeof *object);
    struct str name, keyspace;
    object->kind = (enum kind)key.ptr[0];
    key = arena_str(&object->arena, key);
    keyspace = str_cut((struct str){key.ptr + 1, key.len - 1}, 0, &name);
    object->keyspace.name = object->table.keyspace = object->udt.keyspace = keyspace;
    object->table.name = object->udt.name = name;
    object->raw = arena_str(&object->arena, value);
    object_free(map_put(&catalog->objects, key, object));
    return 0;
}

/* Types may need other types, so what fails is tried again as long as anything gets better. */
int catalog_ready(struct catalog *catalog) {
    size_t left = SIZE_MAX, before;
    int err = 0;
    do {
        size_t at = 0;
        struct str key;
        void *value;
        before = left;
        left = 0;
        while (map_next(&catalog->objects, &at, &key, &value)) {
            struct object *object = value;
            if (!object->raw.ptr) continue;
            int one = decode(catalog, object);
            if (one) err = one;
            left += one != 0;
        }
    } while (left && left < before);
    return left ? err_add(err, "the store's schema cannot be read") : 0;
}

/* ---- changes -------------------------------------------------------------------------------- */

/* Writes `object` (given) and puts it in the place of what has its key. */
static int commit(struct catalog *catalog, struct object *object, struct str keyspace,
                  struct str name) {
    struct buf value;
    char number[4];
    struct str key = key_of(&object->arena, object->kind, keyspace, name);
    buf_init(&value, ENTRY_MAX);
    buf_i32(&value, (int32_t)catalog->next_number);
    memcpy(number, value.ptr, sizeof number);
    buf_reset(&value);
    encode(object, &value);
    int err = value.full ? err_fail(ERR_TOO_BIG, "a schema entry is over %zu bytes", ENTRY_MAX) : 0;
    if (catalog->objects.cnt >= OBJECT_MAX && !map_get(&catalog->objects, key))
        err = err_fail(ERR_TOO_BIG, "there are %d tables and types already", OBJECT_MAX);
    const struct catalog_entry entry[] = {{key, buf_str(&value)},
                                          {STR("N"), {number, sizeof number}}};
    if (!err) err = catalog->conf.write(catalog->conf.self, entry, ARRAY_LEN(entry));
    if (!err) {
        object_free(map_put(&catalog->objects, key, object));
        atomic_fetch_add(&catalog->version, 1);
    } else {
        object_free(object);
    }
    buf_fini(&value);
    return err;
}

static int check_name(struct str name) {
    if (name.len > 0 && name.len <= STORE_NAME_MAX && !memchr(name.ptr, 0, name.len)) return 0;
    return err_fail(ERR_INVAL, "\"%.*s\" is not a valid name: it must be 1 to %d bytes long",
                    STR_ARG(name), STORE_NAME_MAX);
}

static int no_keyspace(struct str name) {
    return err_fail(ERR_NOT_FOUND, "Keyspace '%.*s' doesn't exist", STR_ARG(name));
}

static int no_table(struct str keyspace, struct str name) {
    return err_fail(ERR_NOT_FOUND, "Table '%.*s.%.*s' doesn't exist", STR_ARG(keyspace),
                    STR_ARG(name));
}

static int keyspace_put(struct catalog *catalog, const struct store_keyspace *it, bool create) {
    int err = check_name(it->name);
    if (err) return err;
    write_lock(catalog);
    bool there = find(catalog, KEYSPACE, it->name, STR_NULL) != NULL;
    if (create && there)
        err = err_fail(ERR_EXISTS, "Cannot add existing keyspace \"%.*s\"", STR_ARG(it->name));
    else if (!create && !there)
        err = no_keyspace(it->name);
    if (!err) {
        struct object *object = base_calloc(1, sizeof *object);
        object->kind = KEYSPACE;
        object->keyspace.name = arena_str(&object->arena, it->name);
        struct str replication = it->replication.len ? it->replication : STR(REPLICATION);
        object->keyspace.replication = arena_str(&object->arena, replication);
        object->keyspace.durable_writes = it->durable_writes;
        err = commit(catalog, object, it->name, STR_NULL);
    }
    unlock(catalog);
    return err;
}

int catalog_keyspace_create(struct catalog *catalog, const struct store_keyspace *it) {
    return keyspace_put(catalog, it, true);
}

int catalog_keyspace_alter(struct catalog *catalog, const struct store_keyspace *it) {
    return keyspace_put(catalog, it, false);
}

static struct str keyspace_of(const struct object *object) {
    return object->kind == KEYSPACE ? object->keyspace.name
           : object->kind == TABLE  ? object->table.keyspace
                                    : object->udt.keyspace;
}

/* Forgets the entries, which are on disk no more. */
static void forget(struct catalog *catalog, const struct catalog_entry *entry, size_t cnt) {
    for (size_t i = 0; i < cnt; i++) {
        struct object *object = map_del(&catalog->objects, entry[i].key);
        if (object->kind == TABLE)
            (void)catalog->conf.drop(catalog->conf.self, object->table.number);
        object_free(object);
    }
    atomic_fetch_add(&catalog->version, 1);
}

int catalog_keyspace_drop(struct catalog *catalog, struct str name) {
    struct arena arena = ARENA_INIT;
    write_lock(catalog);
    struct catalog_entry *entry =
        arena_array(&arena, struct catalog_entry, catalog->objects.cnt + 1);
    size_t cnt = 0, at = 0;
    struct str key;
    void *value;
    int err = find(catalog, KEYSPACE, name, STR_NULL) ? 0 : no_keyspace(name);
    while (!err && map_next(&catalog->objects, &at, &key, &value))
        if (str_eq(keyspace_of(value), name)) entry[cnt++].key = arena_str(&arena, key);
    if (!err) err = catalog->conf.write(catalog->conf.self, entry, cnt);
    if (!err) forget(catalog, entry, cnt);
    unlock(catalog);
    arena_fini(&arena);
    return err;
}

/* ---- tables --------------------------------------------------------------------------------- */

static int rank(const struct store_col *col) {
    static const int ranks[] = {
        [STORE_PKEY] = 0, [STORE_CKEY] = 1, [STORE_STATIC] = 2, [STORE_REGULAR] = 3};
    return ranks[col->kind];
}

static int by_place(const void *a, const void *b) {
    const struct store_col *x = a, *y = b;
    if (rank(x) != rank(y)) return rank(x) - rank(y);
    return rank(x) < 2 ? x->pos - y->pos : str_cmp(x->name, y->name);
}

static int check_table(const struct store_table *table) {
    int err = check_name(table->name);
    if (err) return err;
    if (table->col_cnt > STORE_COL_MAX)
        return err_fail(ERR_TOO_BIG, "a table has at most %d columns", STORE_COL_MAX);
    size_t pkeys = 0;
    for (size_t i = 0; i < table->col_cnt; i++) {
        pkeys += table->col[i].kind == STORE_PKEY;
        if (!table->col[i].name.len || table->col[i].name.len > STORE_KEY_MAX)
            return err_fail(ERR_INVAL, "a column of table %.*s has no valid name",
                            STR_ARG(table->name));
        for (size_t k = 0; k < i; k++)
            if (str_eq(table->col[i].name, table->col[k].name))
                return err_fail(ERR_INVAL, "Duplicate column '%.*s' declaration for table '%.*s'",
                                STR_ARG(table->col[i].name), STR_ARG(table->name));
    }
    return pkeys ? 0 : err_fail(ERR_INVAL, "No PRIMARY KEY specifed for table '%.*s' (exactly one "
                                "required)", STR_ARG(table->name));
}

/* A copy with columns in their order and, where they are new, with ids. */
static struct object *table_object(const struct store_table *from, const struct object *old) {
    struct object *object = base_calloc(1, sizeof *object);
    struct store_table *table = &object->table;
    object->kind = TABLE;
    *table = *from;
    table->keyspace = arena_str(&object->arena, from->keyspace);
    table->name = arena_str(&object->arena, from->name);
    table->comment = arena_str(&object->arena, from->comment);
    table->col = arena_array(&object->arena, struct store_col, from->col_cnt);
    table->pkey_cnt = table->ckey_cnt = 0;
    object->next_id = old ? old->next_id : 0;
    for (size_t i = 0; i < from->col_cnt; i++) {
        struct store_col *col = &table->col[i];
        *col = from->col[i];
        col->name = arena_str(&object->arena, col->name);
        col->type = cqltype_copy(&object->arena, col->type);
        table->pkey_cnt += col->kind == STORE_PKEY;
        table->ckey_cnt += col->kind == STORE_CKEY;
        const struct store_col *was = NULL;
        for (size_t k = 0; old && k < old->table.col_cnt && !was; k++)
            if (str_eq(old->table.col[k].name, col->name)) was = &old->table.col[k];
        col->id = was && cqltype_eq(was->type, col->type) ? was->id : object->next_id++;
    }
    qsort(table->col, table->col_cnt, sizeof *table->col, by_place);
    return object;
}

int catalog_table_create(struct catalog *catalog, const struct store_table *table) {
    int err = check_table(table);
    if (err) return err;
    write_lock(catalog);
    if (!find(catalog, KEYSPACE, table->keyspace, STR_NULL))
        err = no_keyspace(table->keyspace);
    else if (find(catalog, TABLE, table->keyspace, table->name))
        err = err_fail(ERR_EXISTS,
                       "Cannot add already existing table \"%.*s\" to keyspace \"%.*s\"",
                       STR_ARG(table->name), STR_ARG(table->keyspace));
    if (!err) {
        struct object *object = table_object(table, NULL);
        object->table.id = uuid_random(catalog->conf.env);
        object->table.number = catalog->next_number++;
        object->table.version = 1;
        err = commit(catalog, object, table->keyspace, table->name);
    }
    unlock(catalog);
    return err;
}

int catalog_table_alter(struct catalog *catalog, const struct store_table *table) {
    int err = check_table(table);
    if (err) return err;
    write_lock(catalog);
    struct object *old = find(catalog, TABLE, table->keyspace, table->name);
    if (!old) err = no_table(table->keyspace, table->name);
    else if (old->next_id > UINT16_MAX - 1 - STORE_COL_MAX)
        err = err_fail(ERR_TOO_BIG, "table %.*s has had too many columns", STR_ARG(table->name));
    if (!err) {
        struct object *object = table_object(table, old);
        object->table.id = old->table.id;
        object->table.number = old->table.number;
        object->table.version = old->table.version + 1;
        err = commit(catalog, object, table->keyspace, table->name);
    }
    unlock(catalog);
    return err;
}

int catalog_table_truncate(struct catalog *catalog, struct str keyspace, struct str name) {
    write_lock(catalog);
    struct object *old = find(catalog, TABLE, keyspace, name);
    int err = old ? 0 : no_table(keyspace, name);
    if (!err) {
        uint32_t was = old->table.number;
        struct object *object = table_object(&old->table, old);
        object->table.number = catalog->next_number++;
        object->table.version++;
        err = commit(catalog, object, keyspace, name);
        if (!err) err = catalog->conf.drop(catalog->conf.self, was);
    }
    unlock(catalog);
    return err;
}

static int drop_one(struct catalog *catalog, enum kind kind, struct str keyspace, struct str name) {
    struct arena arena = ARENA_INIT;
    struct catalog_entry entry = {key_of(&arena, kind, keyspace, name), STR_NULL};
    int err = catalog->conf.write(catalog->conf.self, &entry, 1);
    if (!err) forget(catalog, &entry, 1);
    arena_fini(&arena);
    return err;
}

int catalog_table_drop(struct catalog *catalog, struct str keyspace, struct str name) {
    write_lock(catalog);
    int err = find(catalog, TABLE, keyspace, name) ? drop_one(catalog, TABLE, keyspace, name)
                                                   : no_table(keyspace, name);
    unlock(catalog);
    return err;
}

static void copy_table(const struct store_table *from, struct arena *arena,
                       struct store_table *out) {
    *out = *from;
    out->keyspace = arena_str(arena, from->keyspace);
    out->name = arena_str(arena, from->name);
    out->comment = arena_str(arena, from->comment);
    out->col = arena_array(arena, struct store_col, from->col_cnt);
    for (size_t i = 0; i < from->col_cnt; i++) {
        out->col[i] = from->col[i];
        out->col[i].name = arena_str(arena, from->col[i].name);
        out->col[i].type = cqltype_copy(arena, from->col[i].type);
    }
}

int catalog_table_get(struct catalog *catalog, struct str keyspace, struct str name,
                      struct arena *arena, struct store_table *out) {
    read_lock(catalog);
    struct object *object = find(catalog, TABLE, keyspace, name);
    if (object) copy_table(&object->table, arena, out);
    unlock(catalog);
    return object ? 0 : no_table(keyspace, name);
}

/* ---- lists, sorted -------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    const struct object *x = *(struct object *const *)a, *y = *(struct object *const *)b;
    int cmp = str_cmp(keyspace_of(x), keyspace_of(y));
    if (cmp || x->kind == KEYSPACE) return cmp;
    return x->kind == TABLE ? str_cmp(x->table.name, y->table.name)
                            : str_cmp(x->udt.name, y->udt.name);
}

/* Those of a kind, of one keyspace or of all. Under the lock. */
static struct object **list(struct catalog *catalog, enum kind kind, struct str keyspace,
                            struct arena *arena, size_t *cnt) {
    struct object **out = arena_array(arena, struct object *, catalog->objects.cnt + 1);
    size_t at = 0;
    struct str key;
    void *value;
    *cnt = 0;
    while (map_next(&catalog->objects, &at, &key, &value)) {
        struct object *object = value;
        if (object->kind != kind) continue;
        if (!keyspace.ptr || str_eq(keyspace_of(object), keyspace)) out[(*cnt)++] = object;
    }
    qsort(out, *cnt, sizeof(struct object *), by_name);
    return out;
}

int catalog_keyspaces(struct catalog *catalog, struct arena *arena, struct store_keyspace **out,
                      size_t *cnt) {
    read_lock(catalog);
    struct object **all = list(catalog, KEYSPACE, STR_NULL, arena, cnt);
    *out = arena_array(arena, struct store_keyspace, *cnt);
    for (size_t i = 0; i < *cnt; i++) {
        (*out)[i].name = arena_str(arena, all[i]->keyspace.name);
        (*out)[i].replication = arena_str(arena, all[i]->keyspace.replication);
        (*out)[i].durable_writes = all[i]->keyspace.durable_writes;
    }
    unlock(catalog);
    return 0;
}

int catalog_tables(struct catalog *catalog, struct str keyspace, struct arena *arena,
                   struct store_table **out, size_t *cnt) {
    read_lock(catalog);
    struct object **all = list(catalog, TABLE, keyspace, arena, cnt);
    *out = arena_array(arena, struct store_table, *cnt);
    for (size_t i = 0; i < *cnt; i++)
        copy_table(&all[i]->table, arena, &(*out)[i]);
    unlock(catalog);
    return 0;
}

int catalog_udts(struct catalog *catalog, struct str keyspace, struct arena *arena,
                 struct store_udt **out, size_t *cnt) {
    read_lock(catalog);
    struct object **all = list(catalog, UDT, keyspace, arena, cnt);
    *out = arena_array(arena, struct store_udt, *cnt);
    for (size_t i = 0; i < *cnt; i++) {
        (*out)[i].keyspace = arena_str(arena, all[i]->udt.keyspace);
        (*out)[i].name = arena_str(arena, all[i]->udt.name);
        (*out)[i].type = cqltype_copy(arena, all[i]->udt.type);
    }
    unlock(catalog);
    return 0;
}

/* ---- a schema kept elsewhere ----------------------------------------------------------------- */

static bool same_table(const struct store_table *a, const struct store_table *b) {
    if (memcmp(&a->id, &b->id, sizeof a->id) || a->col_cnt != b->col_cnt ||
        a->default_ttl_s != b->default_ttl_s || !str_eq(a->comment, b->comment))
        return false;
    for (size_t i = 0; i < a->col_cnt; i++) {
        const struct store_col *x = &a->col[i], *y = &b->col[i];
        if (!str_eq(x->name, y->name) || x->kind != y->kind || x->pos != y->pos ||
            x->desc != y->desc || !cqltype_eq(x->type, y->type))
            return false;
    }
    return true;
}

static bool same(const struct object *a, const struct object *b) {
    if (a->kind == KEYSPACE)
        return str_eq(a->keyspace.replication, b->keyspace.replication) &&
               a->keyspace.durable_writes == b->keyspace.durable_writes;
    return a->kind == TABLE ? same_table(&a->table, &b->table)
                            : cqltype_eq(a->udt.type, b->udt.type);
}

/* Takes `object` (given), or the one that is there when it says the same, to `next`. */
static bool carry(struct catalog *catalog, struct object *object, struct map *next,
                  struct str name) {
    struct arena arena = ARENA_INIT;
    struct str key = key_of(&arena, object->kind, keyspace_of(object), name);
    struct object *old = map_get(&catalog->objects, key), *kept = object;
    if (old && same(old, object)) {
        kept = map_del(&catalog->objects, key);
    } else if (object->kind == TABLE) {
        bool altered = old && !memcmp(&old->table.id, &object->table.id, sizeof old->table.id);
        object->table.number = altered ? old->table.number : catalog->next_number++;
        object->table.version = altered ? old->table.version + 1 : 1;
    }
    object_free(map_put(next, key, kept));
    arena_fini(&arena);
    if (kept == object) return true;
    object_free(object);
    return false;
}

static struct object *synced(enum kind kind) {
    struct object *object = base_calloc(1, sizeof *object);
    object->kind = kind;
    return object;
}

static struct object *synced_table(struct catalog *catalog, const struct store_table *table) {
    struct object *old = find(catalog, TABLE, table->keyspace, table->name);
    bool altered = old && !memcmp(&old->table.id, &table->id, sizeof table->id);
    return table_object(table, altered ? old : NULL);
}

void catalog_sync(struct catalog *catalog, const struct catalog_all *all) {
    struct map next;
    size_t at = 0;
    struct str key;
    void *value;
    bool news = false;
    map_init(&next);
    write_lock(catalog);
    for (size_t i = 0; i < all->keyspace_cnt; i++) {
        struct object *object = synced(KEYSPACE);
        object->keyspace = all->keyspace[i];
        object->keyspace.name = arena_str(&object->arena, all->keyspace[i].name);
        object->keyspace.replication = arena_str(&object->arena, all->keyspace[i].replication);
        news |= carry(catalog, object, &next, STR_NULL);
    }
    for (size_t i = 0; i < all->udt_cnt; i++) {
        struct object *object = synced(UDT);
        object->udt.keyspace = arena_str(&object->arena, all->udt[i].keyspace);
        object->udt.name = arena_str(&object->arena, all->udt[i].name);
        object->udt.type = cqltype_copy(&object->arena, all->udt[i].type);
        news |= carry(catalog, object, &next, object->udt.name);
    }
    for (size_t i = 0; i < all->table_cnt; i++)
        news |= carry(catalog, synced_table(catalog, &all->table[i]), &next, all->table[i].name);
    news |= catalog->objects.cnt > 0; /* what is left is gone */
    while (map_next(&catalog->objects, &at, &key, &value))
        object_free(value);
    map_fini(&catalog->objects);
    catalog->objects = next;
    if (news) atomic_fetch_add(&catalog->version, 1);
    unlock(catalog);
}

/* ---- user types ----------------------------------------------------------------------------- */

int catalog_udt_create(struct catalog *catalog, const struct store_udt *udt) {
    assert(udt->type && udt->type->kind == CQL_UDT);
    int err = check_name(udt->name);
    if (err) return err;
    write_lock(catalog);
    if (!find(catalog, KEYSPACE, udt->keyspace, STR_NULL)) err = no_keyspace(udt->keyspace);
    else if (find(catalog, UDT, udt->keyspace, udt->name))
        err = err_fail(ERR_INVAL, "A user type with name '%.*s' already exists",
                       STR_ARG(udt->name));
    if (!err) {
        struct object *object = base_calloc(1, sizeof *object);
        object->kind = UDT;
        object->udt.keyspace = arena_str(&object->arena, udt->keyspace);
        object->udt.name = arena_str(&object->arena, udt->name);
        object->udt.type = cqltype_copy(&object->arena, udt->type);
        err = commit(catalog, object, udt->keyspace, udt->name);
    }
    unlock(catalog);
    return err;
}

static bool mentions(const struct cqltype *type, struct str name) {
    if (type->kind == CQL_UDT && str_eq(type->name, name)) return true;
    for (size_t i = 0; i < type->arg_cnt; i++)
        if (mentions(type->arg[i], name)) return true;
    return false;
}

static int check_unused(struct catalog *catalog, struct str keyspace, struct str name) {
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&catalog->objects, &at, &key, &value)) {
        const struct object *object = value;
        if (!str_eq(keyspace_of(object), keyspace)) continue;
        bool used = object->kind == UDT && !str_eq(object->udt.name, name) &&
                    mentions(object->udt.type, name);
        for (size_t i = 0; object->kind == TABLE && i < object->table.col_cnt; i++)
            used |= mentions(object->table.col[i].type, name);
        if (used)
            return err_fail(ERR_INVAL,
                            "Cannot drop user type '%.*s.%.*s' as it is still used by %s [%.*s]",
                            STR_ARG(keyspace), STR_ARG(name),
                            object->kind == TABLE ? "tables" : "user types",
                            STR_ARG(object->kind == TABLE ? object->table.name : object->udt.name));
    }
    return 0;
}

int catalog_udt_drop(struct catalog *catalog, struct str keyspace, struct str name) {
    int err = 0;
    write_lock(catalog);
    if (!find(catalog, UDT, keyspace, name))
        err = err_fail(ERR_NOT_FOUND, "Type '%.*s.%.*s' doesn't exist", STR_ARG(keyspace),
                       STR_ARG(name));
    if (!err) err = check_unused(catalog, keyspace, name);
    if (!err) err = drop_one(catalog, UDT, keyspace, name);
    unlock(catalog);
    return err;
}
