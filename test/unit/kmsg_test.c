/* kmsg_test.c - the interpreter of Kafka's messages: frames recorded from real clients and a real
 * broker, generated messages of every API and version, and hostile bytes. */
#include "support/unit.h"

#include "base/err.h"
#include "wire/kafka/kmsg.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FRAME_MAX (64 * KIB)

/* ---- recorded frames: test/wire/kafka/CLIENT.hex ---- */

static size_t unhex(const char *text, unsigned char *out) {
    size_t len = 0;
    unsigned byte;
    for (; sscanf(text, "%2x", &byte) == 1; text += 2)
        out[len++] = (unsigned char)byte;
    return len;
}

/* Decodes the body, which must be all that is left, and encodes it again to the same bytes. */
static void same_again(const struct kmsg_struct *type, int version, bool flex, struct rbuf *in) {
    struct arena arena = ARENA_INIT;
    struct buf out;
    struct str bytes = {(const char *)in->at, rbuf_left(in)};
    void *msg = arena_alloc(&arena, type->size);
    buf_init(&out, FRAME_MAX);
    if (kmsg_decode(type, version, flex, in, &arena, msg)) fail_msg("%s", err_note());
    assert_true(rbuf_done(in));
    assert_int_equal(kmsg_encode(type, version, flex, &out, msg), 0);
    assert_int_equal(out.len, bytes.len);
    assert_memory_equal(out.ptr, bytes.ptr, bytes.len);
    buf_fini(&out);
    arena_fini(&arena);
}

static bool check_frame(const char *kind, int key, int version, struct rbuf in) {
    const struct kmsg_api *api = kmsg_api_of(key);
    if (!api || version > api->last) return false; /* the real broker's, not ours */
    bool flex = version >= api->flex;
    if (!strcmp(kind, "request")) {
        struct kmsg_head head;
        assert_int_equal(kmsg_head_decode(&in, &head), 0);
        assert_int_equal(head.api_key, key);
        assert_int_equal(head.api_version, version);
        same_again(api->request, version, flex, &in);
    } else {
        rbuf_skip(&in, 4);
        if (flex && key != KMSG_API_VERSIONS) assert_int_equal(rbuf_uvarint(&in), 0);
        same_again(api->response, version, flex, &in);
    }
    return true;
}

static size_t check_file(const char *path) {
    static char line[FRAME_MAX];
    static unsigned char bytes[FRAME_MAX];
    char kind[16];
    int key, version;
    size_t cnt = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        assert_int_equal(sscanf(line, "%15s %d %d", kind, &key, &version), 3);
        assert_non_null(fgets(line, sizeof line, file));
        size_t len = unhex(line, bytes);
        cnt += check_frame(kind, key, version, rbuf_of(bytes, len));
    }
    fclose(file);
    return cnt;
}

static void kmsg_reads_and_writes_recorded_frames(void **state UNUSED) {
    DIR *dir = opendir("test/wire/kafka");
    struct dirent *entry;
    size_t cnt = 0, files = 0;
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        char path[512];
        if (!strstr(entry->d_name, ".hex")) continue;
        snprintf(path, sizeof path, "test/wire/kafka/%s", entry->d_name);
        cnt += check_file(path);
        files++;
    }
    closedir(dir);
    assert_true(files >= 5);
    assert_true(cnt >= 180);
}

/* ---- generated messages ---- */

static uint64_t seed;

