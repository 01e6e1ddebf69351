# test/t/010_docs.pl
#
# The documentation: every SQL example is run and prints what the page shows,
# the reference names what there is and nothing else, and links lead somewhere.
#
# test/docs/DocExamples.pm describes the convention of the examples, and
# test/docs/refresh brings their outputs up to date.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../docs";

use DocExamples qw(matches normalise parse_page refreshed run_page slurp);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/../..";

# Pages that need not have SQL examples, and why; every other page must.
my %without_examples = (
	'CHANGELOG.md' => 'lists what changed',
	'CONTRIBUTING.md' => 'is about building and testing',
	'SECURITY.md' => 'says how to report a weakness',
	'docs/drivers.md' => 'shows code in other languages',
	'docs/performance.md' => 'shows measurements',
	'docs/reliability.md' => 'names tests and figures');

# Examples that are not run: page, first line, and why.
my @not_run = ();

my @paths = map { s{^\Q$top\E/}{}r } sort(glob("$top/*.md $top/docs/*.md"));
my %page = map { $_ => parse_page(slurp("$top/$_")) } @paths;

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init;
$node->start;

# The examples run as a superuser of this name.
$node->safe_psql('postgres',
	"DO \$\$ BEGIN CREATE ROLE postgres SUPERUSER LOGIN; EXCEPTION WHEN duplicate_object THEN END \$\$");
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGUSER} = 'postgres';

# The values of a query's single column.
sub query
{
	my ($sql) = @_;

	return split /\n/, $node->safe_psql('docs', $sql);
}

# Fails and lists what is wrong, if anything is.
sub none
{
	my ($name, @wrong) = @_;

	is(join("\n", @wrong), '', $name);
	return;
}

# The examples ------------------------------------------------------------

foreach my $path (@paths)
{
	my $page = $page{$path};
	my @examples = @{ $page->{examples} };

	none("$path: the examples are laid out by the convention",
		@{ $page->{problems} });
	ok(@examples > 0, "$path: has SQL examples")
	  unless $without_examples{$path};
	next if !@examples;

	run_page($page);
	foreach my $example (@examples)
	{
		my $shown = $example->{output} ? $example->{output}{body} : '';

		is( defined $example->{printed}
			? normalise($example->{printed})
			: 'psql did not come to it: does the example before it end?',
			normalise($shown),
			"$path:$example->{line}");
	}
}

# Other than "sql", fences of SQL are listed above.
{
	my %listed = map { ("$_->[0]: $_->[1]" => 1) } @not_run;
	my @unlisted;

	foreach my $path (@paths)
	{
		foreach my $fence (@{ $page{$path}{fences} })
		{
			my ($first) = $fence->{body} =~ /\A(.*)/;

			next if $fence->{info} eq 'sql';
			push @unlisted, "$path:$fence->{line}: $fence->{info}: $first"
			  if $fence->{info} =~ /sql/i && !delete $listed{"$path: $first"};
		}
	}
	none('only the listed examples are not run', @unlisted);
	none('all listed examples are there', keys %listed);
}

# The first thing that a reader of the README sees is the warehouse.
like($page{'README.md'}{fences}[0]{body},
	qr/\ACREATE EXTENSION event_store_warehouse CASCADE;\nSELECT warehouse\.create_warehouse\(\);/,
	"README.md: the first code block opens a warehouse");

# The checks themselves -----------------------------------------------------

{
	my $contents = <<'END';
```sql
SELECT 1 AS one;
SELECT pg_advisory_lock(1);
```

```text
 one
-----
   1
(1 row)
```

```sql
SELECT 1/0;
```

```text
ERROR:  no such error
```

<!-- new database -->

```sql
CREATE TABLE silent (id integer);
```

```sql
SELECT 2 AS two;
```

Text between an example and a fence parts them.

```text
 two
-----
   2
(1 row)
```
END
	my $sample = parse_page($contents);
	my @examples = @{ $sample->{examples} };

	run_page($sample);
	is(scalar(@examples), 4, 'sample: all examples are found');
	ok(matches($examples[0]), 'sample: a right output passes');
	ok(!matches($examples[1]), 'sample: a wrong output fails');
	ok(matches($examples[2]), 'sample: no output passes where there is none');
	ok(!matches($examples[3]), 'sample: a missing output fails');

	my $again = parse_page(refreshed($contents, $sample));
	run_page($again);
	none('sample: all outputs are right after a refresh',
		map { $_->{line} } grep { !matches($_) } @{ $again->{examples} });

	my $open = parse_page("```sql\nSELECT 'open;\n```\n\n```sql\nSELECT 3;\n```\n");
	run_page($open);
	ok(!matches($open->{examples}[0]) && !matches($open->{examples}[1]),
		'sample: an example that does not end fails');

	is(scalar(@{ parse_page("```\nx\n```\n")->{problems} }),
		1, 'sample: a fence without a language is a problem');
	is(scalar(@{ parse_page("```sql\nSELECT 1;\n")->{problems} }),
		1, 'sample: a fence that does not end is a problem');
}

