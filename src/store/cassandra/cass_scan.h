/* cass_scan.h - reading rows, page by page.
 *
 * A mark is the paging state of the page a row came from and the row's keys: going on means to get
 * that page again and to pass over what is not behind the row, so it does not matter what was
 * written meanwhile, nor which node answers. Each page shows the rows as they are when it is read.
 * Limits: CASS_SCAN_PAGE rows a page. Thread: one. */
#ifndef STORE_CASSANDRA_CASS_SCAN_H
#define STORE_CASSANDRA_CASS_SCAN_H

#include "store/cassandra/cass_store.h"

#define CASS_SCAN_PAGE 1000

int cass_scan_open(struct store *store, const struct store_table *table,
                   const struct store_range *range, struct str resume,
                   struct store_scan **out) MUST_USE;
int cass_scan_next(struct store_scan *scan, struct arena *arena, struct store_row *out,
                   bool *more) MUST_USE;
struct str cass_scan_mark(struct store_scan *scan, struct arena *arena);
void cass_scan_close(struct store_scan *scan);

#endif
