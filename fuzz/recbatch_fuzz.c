/* recbatch_fuzz.c - any bytes as record batches: refused or walked, never read past their end.
 *
 * The CRC is put right first in a copy of a whole batch, so that the fuzzer gets at the records. */
#include "base/crc.h"
#include "wire/kafka/recbatch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void walk(struct str bytes) {
    struct arena arena = ARENA_INIT;
    struct recbatch_iter it;
    struct record rec;
    size_t sum = 0;
    recbatch_walk(&it, bytes, 0, &arena);
    while (recbatch_next(&it, &rec)) {
        for (size_t i = 0; i < rec.key.len; i++)
            sum += (unsigned char)rec.key.ptr[i];
        for (size_t i = 0; i < rec.value.len; i++)
            sum += (unsigned char)rec.value.ptr[i];
        for (uint32_t i = 0; i < rec.header_cnt; i++)
            sum += rec.header[i].name.len;
    }
    CHECK(sum != SIZE_MAX);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct recbatch_head head;
    struct str bytes = {(const char *)data, len};
    int err = recbatch_check(bytes, &head);
    if (!err) CHECK(head.size <= len);
    walk(bytes);
    if (recbatch_peek(bytes, &head) || head.size > len) return 0;
    char *copy = base_alloc(head.size);
    memcpy(copy, data, head.size);
    uint32_t crc = __builtin_bswap32(crc_32c(copy + 21, head.size - 21));
    memcpy(copy + 17, &crc, sizeof crc);
    CHECK(recbatch_check((struct str){copy, head.size}, &head) == 0);
    err = recbatch_check_records((struct str){copy, head.size}, false);
    walk((struct str){copy, head.size});
    base_free(copy);
    return err > 0;
}