# The reference -------------------------------------------------------------

$node->safe_psql('postgres', 'CREATE DATABASE docs');
$node->safe_psql('docs', 'CREATE EXTENSION event_store_warehouse CASCADE;'
	  . ' SELECT warehouse.create_warehouse()');

my $reference = slurp("$top/docs/reference.md");
my $schemas = "('event_store'::regnamespace, 'warehouse'::regnamespace)";

# Signatures, as the reference writes them.
sub signature
{
	my ($text) = @_;

	$text =~ s/\s+/ /g;
	$text =~ s/\( /(/g;
	$text =~ s/ \)/)/g;
	$text =~ s/^ | $//g;
	return $text;
}

{
	my %documented;

	foreach my $fence (@{ $page{'docs/reference.md'}{fences} })
	{
		$documented{ signature($fence->{body}) } = 1
		  if $fence->{info} eq 'text signature';
	}
	my @signatures = query(
		"SELECT format('%s%s.%s(%s)%s', CASE prokind WHEN 'p' THEN 'CALL ' END, pronamespace::regnamespace, proname,"
		  . " pg_get_function_arguments(oid), ' RETURNS ' || pg_get_function_result(oid))"
		  . " FROM pg_proc WHERE pronamespace IN $schemas");

	# defaults without the casts that the catalog adds
	s/(?<=DEFAULT )(?|'(-?\d+)'|(NULL))::[^,)]+/$1/g foreach @signatures;
	ok(@signatures > 30, 'the functions are found');
	none('reference.md has the signature of every function',
		grep { !delete $documented{$_} } @signatures);
	none('reference.md has no signature of what is not there', sort keys %documented);
}

# The text of the section below a heading.
sub section
{
	my ($title) = @_;

	return $reference =~ /^### \Q$title\E\n(.*?)(?=^##)/ms ? $1 : '';
}

# Every function has a section of its own, but the guards, which share one.
{
	my %functions = map { $_ => 1 } query(
		"SELECT proname FROM pg_proc WHERE pronamespace IN $schemas");

	delete @functions{qw(refuse_insert refuse_change event_types_changed)};
	none('reference.md has a section for every function',
		grep { section($_) eq '' } sort keys %functions);
}

# Every column of the tables, views and types is named in its section.
my $relations = 0;
foreach my $relation (
	query("SELECT relname FROM pg_class WHERE relnamespace IN $schemas"
		  . " AND relkind IN ('r', 'v', 'c') ORDER BY relname"))
{
	my $title = $relation eq 'new_event' ? 'new_event (type)' : $relation;
	my $section = section($title);
	my @columns = query(
			"SELECT attname FROM pg_attribute WHERE attrelid = (SELECT oid FROM pg_class"
			  . " WHERE relnamespace IN $schemas AND relname = '$relation')"
			  . " AND attnum > 0 AND NOT attisdropped");

	$relations++;
	none("reference.md: $title has all columns",
		@columns ? () : "no columns found",
		grep { $section !~ /^\|[^|\n]*`\Q$_\E`/m } @columns);
}
ok($relations > 9, 'the tables, views and types are found');

# The extensions' settings, which exist once the libraries are loaded.
sub settings
{
	return query("LOAD 'event_store'; LOAD 'event_store_warehouse';"
		  . " SELECT name FROM pg_settings WHERE name ~ '^(event_store|warehouse)[._]'");
}

ok(settings() > 1, 'the settings are found');
none('reference.md has a section for every setting',
	grep { section($_) eq '' } settings());

# Error codes: those of the sources, and no others.
{
	my %codes;

	foreach my $header ('src/errors.h', 'src/warehouse/errors.h')
	{
		my $source = slurp("$top/$header");

		while ($source =~ /MAKE_SQLSTATE\(([^)]*)\)/g)
		{
			my $code = $1 =~ s/[^A-Z0-9]//gr;
			$codes{$code} = 1;
		}
	}
	ok(keys %codes > 10, 'the error codes are found');
	none('reference.md has every error code',
		grep { $reference !~ /^\| `$_` \|/m } sort keys %codes);
	foreach my $path (@paths)
	{
		my $contents = slurp("$top/$path");

		none("$path: names no error code that is not there",
			grep { !$codes{$_} } $contents =~ /\b((?:ST|WH)\d{3})\b/g);
	}
}

