/* cass_text.c - quoting. */
#include "store/cassandra/cass_text.h"

static void put(struct str text, char quote, struct buf *out) {
    buf_putc(out, quote);
    for (size_t i = 0; i < text.len; i++) {
        buf_putc(out, text.ptr[i]);
        if (text.ptr[i] == quote) buf_putc(out, quote);
    }
    buf_putc(out, quote);
}

void cass_text_name(struct str name, struct buf *out) {
    put(name, '"', out);
}

void cass_text_quote(struct str text, struct buf *out) {
    put(text, '\'', out);
}

void cass_text_qualified(struct str keyspace, struct str name, struct buf *out) {
    cass_text_name(keyspace, out);
    buf_putc(out, '.');
    cass_text_name(name, out);
}

void cass_text_table(const struct store_table *table, struct buf *out) {
    cass_text_qualified(table->keyspace, table->name, out);
}
