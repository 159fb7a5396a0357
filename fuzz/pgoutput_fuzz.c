/* pgoutput_fuzz.c - frames and messages of a walsender; what is decoded points into the input. */
#include "wire/pg/pgoutput.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_row(const struct pgoutput_row *row, struct str in) {
    for (size_t i = 0; row->value && i < row->cnt; i++) {
        struct str bytes = row->value[i].bytes;
        if (bytes.len) CHECK(bytes.ptr >= in.ptr && bytes.ptr + bytes.len <= in.ptr + in.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena arena = ARENA_INIT;
    struct str in = {(const char *)data, len};
    struct pgoutput_frame frame;
    struct pgoutput message;
    if (!pgoutput_frame(in, &frame) && frame.kind == PGOUTPUT_DATA) in = frame.body;
    if (!pgoutput_decode(in, &arena, &message)) {
        CHECK(message.col_cnt <= PGOUTPUT_COL_MAX);
        check_row(&message.old, in);
        check_row(&message.now, in);
    }
    arena_fini(&arena);
    return 0;
}
