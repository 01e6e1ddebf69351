-- Every other ten events are of this category, so that a page spans 2,000.
\set after :first + 2000 * :page
\set page (:page + 1) % :pages
SELECT * FROM event_store.read_category('read100', :after, 1000);
