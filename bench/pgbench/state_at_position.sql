SELECT version FROM event_store.state_at(:stream, global_position => :moment);
