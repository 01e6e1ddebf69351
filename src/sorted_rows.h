/*-------------------------------------------------------------------------
 *
 * sorted_rows.h
 *	  Rows of a table of the store, sorted by some of its columns.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/sorted_rows.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_SORTED_ROWS_H
#define ES_SORTED_ROWS_H

#include "event_hash.h"
#include "store.h"
#include "utils/snapshot.h"

typedef struct EsSortedRows EsSortedRows;

/* Makes a digest of a value. */
typedef void (*EsDigest)(EsHasher *hasher, Datum value, EsHash *hash);

/*
 * A column that is asked for.  Not the value is sorted but its digest, a bytea,
 * where that is given; null where the optional column, which comes before, is
 * null, too.
 */
typedef struct EsSortColumn
{
	int column; /* of the table */
	EsDigest digest;
	bool is_optional;
} EsSortColumn;

/* Told after every row that is read. */
typedef void (*EsRowRead)(void *arg);

extern EsSortedRows *es_sort_rows(EsTableId table, Relation rel,
								  Snapshot snapshot,
								  const EsSortColumn *columns, int ncolumns,
								  int nkeys, EsRowRead row_read, void *arg);
extern const Datum *es_sorted_next(EsSortedRows *rows);
extern bool es_sorted_is_null(const EsSortedRows *rows, int column);
extern void es_sorted_end(EsSortedRows *rows);

#endif /* ES_SORTED_ROWS_H */
