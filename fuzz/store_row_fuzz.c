/* store_row_fuzz.c - packed rows and keys: damaged ones refused, whole ones merged the same in any
 * order.
 *
 * First byte 0: the rest is two rows as bytes, cut where the second byte says; whatever they are,
 * reading and merging ends, and what a merge gives can be read. 1: the rest makes three rows, whose
 * merge must not depend on order or grouping. 2: the rest is a key. */
#include "base/err.h"
#include "store/packrow.h"
#include "store/storekey.h"
#include "wire/cql/cqltype.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW_S 1000

static void must(bool fine, const char *what) {
    if (fine) return;
    fprintf(stderr, "store_row_fuzz: %s\n", what);
    abort();
}

static void merge(struct str a, struct str b, bool whole, struct buf *out) {
    buf_init(out, PACKROW_LEN_MAX);
    must(packrow_merge(a, b, NOW_S, whole, out) == 0, "whole rows do not merge");
}

static bool readable(struct str bytes) {
    struct packrow_reader reader;
    struct packrow_cell cell;
    if (packrow_open(&reader, bytes)) return false;
    while (packrow_next(&reader, &cell))
        ;
    return !reader.in.bad;
}

static void any_bytes(struct str a, struct str b) {
    struct buf out;
    buf_init(&out, PACKROW_LEN_MAX);
    bool both = readable(a) && readable(b);
    (void)packrow_stale(a, NOW_S);
    int err = packrow_merge(a, b, NOW_S, a.len & 1, &out);
    must(err == 0 || !both, "readable rows do not merge");
    must(err != 0 || readable(buf_str(&out)), "a merge cannot be read");
    buf_fini(&out);
}

/* A row from a few bytes: small numbers, so that timestamps and columns meet. */
static void make_row(struct rbuf *in, struct buf *out) {
    struct packrow_writer writer;
    uint8_t flags = rbuf_u8(in);
    struct packrow_head head = {{PACKROW_NEVER, 0, 0}, PACKROW_NEVER, 0};
    if (flags & 1) head.marker.ts_us = rbuf_u8(in) & 7;
    if ((flags & 3) == 3) {
        head.marker.ttl_s = 1 + (rbuf_u8(in) & 3);
        head.marker.end_s = NOW_S - 4 + (rbuf_u8(in) & 7);
    }
    if (flags & 4) {
        head.del_ts_us = rbuf_u8(in) & 7;
        head.del_at_s = NOW_S;
    }
    buf_init(out, PACKROW_LEN_MAX);
    packrow_begin(&writer, out, &head);
    for (uint16_t col = 0; col < 4; col++) {
        uint8_t what = rbuf_u8(in), more = rbuf_u8(in);
        struct packrow_cell cell = {.col = col, .life = {what & 7, 0, 0}};
        if (!(what & 0x80)) continue;
        if (what & 0x40) {
            cell.life.end_s = NOW_S - (more & 3);
        } else {
            cell.value = (struct str){&"abcdefgh"[more & 3], 1 + (more >> 2 & 3)};
            if (what & 0x20) cell.life.ttl_s = 1 + (more >> 4 & 3);
            if (what & 0x20) cell.life.end_s = NOW_S - 4 + (more >> 5);
        }
        packrow_put(&writer, &cell);
    }
}

static void same(const struct buf *a, const struct buf *b, const char *what) {
    must(str_eq(buf_str(a), buf_str(b)), what);
}

static void any_order(struct str bytes) {
    struct rbuf in = rbuf_of_str(bytes);
    struct buf row[3], ab, ba, ab_c, bc, a_bc, twice;
    for (int i = 0; i < 3; i++)
        make_row(&in, &row[i]);
    merge(buf_str(&row[0]), buf_str(&row[1]), false, &ab);
    merge(buf_str(&row[1]), buf_str(&row[0]), false, &ba);
    same(&ab, &ba, "a merge depends on the order");
    merge(buf_str(&ab), buf_str(&row[2]), false, &ab_c);
    merge(buf_str(&row[1]), buf_str(&row[2]), false, &bc);
    merge(buf_str(&row[0]), buf_str(&bc), false, &a_bc);
    same(&ab_c, &a_bc, "a merge depends on the grouping");
    merge(buf_str(&ab_c), buf_str(&ab_c), false, &twice);
    same(&ab_c, &twice, "a row merged with itself changes");
    struct buf *const all[] = {&row[0], &row[1], &row[2], &ab, &ba, &ab_c, &bc, &a_bc, &twice};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        buf_fini(all[i]);
}

static void any_key(struct str bytes) {
    struct arena arena = ARENA_INIT;
    struct storekey_parts parts;
    struct str value[4];
    struct store_col cols[4] = {
        {.type = cqltype_scalar(CQL_TEXT), .kind = STORE_PKEY},
        {.type = cqltype_scalar(CQL_UUID), .kind = STORE_CKEY, .desc = true},
        {.type = cqltype_scalar(CQL_TEXT), .kind = STORE_CKEY, .pos = 1},
        {.type = cqltype_scalar(CQL_DOUBLE), .kind = STORE_CKEY, .pos = 2}};
    struct store_table table = {.col = cols, .col_cnt = 4, .pkey_cnt = 1, .ckey_cnt = 3};
    if (!storekey_split(bytes, &parts)) {
        (void)(storekey_read_pkey(&table, parts.partition, &arena, value) != 0);
        if (!storekey_read_ckey(&table, parts.rest, &arena, value + 1)) {
            struct buf again;
            buf_init(&again, MIB);
            storekey_ckey(&table, 0, value + 1, 3, &again);
            struct str back[3];
            must(!storekey_read_ckey(&table, buf_str(&again), &arena, back), "unreadable");
            for (int i = 0; i < 3; i++)
                must(str_eq(back[i], value[i + 1]) || i == 2, "a key changes on its way");
            buf_fini(&again);
        }
    }
    (void)(storekey_unpack_ckey(&table, bytes, value) != 0);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    struct str rest = {(const char *)data + 2, size - 2};
    size_t cut = MIN((size_t)data[1], rest.len);
    if (data[0] % 3 == 0)
        any_bytes((struct str){rest.ptr, cut}, (struct str){rest.ptr + cut, rest.len - cut});
    else if (data[0] % 3 == 1) any_order(rest);
    else any_key(rest);
    return 0;
}
