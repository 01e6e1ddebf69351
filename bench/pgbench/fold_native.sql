SELECT counter(e) FROM event_store.read_stream(:stream) e;
