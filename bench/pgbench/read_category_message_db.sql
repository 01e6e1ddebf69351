-- message-db's bound is inclusive.
\set after :first + 2000 * :page + 1
\set page (:page + 1) % :pages
SELECT * FROM get_category_messages('read100', :after, 1000);
