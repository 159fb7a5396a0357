/* cqlwire_test.c - the frames recorded from real drivers in test/wire/cql decode, every one. */
#include "support/unit.h"

#include "base/env.h"
#include "base/err.h"
#include "wire/cql/cqlframe.h"
#include "wire/cql/cqlmsg.h"

#define DIR      "test/wire/cql"
#define FILE_MAX (1 * MIB)

static int frame_cnt, seen[256];

static int decode(const struct cqlframe *frame, struct str body, struct arena *arena) {
    struct cqlmsg_how how = {frame->version, STR("unset"), arena};
    struct cqlmsg_query query;
    struct cqlmsg_execute execute;
    struct cqlmsg_batch batch;
    struct cqlmsg_startup startup;
    struct str text;
    unsigned events;
    switch (frame->opcode) {
    case CQLFRAME_QUERY: return cqlmsg_query(body, &how, &query);
    case CQLFRAME_EXECUTE: return cqlmsg_execute(body, &how, &execute);
    case CQLFRAME_BATCH: return cqlmsg_batch(body, &how, &batch);
    case CQLFRAME_STARTUP: return cqlmsg_startup(body, &how, &startup);
    case CQLFRAME_PREPARE: return cqlmsg_prepare(body, &text);
    case CQLFRAME_REGISTER: return cqlmsg_register(body, &events);
    case CQLFRAME_OPTIONS: return body.len == 0 ? 0 : ERR_CORRUPT;
    default: return ERR_UNSUPPORTED;
    }
}

static bool zipped(const struct cqlframe *frame, struct arena *arena, struct str *body) {
    for (int zip = CQLFRAME_LZ4; zip <= CQLFRAME_SNAPPY; zip++)
        if (cqlframe_unzip((enum cqlframe_zip)zip, frame->body, MIB, arena, body) == 0) return true;
    return false;
}

static void check_frame(const struct buf *bytes) {
    struct arena arena = ARENA_INIT;
    struct cqlframe frame;
    struct str body;
    assert_int_equal(cqlframe_decode(buf_str(bytes), &frame), 0);
    assert_int_equal(cqlframe_len((const unsigned char *)bytes->ptr), bytes->len);
    assert_false(frame.answer);
    body = frame.body;
    if (frame.flags & CQLFRAME_COMPRESSED) assert_true(zipped(&frame, &arena, &body));
    if (frame.flags & CQLFRAME_PAYLOAD) assert_int_equal(cqlmsg_payload(&body), 0);
    if (frame.version <= CQLFRAME_VERSION_MAX) {
        if (decode(&frame, body, &arena))
            fail_msg("%s: %s", cqlframe_op_name(frame.opcode), err_note());
        seen[frame.opcode]++;
        frame_cnt++;
    }
    arena_fini(&arena);
}

static void put_hex(struct buf *out, struct str line) {
    for (size_t i = 0; i + 1 < line.len; i += 2) {
        char pair[3] = {line.ptr[i], line.ptr[i + 1], 0};
        buf_putc(out, (char)strtoul(pair, NULL, 16));
    }
}

static void check_file(void *arg UNUSED, const char *name, bool is_dir UNUSED) {
    char path[256], *text;
    size_t len;
    struct buf bytes;
    snprintf(path, sizeof path, DIR "/%s", name);
    assert_int_equal(env_read_whole(env_real(), path, FILE_MAX, &text, &len), 0);
    struct str rest = {text, len};
    buf_init(&bytes, FILE_MAX);
    while (rest.ptr) {
        struct str line = str_trim(str_cut(rest, '\n', &rest));
        if (line.len > 0 && line.ptr[0] != '#') {
            put_hex(&bytes, line);
            continue;
        }
        if (bytes.len > 0) check_frame(&bytes);
        buf_reset(&bytes);
    }
    buf_fini(&bytes);
    base_free(text);
}

static void cqlwire_recorded_frames_decode(void **state UNUSED) {
    static const uint8_t opcode[] = {CQLFRAME_STARTUP, CQLFRAME_OPTIONS, CQLFRAME_QUERY,
                                     CQLFRAME_PREPARE, CQLFRAME_EXECUTE, CQLFRAME_REGISTER,
                                     CQLFRAME_BATCH};
    assert_int_equal(env_list(env_real(), DIR, check_file, NULL), 0);
    assert_true(frame_cnt > 80);
    for (size_t i = 0; i < ARRAY_LEN(opcode); i++) assert_true(seen[opcode[i]] > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(cqlwire_recorded_frames_decode)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
