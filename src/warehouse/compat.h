/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  The differences between PostgreSQL 15 and 18 that matter here.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/warehouse/compat.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef WH_COMPAT_H
#define WH_COMPAT_H

#include "access/genam.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"

/*
 * wh_index_beginscan
 *		index_beginscan, which from 18 takes a place for its statistics.
 */
static inline IndexScanDesc
wh_index_beginscan(Relation table, Relation index, Snapshot snapshot, int nkeys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(table, index, snapshot, NULL, nkeys, 0);
#else
	return index_beginscan(table, index, snapshot, nkeys, 0);
#endif
}

/*
 * wh_tuple_update
 *		Updates a row and makes its index entries; returns false when it is no
 *		longer the latest version, after waiting for whoever changed it.
 *
 * 16 tells apart which kinds of indexes need new entries.
 */
static inline bool
wh_tuple_update(ResultRelInfo *target, ItemPointer tid, TupleTableSlot *slot,
				EState *estate)
{
#if PG_VERSION_NUM >= 160000
	TU_UpdateIndexes indexes;
#else
	bool indexes;
#endif
	TM_FailureData failure;
	LockTupleMode lockmode;

	ExecMaterializeSlot(slot);
	slot->tts_tableOid = RelationGetRelid(target->ri_RelationDesc);
	if (table_tuple_update(target->ri_RelationDesc, tid, slot,
						   GetCurrentCommandId(true), estate->es_snapshot,
						   InvalidSnapshot, true, &failure, &lockmode,
						   &indexes) != TM_Ok)
		return false;
#if PG_VERSION_NUM >= 160000
	if (indexes != TU_None)
		list_free(ExecInsertIndexTuples(target, slot, estate, true, false, NULL,
										NIL, indexes == TU_Summarizing));
#else
	if (indexes)
		list_free(ExecInsertIndexTuples(target, slot, estate, true, false, NULL,
										NIL));
#endif
	return true;
}

/*
 * wh_owns_database
 *		Whether a role owns the current database.
 */
static inline bool
wh_owns_database(Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, MyDatabaseId, roleid);
#else
	return pg_database_ownercheck(MyDatabaseId, roleid);
#endif
}

/*
 * wh_owns_relation
 *		Whether a role owns a relation.
 */
static inline bool
wh_owns_relation(Oid relid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, roleid);
#else
	return pg_class_ownercheck(relid, roleid);
#endif
}

#endif /* WH_COMPAT_H */
