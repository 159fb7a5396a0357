/* pg_conn.c - connections to PostgreSQL.
 *
 * What a session must say the same everywhere - dates, zones, digits of numbers - is set once after
 * connecting, so that a server's or a role's own settings cannot change how rows read. */
#include "landing/postgres/pg_conn.h"

#include "base/err.h"
#include "base/redact.h"

#include <stdio.h>
#include <stdlib.h>

#define OWN_MAX      8 /* parameters that we add */
#define BACKOFF_US   20000
#define BACKOFF_MAX  2000000
#define PARAM_MAX    64
#define OID_TEXT     25

/* ---- the address ---- */

static int own_param(struct pg_place *place, struct str name, struct str value, bool *ours) {
    struct str *to = str_eqz(name, "slot") ? &place->slot
                     : str_eqz(name, "publication") ? &place->publication : NULL;
    *ours = to;
    if (!to) return 0;
    bool good = value.len > 0 && value.len <= PG_CONN_NAME_MAX;
    for (size_t i = 0; i < value.len; i++)
        good &= (value.ptr[i] >= 'a' && value.ptr[i] <= 'z') || value.ptr[i] == '_' ||
                (value.ptr[i] >= '0' && value.ptr[i] <= '9');
    if (!good)
        return err_fail(ERR_CONFIG, "landing address: %.*s=%.*s; a name is 1 to 63 of a-z, 0-9, _",
                        STR_ARG(name), STR_ARG(value));
    *to = arena_str(&place->arena, value);
    return 0;
}

/* The address without our parameters, as libpq takes it. */
static int split_url(struct pg_place *place, const char *url, struct buf *out) {
    struct str rest, query, head = str_cut(str_of(url), '?', &query);
    char mark = '?';
    buf_puts(out, head);
    for (; query.ptr; query = rest) {
        bool ours;
        struct str value, param = str_cut(query, '&', &rest), name = str_cut(param, '=', &value);
        int err = own_param(place, name, value, &ours);
        if (err) return err;
        if (ours || !param.len) continue;
        buf_putc(out, mark);
        buf_puts(out, param);
        mark = '&';
    }
    buf_putc(out, 0);
    return 0;
}

/* One too short to be blotted out is left; it could be read from any text anyhow. */
static void hide(const char *value) {
    if (redact_add(str_of(value))) return;
}

static void add(struct pg_place *place, const char *name, const char *value) {
    place->name[place->cnt] = name;
    place->value[place->cnt++] = value;
}

static void take_options(struct pg_place *place, const PQconninfoOption *option, size_t more) {
    const char *host = NULL, *dbname = NULL, *user = NULL;
    bool timeout = false, name = false;
    size_t cnt = 0;
    while (option[cnt].keyword) cnt++;
    place->name = arena_array(&place->arena, const char *, cnt + OWN_MAX + more);
    place->value = arena_array(&place->arena, const char *, cnt + OWN_MAX + more);
    for (size_t i = 0; i < cnt; i++) {
        const char *key = option[i].keyword;
        if (!option[i].val || !strcmp(key, "replication") || !strcmp(key, "client_encoding"))
            continue;
        const char *value = arena_strz(&place->arena, str_of(option[i].val));
        add(place, arena_strz(&place->arena, str_of(key)), value);
        if (!strcmp(key, "password")) hide(value);
        if (!strcmp(key, "host") || (!strcmp(key, "hostaddr") && !host)) host = value;
        if (!strcmp(key, "dbname")) dbname = value;
        if (!strcmp(key, "user")) user = value;
        timeout |= !strcmp(key, "connect_timeout");
        name |= !strcmp(key, "application_name");
    }
    if (!timeout) add(place, "connect_timeout", "10");
    if (!name) add(place, "application_name", "sluice");
    add(place, "client_encoding", "UTF8");
    place->shown = arena_printf(&place->arena, "%s/%s", host ? host : "local",
                                dbname ? dbname : user ? user : "").ptr;
}

/* A parameter by libpq's name; of the same one in the address nothing is left. */
static int add_property(struct pg_place *place, const PQconninfoOption *option,
                        const struct address_property *property) {
    bool ours;
    int err = own_param(place, property->name, property->value, &ours);
    if (err || ours) return err;
    while (option->keyword && !str_eqz(property->name, option->keyword)) option++;
    if (!option->keyword)
        return err_fail(ERR_CONFIG, "landing: libpq has no parameter '%.*s'",
                        STR_ARG(property->name));
    const char *value = arena_strz(&place->arena, property->value);
    if (str_eqz(property->name, "password")) hide(value);
    add(place, arena_strz(&place->arena, property->name), value);
    return 0;
}