# Numbers that the sources define.
{
	my $locks = slurp("$top/src/locks.c");
	my $check = slurp("$top/src/check.h");
	my ($stream_class) = $locks =~ /STREAM_LOCK_CLASS\s+(\d+)/;
	my ($mark_class) = $locks =~ /MARK_CLASS\s+(\d+)/;
	my ($projection_class) = $locks =~ /PROJECTION_LOCK_CLASS\s+(\d+)/;
	my $api = slurp("$top/src/event_store_api.h");
	my ($stream_bytes) = $api =~ /EVENT_STORE_MAX_STREAM_BYTES\s+(\d+)/;
	my ($type_bytes) = $check =~ /ES_MAX_TYPE_BYTES\s+(\d+)/;
	my ($megabytes) = $check =~ /ES_MAX_DATA_BYTES\s+\((\d+) \* 1024 \* 1024\)/;

	$stream_bytes =~ s/(\d)(\d{3})$/$1,$2/;
	like($reference, qr/^\| $stream_class \| exclusive \|/m, 'reference.md: the stream locks');
	like($reference, qr/^\| $mark_class \| share \|/m, 'reference.md: the marks');
	like($reference, qr/^\| $projection_class \| exclusive \|/m, 'reference.md: the locks of projections');
	like($reference, qr/^\| a stream's name \| $stream_bytes bytes \|/m, "reference.md: a stream's bytes");
	like($reference, qr/^\| an event's type \| $type_bytes bytes \|/m, "reference.md: a type's bytes");
	like($reference, qr/\| $megabytes MB each/, 'reference.md: the bytes of data');
}

# The calls of the C API.
{
	my $header = slurp("$top/src/event_store_api.h") =~ s{/\*.*?\*/}{}gsr;
	my ($struct) = $header =~ /typedef struct EventStoreApi\s*\{(.*?)\n\}/s;
	my %calls = map { $_ => 1 } $struct =~ /\(\*\s*(\w+)\)\s*\(/g;
	my ($section) = $reference =~ /^## C API\n(.*)/ms;
	my @named = $section =~ /^\| `(\w+)` \|/mg;

	ok(keys %calls > 5, 'the calls of the C API are found');
	none('reference.md names no call of the C API that is not there',
		grep { !$calls{$_} } @named);
	delete @calls{@named};
	none('reference.md names every call of the C API', sort keys %calls);
}

# Source files that architecture.md describes.
{
	my $architecture = slurp("$top/docs/architecture.md");
	my %files = map { s{.*/}{}r => 1 } glob("$top/src/*.c $top/src/warehouse/*.c");
	my @named = $architecture =~ /`(\w+\.c)`/g;

	ok(keys %files > 20, 'the source files are found');
	none('architecture.md names no source file that is not there',
		grep { !$files{$_} } @named);
	delete @files{@named};
	none('architecture.md names every source file', sort keys %files);
}

# Names and links -------------------------------------------------------------

# Whatever stands behind the name of a schema or before parentheses in code is
# there, or is PostgreSQL's.
{
	my %known = map { $_ => 1 } (
		query("SELECT proname FROM pg_proc"),
		query("SELECT relname FROM pg_class WHERE relnamespace IN $schemas"),
		query("SELECT typname FROM pg_type WHERE typnamespace IN $schemas"),
		(map { s/.*\.//r } settings()),
		# control and C files, and what is SQL's, C's or another language's
		qw(control c ROW event_store_api Jsonb Json BigInt Number));

	ok($known{append} && $known{all_events}, 'the names are found');
	foreach my $path (@paths)
	{
		my @code = join("\n", @{ $page{$path}{prose} }) =~ /`([^`]+)`/g;
		my @wrong;

		push @code, map { $_->{info} =~ /^(?:sql|js|python)/ ? $_->{body} : () }
		  @{ $page{$path}{fences} };
		foreach my $code (@code)
		{
			while ($code =~ /\b((?:event_store|warehouse)\.(\w+))/g)
			{
				push @wrong, $1 if !$known{$2};
			}
			push @wrong, $1 if $code =~ /^(\w+)\([^;]*\)$/ && !$known{$1};
		}
		none("$path: names nothing that is not there", @wrong);
	}
}

# Where a heading's anchor is, as GitHub makes it.
sub anchor
{
	my ($title) = @_;

	$title = lc $title;
	$title =~ s/[^a-z0-9_ -]//g;
	$title =~ tr/ /-/;
	return $title;
}

foreach my $path (@paths)
{
	my ($folder) = $path =~ m{^(.*/)};
	my $prose = join("\n", @{ $page{$path}{prose} });
	my @broken;

	while ($prose =~ /\]\(([^)\s]+)\)/g)
	{
		my ($file, $anchor) = split /#/, $1, 2;
		my $target = $file eq '' ? $path : ($folder // '') . $file;

		next if $file =~ /^https?:/;
		if (!-e "$top/$target")
		{
			push @broken, $1;
		}
		elsif (defined $anchor)
		{
			push @broken, "$target#$anchor"
			  if !grep { anchor($_) eq $anchor }
			  map { /^#+ (.*)/ ? $1 : () } @{ $page{$target}{prose} };
		}
	}
	none("$path: all links lead somewhere", @broken);
}

$node->stop;
done_testing();
