SELECT * FROM event_store.load(:stream, use_snapshot => false);
