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
 * wh_init_recheck
 *		What the executor wants for rows that somebody else has updated, which
 *		those that are updated here never are.
 */
static inline void
wh_init_recheck(EPQState *epq, EState *estate)
{
#if PG_VERSION_NUM >= 160000
	EvalPlanQualInit(epq, estate, NULL, NIL, -1, NIL);
#else
	EvalPlanQualInit(epq, estate, NULL, NIL, -1);
#endif
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