int pg_conn_place(struct pg_place *out, const char *url, const struct address_property *property,
                  size_t cnt) {
    struct buf text;
    char *why = NULL;
    *out = (struct pg_place){.slot = STR(""), .publication = STR("")};
    buf_init(&text, 64 * KIB);
    int err = split_url(out, url, &text);
    if (!err && text.full) err = err_fail(ERR_CONFIG, "landing: the address is too long");
    if (!err) {
        PQconninfoOption *option = PQconninfoParse(text.ptr, &why);
        if (option) take_options(out, option, cnt);
        for (size_t i = 0; option && i < cnt && !err; i++)
            err = add_property(out, option, &property[i]);
        if (!option)
            err = err_fail(ERR_CONFIG, "landing: the address is postgresql://USER@HOST/DATABASE: "
                           "%.*s", STR_ARG(str_trim(str_of(why))));
        PQconninfoFree(option);
        PQfreemem(why);
    }
    buf_fini(&text);
    if (err) pg_conn_place_fini(out);
    return err;
}

void pg_conn_place_fini(struct pg_place *place) {
    arena_fini(&place->arena);
}

/* ---- failures ---- */

struct state_err {
    const char *state; /* its first bytes */
    enum err err;
    const char *remedy;
};
static const struct state_err states[] = {
    {"08", ERR_NET, ""},
    {"57P", ERR_NET, ""},
    {"57014", ERR_TIMEOUT, ""},
    {"28", ERR_AUTH, "; check user, password and pg_hba.conf"},
    {"3D000", ERR_NOT_FOUND, "; make the database, or correct the address"},
    {"42501", ERR_DENIED, "; grant it to the role, or use another"},
    {"53100", ERR_FULL, ""},
    {"53300", ERR_AGAIN, ""},
    {"53", ERR_AGAIN, ""},
    {"40", ERR_AGAIN, ""},
    {"55P03", ERR_AGAIN, ""},
    {"55006", ERR_AGAIN, ""},
    {"25006", ERR_AGAIN, "; the server is read-only: is it a standby?"},
    {"23", ERR_CONFLICT, ""},
    {"22", ERR_INVAL, ""},
    {"42P01", ERR_NOT_FOUND, ""},
    {"3F000", ERR_NOT_FOUND, ""},
    {"42", ERR_CONFLICT, ""},
    {"54", ERR_TOO_BIG, ""},
    {"0A000", ERR_UNSUPPORTED, ""},
    {"58", ERR_IO, ""},
    {"XX", ERR_IO, ""},
};

static const struct state_err *state_of(const char *state) {
    static const struct state_err other = {"", ERR_INTERNAL, ""};
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (!strncmp(state, states[i].state, strlen(states[i].state))) return &states[i];
    return &other;
}

int pg_conn_fail(struct pg_conn *conn, const PGresult *res) {
    const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *shown = conn->place->shown;
    snprintf(conn->state, sizeof conn->state, "%s", state ? state : "");
    if (state) {
        const struct state_err *as = state_of(state);
        const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
        const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
        return err_fail(as->err, "PostgreSQL %s: %s%s%s (SQLSTATE %s)%s", shown,
                        message ? message : "failed", detail ? ": " : "", detail ? detail : "",
                        state, as->remedy);
    }
    struct str why = str_trim(str_of(conn->pg ? PQerrorMessage(conn->pg) : "not connected"));
    bool broken = !conn->pg || PQstatus(conn->pg) != CONNECTION_OK;
    return err_fail(broken ? ERR_NET : ERR_INTERNAL, "PostgreSQL %s: %.*s", shown, STR_ARG(why));
}

/* ---- opening ---- */

void pg_conn_init(struct pg_conn *conn, struct env *env, const struct pg_place *place,
                  bool replication) {
    *conn = (struct pg_conn){.env = env, .place = place, .replication = replication};
}

void pg_conn_close(struct pg_conn *conn) {
    PQfinish(conn->pg);
    conn->pg = NULL;
}

bool pg_conn_lost(const struct pg_conn *conn) {
    return !conn->pg || PQstatus(conn->pg) != CONNECTION_OK;
}

static void be_quiet(void *arg UNUSED, const PGresult *res UNUSED) {
}

