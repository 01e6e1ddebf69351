-- Page after page, and from the beginning again.
\set after 1000 * :page
\set page (:page + 1) % :pages
SELECT * FROM event_store.read_all(:after, 1000);
