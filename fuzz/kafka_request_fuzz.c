/* kafka_request_fuzz.c - Kafka messages from hostile bytes: any API, any version, both directions.
 *
 * Input: one byte 0 and a request as on the wire (without its length), or one byte 1, API key,
 * version and a response's body. What decodes must encode, and the encoding must be a fixed point:
 * decoding and encoding it again gives the same bytes. */
#include "wire/kafka/kmsg.h"

#define OUT_MAX ((size_t)64 << 20)

static void check(const struct kmsg_struct *type, int version, bool flex, struct rbuf in) {
    struct arena arena = ARENA_INIT;
    struct buf once, twice;
    void *msg = arena_alloc(&arena, type->size);
    buf_init(&once, OUT_MAX);
    buf_init(&twice, OUT_MAX);
    if (!kmsg_decode(type, version, flex, &in, &arena, msg)) {
        CHECK(arena.used <= KMSG_MEM_MAX + 64 * KIB);
        CHECK(!kmsg_encode(type, version, flex, &once, msg));
        struct rbuf again = rbuf_of(once.ptr, once.len);
        CHECK(!kmsg_decode(type, version, flex, &again, &arena, msg));
        CHECK(rbuf_done(&again));
        CHECK(!kmsg_encode(type, version, flex, &twice, msg));
        CHECK(str_eq(buf_str(&once), buf_str(&twice)));
    }
    buf_fini(&once);
    buf_fini(&twice);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct rbuf in = rbuf_of(data, size);
    struct kmsg_head head = {0};
    bool response = rbuf_u8(&in) & 1;
    if (response) {
        head.api_key = rbuf_i16(&in);
        head.api_version = rbuf_i16(&in);
    } else if (kmsg_head_decode(&in, &head)) {
        return 0;
    }
    const struct kmsg_api *api = kmsg_api_of(head.api_key);
    if (in.bad || !api || head.api_version < api->first || head.api_version > api->last) return 0;
    check(response ? api->response : api->request, head.api_version,
          head.api_version >= api->flex, in);
    return 0;
}
