SELECT event_store.safe_position();
