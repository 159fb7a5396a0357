/* cass_text.h - names and literals in statements. */
#ifndef STORE_CASSANDRA_CASS_TEXT_H
#define STORE_CASSANDRA_CASS_TEXT_H

#include "base/buf.h"
#include "store/store.h"

void cass_text_name(struct str name, struct buf *out);  /* "name", quotes doubled */
void cass_text_quote(struct str text, struct buf *out); /* 'text' */
void cass_text_qualified(struct str keyspace, struct str name, struct buf *out);
void cass_text_table(const struct store_table *table, struct buf *out);

#endif
