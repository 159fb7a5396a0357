/* pgoutput_test.c - messages recorded from PostgreSQL 15, whole, cut short and lying. */
#include "support/unit.h"

#include "base/err.h"
#include "wire/pg/pgoutput.h"

#define RECORDED "test/wire/pg/pgoutput.hex" /* a session; one message a line */

struct ctx {
    struct arena arena;
    struct str line[64];
    size_t cnt;
};

static int setup(void **state) {
    struct ctx *ctx = base_calloc(1, sizeof *ctx);
    FILE *file = fopen(RECORDED, "r");
    char line[4096];
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        size_t len = strcspn(line, "\n") / 2;
        char *bytes = arena_bytes(&ctx->arena, len);
        for (size_t i = 0; i < len; i++) {
            unsigned byte;
            assert_int_equal(sscanf(line + 2 * i, "%2x", &byte), 1);
            bytes[i] = (char)byte;
        }
        ctx->line[ctx->cnt++] = (struct str){bytes, len};
    }
    fclose(file);
    *state = ctx;
    return 0;
}

static int teardown(void **state) {
    struct ctx *ctx = *state;
    arena_fini(&ctx->arena);
    base_free(ctx);
    return 0;
}

/* The n-th message (from 0) of a kind. */
static struct pgoutput get(struct ctx *ctx, enum pgoutput_kind kind, int n) {
    struct pgoutput message = {.kind = kind};
    for (size_t i = 0; i < ctx->cnt; i++) {
        if (ctx->line[i].ptr[0] != (char)kind || n--) continue;
        assert_int_equal(pgoutput_decode(ctx->line[i], &ctx->arena, &message), 0);
        return message;
    }
    fail_msg("no message %c", kind);
    return message;
}

static void pgoutput_reads_a_recorded_session(void **state) {
    struct ctx *ctx = *state;
    struct pgoutput m = get(ctx, PGOUTPUT_BEGIN, 0);
    assert_int_equal(m.lsn, 0x141bd2e8);
    assert_int_equal(m.xid, 0x1be8);
    assert_true(m.time_us > INT64_C(1767225600000000)); /* 2026 */
    uint64_t begun = m.lsn;
    m = get(ctx, PGOUTPUT_COMMIT, 0);
    assert_int_equal(m.lsn, begun);
    assert_true(m.end_lsn > m.lsn);
    m = get(ctx, PGOUTPUT_RELATION, 0);
    assert_true(str_eqz(m.schema, "public") && str_eqz(m.name, "t"));
    assert_int_equal(m.identity, 'd');
    assert_int_equal(m.col_cnt, 7);
    assert_true(m.col[0].is_key && !m.col[1].is_key);
    assert_true(str_eqz(m.col[3].name, "n"));
    assert_int_equal(m.col[3].type, 1700);
    uint32_t relid = m.relid;
    m = get(ctx, PGOUTPUT_INSERT, 0);
    assert_int_equal(m.relid, relid);
    assert_null(m.old.value);
    assert_int_equal(m.now.cnt, 7);
    assert_true(str_eqz(m.now.value[3].bytes, "1.50"));
    m = get(ctx, PGOUTPUT_TRUNCATE, 0);
    assert_int_equal(m.rel_cnt, 2);
    assert_int_equal(m.rel[0], relid);
}

static void pgoutput_reads_old_rows_by_replica_identity(void **state) {
    struct ctx *ctx = *state;
    struct pgoutput m = get(ctx, PGOUTPUT_UPDATE, 0);
    assert_null(m.old.value); /* the key did not change */
    assert_int_equal(m.now.value[2].kind, PGOUTPUT_UNCHANGED);
    m = get(ctx, PGOUTPUT_UPDATE, 1);
    assert_true(m.old_is_key);
    assert_true(str_eqz(m.old.value[0].bytes, "1") && str_eqz(m.now.value[0].bytes, "2"));
    assert_int_equal(m.old.value[2].kind, PGOUTPUT_NULL);
    m = get(ctx, PGOUTPUT_UPDATE, 2);
    assert_non_null(m.old.value);
    assert_false(m.old_is_key);
    assert_true(str_eqz(m.old.value[1].bytes, "1") && str_eqz(m.now.value[1].bytes, "3"));
    m = get(ctx, PGOUTPUT_DELETE, 0);
    assert_true(m.old_is_key);
    assert_null(m.now.value);
    m = get(ctx, PGOUTPUT_DELETE, 1);
    assert_false(m.old_is_key);
    assert_int_equal(m.old.value[0].kind, PGOUTPUT_NULL);
}

