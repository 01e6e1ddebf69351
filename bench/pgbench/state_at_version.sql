SELECT version FROM event_store.state_at(:stream, version => :moment);
