/* cql_frame_fuzz.c - any bytes as a frame: its head, both decompressions, every request's body. */
#include "wire/cql/cqlframe.h"
#include "wire/cql/cqlmsg.h"

#define UNZIP_MAX (1 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void decode(uint8_t opcode, struct str body, const struct cqlmsg_how *how) {
    struct cqlmsg_query query;
    struct cqlmsg_execute execute;
    struct cqlmsg_batch batch;
    struct cqlmsg_startup startup;
    struct str text;
    unsigned events;
    int err = 0;
    switch (opcode) {
    case CQLFRAME_QUERY: err = cqlmsg_query(body, how, &query); break;
    case CQLFRAME_EXECUTE: err = cqlmsg_execute(body, how, &execute); break;
    case CQLFRAME_BATCH: err = cqlmsg_batch(body, how, &batch); break;
    case CQLFRAME_STARTUP: err = cqlmsg_startup(body, how, &startup); break;
    case CQLFRAME_PREPARE: err = cqlmsg_prepare(body, &text); break;
    case CQLFRAME_REGISTER: err = cqlmsg_register(body, &events); break;
    default: return;
    }
    /* What was accepted lies within the body. */
    if (!err && opcode == CQLFRAME_QUERY)
        CHECK(query.text.ptr >= body.ptr && query.text.len <= body.len);
    if (!err && opcode == CQLFRAME_BATCH) CHECK(batch.item_cnt <= body.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena arena = ARENA_INIT;
    struct cqlframe frame;
    if (cqlframe_decode((struct str){(const char *)data, len}, &frame)) return 0;
    CHECK(cqlframe_len(data) >= CQLFRAME_HEAD_LEN);
    struct cqlmsg_how how = {frame.version, STR("unset"), &arena};
    struct str body = frame.body;
    if (frame.flags & CQLFRAME_PAYLOAD && cqlmsg_payload(&body) == 0) CHECK(body.len <= len);
    decode(frame.opcode, body, &how);
    for (int zip = CQLFRAME_LZ4; zip <= CQLFRAME_SNAPPY; zip++) {
        struct str raw;
        if (cqlframe_unzip((enum cqlframe_zip)zip, frame.body, UNZIP_MAX, &arena, &raw)) continue;
        CHECK(raw.len <= UNZIP_MAX);
        decode(frame.opcode, raw, &how);
    }
    arena_fini(&arena);
    return 0;
}
