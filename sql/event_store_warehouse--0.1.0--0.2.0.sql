/* sql/event_store_warehouse--0.1.0--0.2.0.sql */

-- complain if the script is sourced in psql rather than run by ALTER EXTENSION
\echo Use "ALTER EXTENSION event_store_warehouse UPDATE TO '0.2.0'" to load this file. \quit

-- Nothing changes in the warehouse; its version is that of event_store.
