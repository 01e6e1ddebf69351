/*-------------------------------------------------------------------------
 *
 * errors.h
 *	  The store's own error conditions, class ST.
 *
 * The SQL standard leaves classes that begin with I to Z to implementations.
 * docs/reference.md describes each to users.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/errors.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_ERRORS_H
#define ES_ERRORS_H

#include "utils/elog.h"

/* ST001: the stream is not at the expected version; load it and decide again */
#define ES_ERR_VERSION_CONFLICT MAKE_SQLSTATE('S', 'T', '0', '0', '1')

/* ST002: create_store() has not been called in this database */
#define ES_ERR_NO_STORE MAKE_SQLSTATE('S', 'T', '0', '0', '2')

/* ST003: an event id is taken by an event that this is not a retry of */
#define ES_ERR_DUPLICATE_EVENT MAKE_SQLSTATE('S', 'T', '0', '0', '3')

/* ST004: nothing says how the events of this category fold into a state */
#define ES_ERR_NO_AGGREGATE_TYPE MAKE_SQLSTATE('S', 'T', '0', '0', '4')

/* ST005: a validator refused the data of an event */
#define ES_ERR_REFUSED MAKE_SQLSTATE('S', 'T', '0', '0', '5')

/* ST006: a consumer's lease was taken over, so that its answer does not count */
#define ES_ERR_LEASE_LOST MAKE_SQLSTATE('S', 'T', '0', '0', '6')

/* ST007: events, streams and categories are only ever added, by the calls */
#define ES_ERR_APPEND_ONLY MAKE_SQLSTATE('S', 'T', '0', '0', '7')

/* ST008: a reader's position is beyond the last one the store has drawn */
#define ES_ERR_BEYOND_STORE MAKE_SQLSTATE('S', 'T', '0', '0', '8')

/* ST009: positions drawn now would collide; the sequence is to be repaired */
#define ES_ERR_SEQUENCE_BEHIND MAKE_SQLSTATE('S', 'T', '0', '0', '9')

/* ST010: no upcaster leads from an event's schema version to the next */
#define ES_ERR_NO_UPCASTER MAKE_SQLSTATE('S', 'T', '0', '1', '0')

/* ST011: a stream does not end as it was sealed, so that it is not sealed again */
#define ES_ERR_NOT_AS_SEALED MAKE_SQLSTATE('S', 'T', '0', '1', '1')

#endif /* ES_ERRORS_H */
