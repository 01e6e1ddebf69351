# test/t/StoreObjects.pm
#
# What a database holds of the store and the warehouse, as lines that can be
# compared with another database's: definitions_of(node, db),
# functions_of(node, db) and grants_of(node, db); same() compares them.

package StoreObjects;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

our @EXPORT = qw(definitions_of functions_of grants_of same);

sub definitions_of
{
	my ($node, $db) = @_;

	return $node->safe_psql($db, <<~'END');
		SET search_path = pg_catalog;
		CREATE TEMPORARY VIEW ours AS
			SELECT oid FROM pg_namespace WHERE nspname IN ('event_store', 'warehouse', 'shop');
		SELECT 'rule', pg_get_ruledef(r.oid), r.ev_enabled, obj_description(r.oid)
		  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
		 WHERE c.relnamespace IN (TABLE ours) ORDER BY 2;
		SELECT 'trigger', pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid)
		  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
		 WHERE c.relnamespace IN (TABLE ours) ORDER BY 2;
		SELECT 'relation', c.oid::regclass, c.relkind, c.reloptions, t.reloptions, c.relowner::regrole, obj_description(c.oid)
		  FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
		 WHERE c.relnamespace IN (TABLE ours) AND c.relkind <> 'i' ORDER BY 2::text;
		SELECT 'index', pg_get_indexdef(indexrelid), indisvalid
		  FROM pg_index JOIN pg_class c ON c.oid = indrelid
		 WHERE c.relnamespace IN (TABLE ours) ORDER BY 2;
		SELECT 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid)
		  FROM pg_constraint WHERE connamespace IN (TABLE ours) ORDER BY 2::text, 3;
		SELECT 'column', a.attrelid::regclass, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
			   a.attnotnull, a.attgenerated, a.attcollation::regcollation,
			   col_description(a.attrelid, a.attnum), pg_get_expr(d.adbin, d.adrelid)
		  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		 WHERE c.relnamespace IN (TABLE ours) AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 2::text, 3;
		SELECT 'sequence', seqrelid::regclass, seqincrement, seqcache, seqcycle, seqstart,
			   pg_get_serial_sequence('event_store.events', 'global_position')
		  FROM pg_sequence ORDER BY 2::text;
		SELECT 'member', extname, pg_describe_object(classid, objid, 0)
		  FROM pg_depend JOIN pg_extension e ON refobjid = e.oid AND refclassid = 'pg_extension'::regclass
		 WHERE deptype = 'e' AND extname LIKE 'event_store%' ORDER BY 2, 3;
		END
}

sub functions_of
{
	my ($node, $db) = @_;

	return $node->safe_psql($db, <<~'END');
		SET search_path = pg_catalog;
		SELECT 'function', p.oid::regprocedure, pg_get_functiondef(p.oid), obj_description(p.oid, 'pg_proc')
		  FROM pg_proc p
		 WHERE p.pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('event_store', 'warehouse'))
		 ORDER BY 2::text;
		SELECT 'attribute', c.oid::regclass, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod),
			   col_description(c.oid, a.attnum), obj_description(c.reltype, 'pg_type')
		  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		 WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('event_store', 'warehouse'))
		   AND c.relkind = 'c' ORDER BY 2::text, 3;
		SELECT 'view', c.oid::regclass, pg_get_viewdef(c.oid)
		  FROM pg_class c
		 WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('event_store', 'warehouse'))
		   AND c.relkind = 'v' ORDER BY 2::text;
		END
}

sub grants_of
{
	my ($node, $db) = @_;

	return $node->safe_psql($db, <<~'END');
		SET search_path = pg_catalog;
		SELECT what, grantee::regrole, grantor::regrole, privilege_type, is_grantable
		  FROM (SELECT p.oid::regprocedure::text AS what, p.pronamespace AS namespace, p.proacl AS acl FROM pg_proc p
				UNION ALL
				SELECT c.oid::regclass::text, c.relnamespace, c.relacl FROM pg_class c
				UNION ALL
				SELECT n.nspname, n.oid, n.nspacl FROM pg_namespace n) o,
			   aclexplode(o.acl)
		 WHERE namespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('event_store', 'warehouse'))
		   AND grantee <> grantor
		 ORDER BY 1, 2::text, 3::text, 4;
		END
}

# Compares two texts; tells the lines in which they differ.
sub same
{
	my ($got, $expected, $what) = @_;
	my %lines;

	$lines{$_}++ foreach split /\n/, $got;
	$lines{$_}-- foreach split /\n/, $expected;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(
		join("\n",
			map { ($lines{$_} > 0 ? 'only there: ' : 'missing: ') . $_ }
			  grep { $lines{$_} != 0 } sort keys %lines),
		'', $what);
}

1;
