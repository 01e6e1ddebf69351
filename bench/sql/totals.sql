-- bench/sql/totals.sql
--
-- A read model: how many events each customer has, and what their prices come to.  The
-- table :name, its handler in SQL, its reset, and a projection of that name for all
-- events after the position :after.

CREATE TABLE :name (
	customer text PRIMARY KEY,
	events bigint NOT NULL,
	amount numeric NOT NULL);

SELECT format($body$
CREATE FUNCTION handle_%1$s(batch event_store.event[])
RETURNS void
LANGUAGE sql VOLATILE
AS $$
	INSERT INTO public.%1$s AS total
	SELECT e.data ->> 'customer', count(*), sum((e.data ->> 'price')::numeric)
	  FROM unnest(batch) e
	 GROUP BY 1
	ON CONFLICT (customer) DO UPDATE
	SET events = total.events + excluded.events, amount = total.amount + excluded.amount
$$;
CREATE FUNCTION empty_%1$s()
RETURNS void
LANGUAGE sql VOLATILE
AS 'TRUNCATE public.%1$s';
$body$, :'name')
\gexec

SELECT event_store.create_projection(:'name', 'public.handle_' || :'name', reset => 'public.empty_' || :'name',
									 start_position => :after);