static uint64_t rnd(uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static void generate(const struct kmsg_struct *type, int version, struct arena *arena, char *out);

static struct str random_str(struct arena *arena, bool may_null) {
    if (may_null && rnd(4) == 0) return STR_NULL;
    size_t len = rnd(8) == 0 ? 200 : rnd(6);
    char *text = arena_bytes(arena, len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + rnd(26));
    return (struct str){text, len};
}

static void random_value(const struct kmsg_field *f, int version, struct arena *arena, void *at,
                         bool may_null) {
    uint64_t v = seed ^ seed << 17;
    switch (f->type) {
    case KMSG_BOOL: *(bool *)at = rnd(2); break;
    case KMSG_I8: *(int8_t *)at = (int8_t)v; break;
    case KMSG_I16: *(int16_t *)at = (int16_t)v; break;
    case KMSG_I32: *(int32_t *)at = (int32_t)v; break;
    case KMSG_I64: *(int64_t *)at = (int64_t)v; break;
    case KMSG_F64: *(double *)at = (double)rnd(1000); break;
    case KMSG_UUID: memcpy(at, &v, sizeof v); break;
    case KMSG_STRUCT: generate(f->elem, version, arena, at); break;
    default: *(struct str *)at = random_str(arena, may_null);
    }
}

static void random_field(const struct kmsg_field *f, int version, struct arena *arena, char *out) {
    static const size_t size[] = {sizeof(bool), 1, 2, 4, 8, 8, sizeof(struct uuid),
                                  sizeof(struct str), sizeof(struct str), sizeof(struct str)};
    bool may_null = version >= f->null_first && version <= f->null_last;
    size_t each = f->type == KMSG_STRUCT ? f->elem->size : size[f->type];
    if (f->array) {
        if (may_null && rnd(4) == 0) return;
        size_t cnt = rnd(4);
        char *all = arena_calloc(arena, MAX(cnt, 1), each);
        *(void **)(void *)(out + f->pos) = all;
        *(size_t *)(void *)(out + f->cnt_pos) = cnt;
        for (size_t i = 0; i < cnt; i++)
            random_value(f, version, arena, all + i * each, false);
    } else if (f->type == KMSG_STRUCT) {
        if ((may_null || f->tag >= 0) && rnd(2) == 0) return;
        char *sub = arena_calloc(arena, 1, each);
        *(void **)(void *)(out + f->pos) = sub;
        generate(f->elem, version, arena, sub);
    } else {
        random_value(f, version, arena, out + f->pos, may_null);
    }
}

static void generate(const struct kmsg_struct *type, int version, struct arena *arena, char *out) {
    kmsg_init(type, out);
    for (size_t i = 0; i < type->field_cnt; i++) {
        const struct kmsg_field *f = &type->field[i];
        bool there = version >= f->first && version <= f->last;
        if (there && (f->tag < 0 || rnd(2))) random_field(f, version, arena, out);
    }
}

static void round_trip(const struct kmsg_struct *type, int version, bool flex) {
    struct arena arena = ARENA_INIT;
    struct buf first;
    char *msg = arena_alloc(&arena, type->size);
    buf_init(&first, MIB);
    generate(type, version, &arena, msg);
    assert_int_equal(kmsg_encode(type, version, flex, &first, msg), 0);
    struct rbuf in = rbuf_of(first.ptr, first.len);
    same_again(type, version, flex, &in);
    for (size_t len = 0; len < first.len; len += 1 + len / 16) { /* every byte is needed */
        char *cut = base_alloc(MAX(len, 1)); /* of its own, so that a sanitizer sees overreads */
        memcpy(cut, first.ptr, len);
        in = rbuf_of(cut, len);
        assert_int_not_equal(kmsg_decode(type, version, flex, &in, &arena, msg), 0);
        base_free(cut);
    }
    buf_fini(&first);
    arena_fini(&arena);
}

static void kmsg_round_trips_every_api_and_version(void **state UNUSED) {
    seed = 42;
    for (size_t i = 0; i < kmsg_api_cnt; i++) {
        const struct kmsg_api *api = &kmsg_apis[i];
        for (int v = api->first; v <= api->last; v++)
            for (int again = 0; again < 8; again++) {
                round_trip(api->request, v, v >= api->flex);
                round_trip(api->response, v, v >= api->flex);
            }
    }
    for (size_t i = 0; i < kmsg_data_cnt; i++)
        for (int v = kmsg_datas[i].first; v <= kmsg_datas[i].last; v++)
            for (int again = 0; again < 8; again++)
                round_trip(kmsg_datas[i].body, v, v >= kmsg_datas[i].flex);
}

/* ---- hostile bytes ---- */

static int decode_hex(const struct kmsg_struct *type, int version, bool flex, const char *hex) {
    static char msg[512];
    unsigned char bytes[256];
    struct arena arena = ARENA_INIT;
    size_t len = unhex(hex, bytes);
    struct rbuf in = rbuf_of(bytes, len);
    assert_true(type->size <= sizeof msg);
    int err = kmsg_decode(type, version, flex, &in, &arena, msg);
    assert_true(arena.used < 64 * KIB);
    arena_fini(&arena);
    return err;
}

static void kmsg_refuses_impossible_counts(void **state UNUSED) {
    const struct kmsg_struct *type = &kmsg_metadata_request;
    assert_int_equal(decode_hex(type, 1, false, "00000000"), 0);
    assert_int_equal(decode_hex(type, 1, false, "ffffffff"), 0); /* null: all topics */
    assert_int_equal(decode_hex(type, 0, false, "ffffffff"), ERR_CORRUPT); /* v0 has no null */
    assert_int_equal(decode_hex(type, 1, false, "7fffffff0000"), ERR_CORRUPT);
    assert_int_equal(decode_hex(type, 1, false, "80000000"), ERR_CORRUPT);
    assert_int_equal(decode_hex(type, 1, false, "000f42400001"), ERR_CORRUPT);
    assert_int_equal(decode_hex(type, 9, true, "ffffffffff0f00"), ERR_CORRUPT);
    assert_int_equal(decode_hex(type, 9, true, "ffffffffffffffffff7f"), ERR_CORRUPT);
}

static void kmsg_refuses_null_where_there_is_none(void **state UNUSED) {
    assert_int_equal(decode_hex(&kmsg_metadata_request, 1, false, "00000001ffff"), ERR_CORRUPT);
    assert_int_equal(decode_hex(&kmsg_metadata_request, 1, false, "00000001fffe"), ERR_CORRUPT);
    assert_int_equal(decode_hex(&kmsg_heartbeat_request, 4, true, "00000000000100"), ERR_CORRUPT);
}

static void kmsg_skips_unknown_tags_and_checks_their_order(void **state UNUSED) {
    const struct kmsg_struct *type = &kmsg_api_versions_request;
    assert_int_equal(decode_hex(type, 3, true, "02610262" "00"), 0);
    assert_int_equal(decode_hex(type, 3, true, "02610262" "02" "0503aabbcc" "0900"), 0);
    assert_int_equal(decode_hex(type, 3, true, "02610262" "02" "0900" "0503aabbcc"), ERR_CORRUPT);
    assert_int_equal(decode_hex(type, 3, true, "02610262" "01" "05ff01aa"), ERR_CORRUPT);
    assert_int_equal(decode_hex(type, 3, true, "02610262" "ffffff7f"), ERR_CORRUPT);
}

static void kmsg_limits_what_a_small_frame_unfolds_to(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    struct list_offsets_request msg;
    size_t cnt = 1 << 20; /* topics of 6 bytes each, whose structs take many times that */
    struct buf out;
    buf_init(&out, 16 * MIB);
    buf_i32(&out, -1);
    buf_i32(&out, (int32_t)cnt);
    for (size_t i = 0; i < cnt; i++) {
        buf_i16(&out, 0);
        buf_i32(&out, 0);
    }
    struct rbuf in = rbuf_of(out.ptr, out.len);
    assert_int_equal(kmsg_decode(&kmsg_list_offsets_request, 1, false, &in, &arena, &msg),
                     ERR_TOO_BIG);
    assert_true(arena.used <= KMSG_MEM_MAX);
    buf_fini(&out);
    arena_fini(&arena);
}

static void kmsg_leaves_absent_fields_at_their_defaults(void **state UNUSED) {
    struct arena arena = ARENA_INIT;
    struct fetch_request msg;
    struct buf out;
    kmsg_init(&kmsg_fetch_request, &msg);
    assert_int_equal(msg.max_bytes, INT32_MAX);
    assert_int_equal(msg.session_epoch, -1);
    buf_init(&out, KIB);
    msg.min_bytes = 7;
    msg.session_epoch = 3; /* v4 has no such field: it does not arrive */
    assert_int_equal(kmsg_encode(&kmsg_fetch_request, 4, false, &out, &msg), 0);
    struct rbuf in = rbuf_of(out.ptr, out.len);
    assert_int_equal(kmsg_decode(&kmsg_fetch_request, 4, false, &in, &arena, &msg), 0);
    assert_int_equal(msg.min_bytes, 7);
    assert_int_equal(msg.session_epoch, -1);
    assert_null(msg.rack_id.ptr);
    buf_fini(&out);
    arena_fini(&arena);
}

static void kmsg_refuses_to_write_what_does_not_fit(void **state UNUSED) {
    struct heartbeat_request msg = {.group_id = {NULL, 40000}};
    struct buf out;
    buf_init(&out, MIB);
    msg.group_id.ptr = base_calloc(1, 40000);
    assert_int_equal(kmsg_encode(&kmsg_heartbeat_request, 0, false, &out, &msg), ERR_TOO_BIG);
    buf_fini(&out);
    buf_init(&out, 8);
    msg.group_id.len = 100;
    assert_int_equal(kmsg_encode(&kmsg_heartbeat_request, 0, false, &out, &msg), ERR_TOO_BIG);
    buf_fini(&out);
    base_free((char *)(uintptr_t)msg.group_id.ptr);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kmsg_reads_and_writes_recorded_frames),
        cmocka_unit_test(kmsg_round_trips_every_api_and_version),
        cmocka_unit_test(kmsg_refuses_impossible_counts),
        cmocka_unit_test(kmsg_refuses_null_where_there_is_none),
        cmocka_unit_test(kmsg_skips_unknown_tags_and_checks_their_order),
        cmocka_unit_test(kmsg_limits_what_a_small_frame_unfolds_to),
        cmocka_unit_test(kmsg_leaves_absent_fields_at_their_defaults),
        cmocka_unit_test(kmsg_refuses_to_write_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
