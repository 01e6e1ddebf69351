SELECT version FROM event_store.state_at(:stream, as_of => :moment);
