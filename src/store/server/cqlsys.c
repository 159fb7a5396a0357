/* cqlsys.c - finds system tables, describes them as the store describes its own, runs their rows.
 *
 * The node's id is made once and kept among the store's state, since drivers tell nodes apart by
 * it. The schema's version is the MD5 of that id and the store's own version number. */
#include "store/server/cqlsys.h"

#include "base/err.h"
#include "store/server/systab.h"

#include <openssl/evp.h>

#define HOST_ID_STATE "cql.host_id"

static const char *const keyspace_name[] = {
    "system", "system_auth", "system_schema", "system_traces", "system_virtual_schema",
};

const char *cqlsys_keyspace(size_t idx) {
    return idx < ARRAY_LEN(keyspace_name) ? keyspace_name[idx] : NULL;
}

/* A name-based UUID (version 3): the same text gives the same id. */
static struct uuid id_of(const void *ptr, size_t len) {
    struct uuid id;
    CHECK(EVP_Digest(ptr, len, id.byte, NULL, EVP_md5(), NULL) == 1);
    id.byte[6] = (id.byte[6] & 0x0f) | 0x30;
    id.byte[8] = (id.byte[8] & 0x3f) | 0x80;
    return id;
}

struct uuid cqlsys_schema_version(const struct cqlsys *sys) {
    uint8_t text[sizeof(struct uuid) + sizeof(uint64_t)];
    uint64_t version = store_schema_version(sys->conf.store);
    memcpy(text, sys->host_id.byte, sizeof(struct uuid));
    memcpy(text + sizeof(struct uuid), &version, sizeof version);
    return id_of(text, sizeof text);
}

static bool is_ours(void *self UNUSED, struct str name) {
    for (size_t i = 0; i < ARRAY_LEN(keyspace_name); i++)
        if (str_eqz(name, keyspace_name[i])) return true;
    return false;
}

static const struct systab *find(struct str keyspace, struct str name) {
    for (size_t i = 0; i < systab_def_cnt; i++) {
        const struct systab *table = &systab_def_all[i];
        if (str_eqz(keyspace, table->keyspace) && str_eqz(name, table->name)) return table;
    }
    return NULL;
}

static void describe(const struct systab *def, struct arena *arena, struct store_table *out) {
    struct str full = arena_printf(arena, "%s.%s", def->keyspace, def->name);
    *out = (struct store_table){
        .keyspace = str_of(def->keyspace),
        .name = str_of(def->name),
        .id = id_of(full.ptr, full.len),
        .col = arena_array(arena, struct store_col, def->col_cnt),
        .col_cnt = def->col_cnt,
        .comment = str_of(def->comment),
        .version = 1,
    };
    assert(def->col_cnt <= SYSTAB_COL_MAX);
    for (size_t i = 0; i < def->col_cnt; i++) {
        const struct systab_col *from = &def->col[i];
        struct store_col *col = &out->col[i];
        *col = (struct store_col){.name = str_of(from->name), .type = from->type,
                                  .kind = from->kind, .id = (uint16_t)(i + 1)};
        if (from->kind == STORE_PKEY) col->pos = (uint16_t)out->pkey_cnt++;
        if (from->kind == STORE_CKEY) col->pos = (uint16_t)out->ckey_cnt++;
    }
}

static int get_table(void *self UNUSED, struct str keyspace, struct str name, struct arena *arena,
                     struct store_table *out) {
    const struct systab *def = find(keyspace, name);
    if (!def) return err_fail(ERR_NOT_FOUND, "table %.*s does not exist", STR_ARG(name));
    describe(def, arena, out);
    return 0;
}

void cqlsys_tables(struct str keyspace, struct arena *arena, struct store_table **out,
                   size_t *cnt) {
    *cnt = 0;
    *out = arena_array(arena, struct store_table, systab_def_cnt);
    for (size_t i = 0; i < systab_def_cnt; i++)
        if (str_eqz(keyspace, systab_def_all[i].keyspace))
            describe(&systab_def_all[i], arena, &(*out)[(*cnt)++]);
}

static int get_rows(void *self, const struct store_table *table, struct arena *arena,
                    cqlexec_emit_fn *emit, void *arg) {
    const struct systab *def = find(table->keyspace, table->name);
    if (!def) return err_fail(ERR_NOT_FOUND, "table %.*s does not exist", STR_ARG(table->name));
    if (!def->rows) return 0;
    struct systab_out out = {
        .sys = self, .table = def, .arena = arena, .emit = emit, .arg = arg};
    return def->rows(&out);
}

/* The node's id: read, or made at the very first start. */
static int load_host_id(struct cqlsys *sys) {
    struct arena arena = ARENA_INIT;
    struct store *store = sys->conf.store;
    struct store_tx *tx;
    struct str id;
    int err = store_get_state(store, STR(HOST_ID_STATE), &arena, &id);
    if (err == 0 && id.len == sizeof sys->host_id.byte) {
        memcpy(sys->host_id.byte, id.ptr, id.len);
    } else if (err == 0 || err == ERR_NOT_FOUND) {
        sys->host_id = uuid_random(sys->conf.env);
        err = store_begin(store, &tx);
        if (err) goto out;
        id = (struct str){(const char *)sys->host_id.byte, sizeof sys->host_id.byte};
        err = store_put_state(tx, STR(HOST_ID_STATE), id);
        if (err) store_abort(tx);
        else err = store_commit(tx);
    }
out:
    arena_fini(&arena);
    return err;
}

int cqlsys_open(struct cqlsys **out, const struct cqlsys_conf *conf) {
    assert(conf->env && conf->store && conf->cache && conf->host);
    struct cqlsys *sys = base_calloc(1, sizeof *sys);
    sys->conf = *conf;
    sys->virt = (struct cqlexec_virtual){sys, is_ours, get_table, get_rows};
    int err = load_host_id(sys);
    if (err) {
        base_free(sys);
        return err;
    }
    *out = sys;
    return 0;
}

void cqlsys_close(struct cqlsys *sys) {
    base_free(sys);
}

void cqlsys_set_port(struct cqlsys *sys, uint16_t port) {
    sys->port = port;
}

const struct cqlexec_virtual *cqlsys_virtual(struct cqlsys *sys) {
    return &sys->virt;
}