/* Failing to connect has no result to look into, only libpq's text. */
static int connect_fail(struct pg_conn *conn) {
    static const struct {
        const char *text;
        enum err err;
    } known[] = {
        {"authentication", ERR_AUTH}, {"no password supplied", ERR_AUTH}, {"pg_hba", ERR_AUTH},
        {"role \"", ERR_AUTH}, {"permission denied", ERR_DENIED}, {"certificate", ERR_CONFIG},
        {"sslmode", ERR_CONFIG}, {"does not support SSL", ERR_CONFIG},
    };
    int err = pg_conn_fail(conn, NULL);
    const char *text = PQerrorMessage(conn->pg);
    if (strstr(text, "database \"") && strstr(text, "does not exist")) err = ERR_NOT_FOUND;
    for (size_t i = 0; i < ARRAY_LEN(known) && err == ERR_NET; i++)
        if (strstr(text, known[i].text)) err = known[i].err;
    return err;
}

int pg_conn_open(struct pg_conn *conn) {
    static const char settings[] =
        "SELECT set_config('DateStyle', 'ISO, YMD', false), set_config('TimeZone', 'UTC', false),"
        " set_config('extra_float_digits', '1', false), set_config('bytea_output', 'hex', false),"
        " set_config('IntervalStyle', 'iso_8601', false),"
        " set_config('lc_monetary', 'C', false), set_config('statement_timeout', '0', false),"
        " set_config('standard_conforming_strings', 'on', false),"
        " set_config('idle_in_transaction_session_timeout', '0', false),"
        " set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') IN"
        " ('off', 'local') THEN 'on' ELSE current_setting('synchronous_commit') END, false)";
    const struct pg_place *place = conn->place;
    const char **name = base_calloc(place->cnt + 2, sizeof *name);
    const char **value = base_calloc(place->cnt + 2, sizeof *value);
    memcpy(name, place->name, place->cnt * sizeof *name);
    memcpy(value, place->value, place->cnt * sizeof *value);
    if (conn->replication) {
        name[place->cnt] = "replication";
        value[place->cnt] = "database";
    }
    pg_conn_close(conn);
    conn->state[0] = 0;
    conn->pg = PQconnectdbParams(name, value, 0);
    base_free(name);
    base_free(value);
    CHECK(conn->pg);
    int err = PQstatus(conn->pg) == CONNECTION_OK ? 0 : connect_fail(conn);
    if (!err) {
        PQsetNoticeReceiver(conn->pg, be_quiet, NULL);
        PGresult *res = NULL;
        err = pg_conn_simple(conn, settings, &res);
        PQclear(res);
    }
    if (!err && place->session.ptr) err = pg_conn_call(conn);
    if (err) pg_conn_close(conn);
    return err;
}

int pg_conn_call(struct pg_conn *conn) {
    struct buf sql;
    PGresult *res = NULL;
    buf_init(&sql, 4 * KIB);
    buf_putz(&sql, "SELECT set_config('application_name', ");
    pg_conn_literal(&sql, conn->place->session);
    buf_put(&sql, ", false)", 9);
    int err = pg_conn_simple(conn, sql.ptr, &res);
    PQclear(res);
    buf_fini(&sql);
    return err;
}

int pg_conn_need(struct pg_conn *conn, int64_t patience_us) {
    if (!pg_conn_lost(conn)) return 0;
    int64_t until_us = env_mono_us(conn->env) + patience_us, wait_us = BACKOFF_US;
    for (;;) {
        int err = pg_conn_open(conn);
        int64_t left_us = until_us - env_mono_us(conn->env);
        if (!err || !err_retry(err) || left_us <= 0) return err;
        int64_t jitter_us = (int64_t)(env_random_u64(conn->env) % (uint64_t)wait_us);
        env_sleep_us(conn->env, MIN(left_us, wait_us / 2 + jitter_us));
        wait_us = MIN(wait_us * 2, BACKOFF_MAX);
    }
}

/* ---- asking ---- */

static int take(struct pg_conn *conn, PGresult *res, PGresult **out) {
    ExecStatusType status = PQresultStatus(res);
    int err = 0;
    bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
                status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
    if (!good) err = pg_conn_fail(conn, res);
    if (out && !err) *out = res;
    else PQclear(res);
    return err;
}

int pg_conn_run(struct pg_conn *conn, const char *sql, const struct str *param, size_t cnt,
                PGresult **out) {
    Oid type[PARAM_MAX];
    const char *value[PARAM_MAX];
    int len[PARAM_MAX], format[PARAM_MAX];
    CHECK(cnt <= PARAM_MAX);
    if (out) *out = NULL;
    if (!conn->pg) return pg_conn_fail(conn, NULL);
    for (size_t i = 0; i < cnt; i++) {
        if (param[i].ptr && memchr(param[i].ptr, 0, param[i].len))
            return err_fail(ERR_INVAL, "PostgreSQL cannot hold a text with a zero byte");
        type[i] = OID_TEXT;
        value[i] = param[i].ptr;
        len[i] = (int)param[i].len;
        format[i] = 1; /* as bytes with a length: text needs no zero at its end */
    }
    return take(conn, PQexecParams(conn->pg, sql, (int)cnt, type, value, len, format, 0), out);
}

