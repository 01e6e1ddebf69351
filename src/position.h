/*-------------------------------------------------------------------------
 *
 * position.h
 *	  Global positions: drawing them, and how far readers may go.
 *
 * Copyright (c) 2026, event_store contributors
 *
 * src/position.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef ES_POSITION_H
#define ES_POSITION_H

extern int64 es_last_position(void);
extern void es_check_within_store(int64 position);
extern int64 es_last_position_to_draw(void);
extern int64 es_draw_position(void);
extern int64 es_begin_writing(int64 position);
extern void es_end_writing(int64 outer);
extern int64 es_safe_position(int64 wanted);

#endif /* ES_POSITION_H */
