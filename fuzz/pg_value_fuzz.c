/* pg_value_fuzz.c - any text of any type becomes well-formed JSON. */
#include "landing/postgres/pg_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct buf out;
    if (len < 2) return 0;
    struct pg_type type = {25, (enum pg_value_kind)(data[0] % (PG_VALUE_BYTES + 1)), data[1] & 1};
    buf_init(&out, 16 * MIB);
    pg_value_json(&type, (struct str){(const char *)data + 2, len - 2}, &out);
    CHECK(!out.full && !json_check(buf_str(&out), NULL));
    buf_fini(&out);
    return 0;
}
