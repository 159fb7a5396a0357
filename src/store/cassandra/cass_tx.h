/* cass_tx.h - a transaction: rows gathered, then brought to their partitions.
 *
 * Writing encodes each row at once; a commit groups them by partition, sends each group as an
 * EXECUTE or UNLOGGED batches below CASS_TX_BATCH_MAX bytes, and waits until all are acknowledged.
 * Only then the state is written, so it never speaks of rows that are not there; what was done of a
 * commit that failed is done again by the caller with the same timestamps, which changes nothing.
 * A row that a server would refuse is refused when it is written, not at the commit, which would
 * fail with it for ever: ERR_TOO_BIG, ERR_TYPE (text that is no UTF-8).
 * Limits: CASS_TX_MAX bytes of rows, CASS_TX_ROW_MAX of one. Thread: one. */
#ifndef STORE_CASSANDRA_CASS_TX_H
#define STORE_CASSANDRA_CASS_TX_H

#include "store/cassandra/cass_store.h"

#define CASS_TX_MAX       (512 * MIB)
#define CASS_TX_ROW_MAX   (15 * MIB) /* Cassandra takes 16 MiB unless told otherwise */
#define CASS_TX_BATCH_MAX (48 * KIB)
#define CASS_TX_ITEM_MAX  1000 /* statements of a batch */

int cass_tx_begin(struct store *store, struct store_tx **out) MUST_USE;
int cass_tx_write(struct store_tx *tx, const struct store_table *table,
                  const struct store_write *write) MUST_USE;
int cass_tx_put_state(struct store_tx *tx, struct str name, struct str value) MUST_USE;
int cass_tx_commit(struct store_tx *tx) MUST_USE;
void cass_tx_abort(struct store_tx *tx);

#endif
