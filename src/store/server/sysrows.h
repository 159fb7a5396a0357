/* sysrows.h - the functions that make the rows of the system tables; systab_def.c names them. */
#ifndef STORE_SERVER_SYSROWS_H
#define STORE_SERVER_SYSROWS_H

#include "store/server/systab.h"

/* sysrows_node.c: the server */
int sysrows_node_local(struct systab_out *out);
int sysrows_node_prepared(struct systab_out *out);
int sysrows_node_size(struct systab_out *out);
int sysrows_node_table_size(struct systab_out *out);
/* sysrows_schema.c: system_schema */
int sysrows_schema_keyspaces(struct systab_out *out);
int sysrows_schema_tables(struct systab_out *out);
int sysrows_schema_columns(struct systab_out *out);
int sysrows_schema_types(struct systab_out *out);
/* sysrows_virtual.c: system_virtual_schema */
int sysrows_virtual_keyspaces(struct systab_out *out);
int sysrows_virtual_tables(struct systab_out *out);
int sysrows_virtual_columns(struct systab_out *out);

#endif
