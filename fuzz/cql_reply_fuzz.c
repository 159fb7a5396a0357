/* cql_reply_fuzz.c - any bytes as what a server answers: segments, frames, every answer's body.
 *
 * The first byte chooses: bit 0 segments with compression, bit 1 protocol version 5. */
#include "wire/cql/cqlframe.h"
#include "wire/cql/cqlmsg.h"
#include "wire/cql/cqlreply.h"
#include "wire/cql/cqlsegment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void take_result(struct str body, uint8_t version, struct arena *arena) {
    struct cqlreply_result result;
    if (cqlreply_result(body, version, arena, &result) || result.kind != CQLREPLY_ROWS) return;
    CHECK(result.rows.row_cnt <= body.len && result.rows.col_cnt <= UINT16_MAX);
    for (size_t i = 0; i < result.rows.row_cnt && !result.rows.in.bad; i++)
        for (size_t k = 0; k < result.rows.col_cnt && !result.rows.in.bad; k++) {
            struct str cell = cqlreply_cell(&result.rows);
            CHECK(cell.len <= body.len);
        }
}

static void take(uint8_t flags, uint8_t opcode, struct str body, uint8_t version) {
    struct arena arena = ARENA_INIT;
    struct cqlreply_error error;
    struct cqlreply_event event;
    struct str text;
    if (cqlreply_open(flags, &body, &text)) return;
    switch (opcode) {
    case CQLFRAME_ERROR: (void)!cqlreply_error(body, &error); break;
    case CQLFRAME_RESULT: take_result(body, version, &arena); break;
    case CQLFRAME_EVENT: (void)!cqlreply_event(body, &event); break;
    case CQLFRAME_AUTHENTICATE: (void)!cqlreply_authenticate(body, &text); break;
    case CQLFRAME_SUPPORTED: (void)cqlreply_supports(body, STR("a"), STR("b")); break;
    default: break;
    }
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena arena = ARENA_INIT;
    struct cqlsegment segment;
    struct cqlframe frame;
    if (!len) return 0;
    struct str bytes = {(const char *)data + 1, len - 1};
    bool zip = data[0] & 1;
    uint8_t version = data[0] & 2 ? 5 : 4;
    if (!cqlsegment_decode(bytes, zip, &arena, &segment)) {
        CHECK(segment.payload.len <= CQLSEGMENT_PAYLOAD_MAX);
        bytes = segment.payload;
    }
    if (!cqlframe_decode(bytes, &frame)) take(frame.flags, frame.opcode, frame.body, version);
    arena_fini(&arena);
    return 0;
}
