/*-------------------------------------------------------------------------
 *
 * fault.h
 *	  Places in the code that a test can make fail.
 *
 * They compile to nothing unless ES_FAULT_POINTS is defined, which make
 * FAULT_POINTS=1 does and a release never has.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/fault.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_FAULT_H
#define ES_FAULT_H

#ifdef ES_FAULT_POINTS
extern void es_faults_init(void);
extern void es_fault_point(const char *name);
extern void es_fault_point_of(const char *table, const char *what);

#define ES_FAULT_POINT(name)		   es_fault_point(name)
#define ES_FAULT_POINT_OF(table, what) es_fault_point_of(table, what)
#else
#define es_faults_init()			   ((void) 0)
#define ES_FAULT_POINT(name)		   ((void) 0)
#define ES_FAULT_POINT_OF(table, what) ((void) 0)
#endif

#endif /* ES_FAULT_H */
