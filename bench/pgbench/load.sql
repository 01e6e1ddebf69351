SELECT * FROM event_store.load(:stream);