int pg_conn_seek(struct pg_conn *conn, const char *sql, const char *const *param, size_t cnt,
                 PGresult **out) {
    *out = NULL;
    if (!conn->pg) return pg_conn_fail(conn, NULL);
    return take(conn, PQexecParams(conn->pg, sql, (int)cnt, NULL, param, NULL, NULL, 0), out);
}

int pg_conn_do(struct pg_conn *conn, const char *sql) {
    return pg_conn_run(conn, sql, NULL, 0, NULL);
}

int pg_conn_do_buf(struct pg_conn *conn, struct buf *sql) {
    buf_putc(sql, 0);
    if (sql->full) return err_fail(ERR_TOO_BIG, "a statement is over %zu bytes", sql->max);
    return pg_conn_do(conn, sql->ptr);
}

int pg_conn_simple(struct pg_conn *conn, const char *sql, PGresult **out) {
    if (out) *out = NULL;
    if (!conn->pg || !PQsendQuery(conn->pg, sql)) return pg_conn_fail(conn, NULL);
    PGresult *res = PQgetResult(conn->pg), *more;
    ExecStatusType status = PQresultStatus(res);
    if (status != PGRES_COPY_BOTH && status != PGRES_COPY_OUT)
        while ((more = PQgetResult(conn->pg))) PQclear(more);
    return take(conn, res, out);
}

struct str pg_conn_text(const PGresult *res, int row, int col) {
    if (PQgetisnull(res, row, col)) return STR_NULL;
    return (struct str){PQgetvalue(res, row, col), (size_t)PQgetlength(res, row, col)};
}

int64_t pg_conn_i64(const PGresult *res, int row, int col) {
    int64_t num = 0;
    struct str text = pg_conn_text(res, row, col);
    return text.ptr && !str_i64(text, &num) ? num : 0;
}

/* ---- text ---- */

static void put_quoted(struct buf *sql, struct str text, char quote) {
    buf_putc(sql, quote);
    for (size_t i = 0; i < text.len; i++) {
        CHECK(text.ptr[i]);
        if (text.ptr[i] == quote) buf_putc(sql, quote);
        buf_putc(sql, text.ptr[i]);
    }
    buf_putc(sql, quote);
}

void pg_conn_name(struct buf *sql, struct str name) {
    put_quoted(sql, name, '"');
}

void pg_conn_literal(struct buf *sql, struct str text) {
    if (memchr(text.ptr, '\\', text.len)) { /* means the same whatever the session's settings */
        buf_putz(sql, " E'");
        for (size_t i = 0; i < text.len; i++) {
            CHECK(text.ptr[i]);
            if (text.ptr[i] == '\'' || text.ptr[i] == '\\') buf_putc(sql, text.ptr[i]);
            buf_putc(sql, text.ptr[i]);
        }
        buf_putc(sql, '\'');
        return;
    }
    put_quoted(sql, text, '\'');
}

void pg_conn_copy(struct buf *out, struct str value) {
    size_t plain = 0;
    if (!value.ptr) {
        buf_putz(out, "\\N");
        return;
    }
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i], as = 0;
        if (c == '\\') as = '\\';
        else if (c == '\n') as = 'n';
        else if (c == '\t') as = 't';
        else if (c == '\r') as = 'r';
        if (!as) continue;
        buf_put(out, value.ptr + plain, i - plain);
        buf_putc(out, '\\');
        buf_putc(out, as);
        plain = i + 1;
    }
    buf_put(out, value.ptr + plain, value.len - plain);
}

void pg_conn_lsn(struct buf *out, uint64_t lsn) {
    buf_printf(out, "%X/%X", (unsigned)(lsn >> 32), (unsigned)lsn);
}

bool pg_conn_lsn_parse(struct str text, uint64_t *out) {
    struct str part[2];
    uint64_t num[2] = {0, 0};
    part[0] = str_cut(text, '/', &part[1]);
    for (int i = 0; i < 2; i++) {
        if (!part[i].ptr || !part[i].len || part[i].len > 8) return false;
        for (size_t at = 0; at < part[i].len; at++) {
            const char *digits = "0123456789abcdef";
            char c = part[i].ptr[at];
            const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
            if (!found) return false;
            num[i] = num[i] << 4 | (uint64_t)(found - digits);
        }
    }
    *out = num[0] << 32 | num[1];
    return true;
}
