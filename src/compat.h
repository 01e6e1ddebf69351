/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  The differences between PostgreSQL 15, 16, 17 and 18 that matter here.
 *
 * Code elsewhere uses the es_ forms below and names no server version.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/compat.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_COMPAT_H
#define ES_COMPAT_H

#include "access/genam.h"
#include "access/nbtree.h"
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/proc.h"
#include "utils/acl.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "event_store supports PostgreSQL 15 to 18"
#endif

#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h" /* was part of explain.h */
#endif
#if PG_VERSION_NUM >= 160000
#include "parser/parse_relation.h"
#include "varatt.h" /* was part of postgres.h */
#endif

/*
 * es_init_range_table
 *		Gives an executor state its one range table entry.
 *
 * 16 moved the permissions out of the entry.  They are not checked here, but
 * the executor looks at them to describe a row that fails a constraint.
 */
static inline void
es_init_range_table(EState *estate, RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 160000
	List *permissions = NIL;

	(void) addRTEPermissionInfo(&permissions, rte);
#endif
#if PG_VERSION_NUM >= 180000
	ExecInitRangeTable(estate, list_make1(rte), permissions,
					   bms_make_singleton(1));
#elif PG_VERSION_NUM >= 160000
	ExecInitRangeTable(estate, list_make1(rte), permissions);
#else
	ExecInitRangeTable(estate, list_make1(rte));
#endif
}

/*
 * es_insert_index_tuples
 *		Makes a new row's index entries; returns the deferred unique indexes
 *		that are to be checked again.
 */
static inline List *
es_insert_index_tuples(ResultRelInfo *rri, TupleTableSlot *slot, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	return ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL,
								 false);
#else
	return ExecInsertIndexTuples(rri, slot, estate, false, false, NULL, NIL);
#endif
}

/*
 * es_index_beginscan
 *		index_beginscan, which from 18 takes a place for its statistics.
 */
static inline IndexScanDesc
es_index_beginscan(Relation table, Relation index, Snapshot snapshot, int nkeys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(table, index, snapshot, NULL, nkeys, 0);
#else
	return index_beginscan(table, index, snapshot, nkeys, 0);
#endif
}

/*
 * es_file_number
 *		Number of a relation's file; 16 gave it another name.
 */
static inline Oid
es_file_number(Relation rel)
{
#if PG_VERSION_NUM >= 160000
	return rel->rd_locator.relNumber;
#else
	return rel->rd_node.relNode;
#endif
}

/*
 * es_read_recent_buffer
 *		Pins a buffer if it holds a page of a relation.
 */
static inline bool
es_read_recent_buffer(Relation rel, BlockNumber block, Buffer buffer)
{
#if PG_VERSION_NUM >= 160000
	return ReadRecentBuffer(rel->rd_locator, MAIN_FORKNUM, block, buffer);
#else
	return ReadRecentBuffer(rel->rd_node, MAIN_FORKNUM, block, buffer);
#endif
}

/*
 * es_clear_search_kind
 *		Says of an insertion key that nothing special is searched for with it;
 *		17 has another special thing than 16.
 */
static inline void
es_clear_search_kind(BTScanInsert key)
{
#if PG_VERSION_NUM >= 170000
	key->backward = false;
#else
	key->pivotsearch = false;
#endif
}

/*
 * es_bt_search
 *		_bt_search to read, which got the table in 16, and lost the snapshot in
 *		17.
 */
static inline BTStack
es_bt_search(Relation index, Relation table, BTScanInsert key, Buffer *buffer)
{
#if PG_VERSION_NUM >= 170000
	return _bt_search(index, table, key, buffer, BT_READ);
#elif PG_VERSION_NUM >= 160000
	return _bt_search(index, table, key, buffer, BT_READ, NULL);
#else
	return _bt_search(index, key, buffer, BT_READ, NULL);
#endif
}

/*
 * es_never_null
 *		Whether no row has a null in a column.  18 also has constraints against
 *		it that old rows were not checked for.
 */
static inline bool
es_never_null(TupleDesc desc, int i)
{
#if PG_VERSION_NUM >= 180000
	return TupleDescCompactAttr(desc, i)->attnullability == ATTNULLABLE_VALID;
#else
	return TupleDescAttr(desc, i)->attnotnull;
#endif
}

/*
 * es_owns_database
 *		Whether a role owns the current database.
 */
static inline bool
es_owns_database(Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, MyDatabaseId, roleid);
#else
	return pg_database_ownercheck(MyDatabaseId, roleid);
#endif
}

/*
 * es_owns_relation
 *		Whether a role owns a relation.
 */
static inline bool
es_owns_relation(Oid relid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, roleid);
#else
	return pg_class_ownercheck(relid, roleid);
#endif
}

/*
 * es_role_may_execute
 *		Whether a role may execute a function.
 */
static inline bool
es_role_may_execute(Oid function, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, roleid, ACL_EXECUTE) ==
		ACLCHECK_OK;
#else
	return pg_proc_aclcheck(function, roleid, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

/*
 * es_may_execute
 *		Whether the current role may execute a function.
 */
static inline bool
es_may_execute(Oid function)
{
	return es_role_may_execute(function, GetUserId());
}

/*
 * What a worker connects with: from 17 on, its owner need not be one who may log in.
 */
#if PG_VERSION_NUM >= 170000
#define ES_WORKER_FLAGS	  BGWORKER_BYPASS_ROLELOGINCHECK
#define ES_WORKERS_LOG_IN false
#else
#define ES_WORKER_FLAGS	  0
#define ES_WORKERS_LOG_IN true
#endif

/*
 * es_local_xid
 *		What tells this session's transactions apart.
 */
static inline LocalTransactionId
es_local_xid(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProc->vxid.lxid;
#else
	return MyProc->lxid;
#endif
}

#endif /* ES_COMPAT_H */
