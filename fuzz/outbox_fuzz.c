/* outbox_fuzz.c - outbox entries, as our own writes leave them and as triggers do. */
#include "landing/sqlite/lite_outbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct arena arena = ARENA_INIT;
    struct str body = {(const char *)data, len};
    struct change *change;
    size_t cnt = 0;
    if (!lite_outbox_decode(body, &arena, &change, &cnt)) {
        /* What was read can be written, and is read the same. */
        struct lite_outbox outbox;
        struct change *again;
        size_t again_cnt = 0;
        lite_outbox_init(&outbox);
        for (size_t i = 0; i < cnt; i++) lite_outbox_add(&outbox, &change[i]);
        if (cnt) CHECK(!lite_outbox_decode(buf_str(&outbox.body), &arena, &again, &again_cnt));
        CHECK(again_cnt == cnt);
        for (size_t i = 0; i < cnt; i++) {
            CHECK(again[i].op == change[i].op && str_eq(again[i].table, change[i].table));
            CHECK(str_eq(again[i].key, change[i].key) && str_eq(again[i].after, change[i].after));
            CHECK(!again[i].before.ptr == !change[i].before.ptr);
        }
        lite_outbox_fini(&outbox);
    }
    if (!lite_outbox_decode_json(body, &arena, &change, &cnt)) CHECK(cnt == 1 || cnt == 2);
    arena_fini(&arena);
    return 0;
}