static void pgoutput_refuses_every_cut(void **state) {
    struct ctx *ctx = *state;
    struct pgoutput m;
    for (size_t i = 0; i < ctx->cnt; i++) {
        struct str whole = ctx->line[i];
        assert_int_equal(pgoutput_decode(whole, &ctx->arena, &m), 0);
        if (whole.ptr[0] == 'M') continue; /* passed over */
        for (size_t len = 0; len < whole.len; len++) {
            struct str cut = {whole.ptr, len};
            assert_int_equal(pgoutput_decode(cut, &ctx->arena, &m), ERR_CORRUPT);
        }
        char *more = arena_bytes(&ctx->arena, whole.len + 1);
        memcpy(more, whole.ptr, whole.len);
        more[whole.len] = 0;
        assert_int_equal(pgoutput_decode((struct str){more, whole.len + 1}, &ctx->arena, &m),
                         ERR_CORRUPT);
    }
}

static void pgoutput_refuses_counts_that_lie(void **state) {
    struct ctx *ctx = *state;
    struct pgoutput m;
    static const struct str bad[] = {
        STR_INIT("I\0\0\0\1N\x7f\xff"), STR_INIT("I\0\0\0\1N\xff\xff"),
        STR_INIT("I\0\0\0\1N\0\1t\x7f\xff\xff\xff"), STR_INIT("I\0\0\0\1N\0\1t\xff\xff\xff\xff"),
        STR_INIT("I\0\0\0\1N\0\1x"), STR_INIT("I\0\0\0\1O\0\0"), STR_INIT("D\0\0\0\1N\0\0"),
        STR_INIT("U\0\0\0\1O\0\0K\0\0"), STR_INIT("T\x7f\xff\xff\xff\0"),
        STR_INIT("R\0\0\0\1a\0b\0d\x7f\xff"), STR_INIT("R\0\0\0\1a"), STR_INIT("Z"), STR_INIT(""),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(pgoutput_decode(bad[i], &ctx->arena, &m), ERR_CORRUPT);
}

static void pgoutput_frames_and_answers(void **state UNUSED) {
    struct pgoutput_frame frame;
    struct buf out;
    struct str alive = STR("k\0\0\0\0\0\0\1\2\0\0\0\0\0\0\0\0\1");
    assert_int_equal(pgoutput_frame(alive, &frame), 0);
    assert_int_equal(frame.kind, PGOUTPUT_KEEPALIVE);
    assert_int_equal(frame.end, 0x102);
    assert_true(frame.reply);
    assert_int_equal(frame.time_us, PGOUTPUT_EPOCH_US);
    alive.len--;
    assert_int_equal(pgoutput_frame(alive, &frame), ERR_CORRUPT);
    assert_int_equal(pgoutput_frame(STR("x"), &frame), ERR_CORRUPT);
    buf_init(&out, 64);
    pgoutput_status(&out, 0x0102, 0x0101, PGOUTPUT_EPOCH_US + 3, true);
    assert_int_equal(out.len, 34);
    assert_memory_equal(out.ptr, "r\0\0\0\0\0\0\1\2\0\0\0\0\0\0\1\1", 17);
    assert_memory_equal(out.ptr + 17, "\0\0\0\0\0\0\1\1\0\0\0\0\0\0\0\3\1", 17);
    buf_fini(&out);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(pgoutput_reads_a_recorded_session), T(pgoutput_reads_old_rows_by_replica_identity),
        T(pgoutput_refuses_every_cut), T(pgoutput_refuses_counts_that_lie),
        T(pgoutput_frames_and_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
