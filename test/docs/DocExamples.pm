# test/docs/DocExamples.pm
#
# The SQL examples of the Markdown pages: finding them, running them, and
# comparing what psql prints with what the page shows.
#
# The convention:
#
#	```sql			is an example.  All examples of a page run in order, in one
#					psql session, in a new database, as the superuser postgres.
#	```text			right after an example, with nothing between but blank
#					lines, is what psql prints for it, errors included.
#	```sql no-run	is not run.  test/t/010_docs.pl lists each with the reason.
#	<!-- new database -->	on a line of its own: the examples from there on run
#					in another new database, in a session of their own.
#
# An example without output must print nothing.  psql runs with -q, so that it
# prints no command tags, and before two outputs are compared
#
#	- trailing blanks, and blank lines at both ends, go;
#	- the table that a call returning void prints goes: one column with one
#	  empty value.
#
# Whatever else varies from run to run, such as times, ids and pids, an example
# leaves out by choosing its columns.

package DocExamples;

use strict;
use warnings;

use Exporter qw(import);
use File::Temp qw(tempdir);

our @EXPORT_OK = qw(parse_page run_page matches normalise refreshed slurp);

# Stands between the outputs of two examples.
my $marker = '=#=#= end of example';

# Contents of a file, as bytes.
sub slurp
{
	my ($path) = @_;

	open(my $file, '<:raw', $path) or die "could not open $path: $!\n";
	local $/;
	my $contents = <$file>;
	close($file);
	return $contents;
}

# Splits a page into fences, each a hash of info, line (counted from 1), end
# (the line of its closing) and body, and prose, the page's lines with the
# fences blanked.
#
# Examples are the fences with info "sql"; each has the fence of its output,
# if any, in output, and in database the number of the database it runs in.
# Problems are what a reader of the page could not see but a test has to.
sub parse_page
{
	my ($contents) = @_;
	my %page = (fences => [], examples => [], prose => [], problems => []);
	my ($fence, $example, $number, $database) = (undef, undef, 0, 0);

	foreach my $line (split /\n/, $contents, -1)
	{
		$number++;
		if ($fence)
		{
			push @{ $page{prose} }, '';
			if ($line =~ /^```\s*$/)
			{
				$fence->{end} = $number;
				push @{ $page{problems} }, "line $number: a fence with nothing in it"
				  if $fence->{body} eq '';
				$fence = undef;
			}
			else
			{
				$fence->{body} .= "$line\n";
			}
			next;
		}
		if ($line =~ /^\s*```(.*?)\s*$/)
		{
			$fence = {
				info => $1,
				line => $number,
				body => '',
				database => $database
			};
			push @{ $page{fences} }, $fence;
			push @{ $page{prose} }, '';
			push @{ $page{problems} }, "line $number: a fence that is indented"
			  if $line =~ /^\s/;
			push @{ $page{problems} }, "line $number: a fence without a language"
			  if $fence->{info} eq '';
			$example->{output} = $fence if $example && $fence->{info} eq 'text';
			$example = $fence->{info} eq 'sql' ? $fence : undef;
			push @{ $page{examples} }, $fence if $example;
			next;
		}
		push @{ $page{prose} }, $line;
		$example = undef if $line =~ /\S/;
		$database++ if $line =~ /^<!-- new database -->$/;
		push @{ $page{problems} }, "line $number: code that is indented, not fenced"
		  if $line =~ /^(?: {4}|\t)\s*(?:SELECT|INSERT|UPDATE|DELETE|CREATE|BEGIN)\b/i;
	}
	push @{ $page{problems} }, "line $fence->{line}: a fence that never ends"
	  if $fence;
	return \%page;
}

# Runs a command of psql's and dies if it fails.
sub run_psql
{
	my ($database, @commands) = @_;

	local $ENV{PGOPTIONS} = '-c client_min_messages=warning';
	system('psql', '-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1',
		'-d', $database, map { ('-c', $_) } @commands) == 0
	  or die "psql failed in database $database: @commands\n";
	return;
}

# Names of all roles of the server.
sub role_names
{
	open(my $psql, '-|', 'psql', '-X', '-q', '-A', '-t', '-d', 'postgres', '-c',
		'SELECT rolname FROM pg_catalog.pg_roles')
	  or die "could not run psql: $!\n";
	my @names = <$psql>;
	close($psql) or die "could not list the roles\n";
	chomp @names;
	return @names;
}

# Runs examples in one session in a new database, and sets what each printed
# in its printed; undef for those that psql did not come to.
sub run_session
{
	my ($database, @examples) = @_;
	my $dir = tempdir(CLEANUP => 1);
	my %known = map { $_ => 1 } role_names();

	run_psql('postgres', "DROP DATABASE IF EXISTS $database",
		"CREATE DATABASE $database TEMPLATE template0");

	open(my $script, '>:raw', "$dir/in") or die "could not write: $!\n";
	foreach my $example (@examples)
	{
		print $script $example->{body}, "\\echo $marker\n";
	}
	close($script);

	# standard input, since psql names the file in errors otherwise
	{
		local $ENV{PGAPPNAME} = 'psql';
		local $ENV{PGCLIENTENCODING} = 'UTF8';
		local $ENV{PGTZ} = 'UTC';
		system("psql -X -q -d $database <'$dir/in' >'$dir/out' 2>&1");
	}

	my @outputs = split /^\Q$marker\E\n/m, slurp("$dir/out"), -1;
	my $rest = pop @outputs;
	foreach my $i (0 .. $#examples)
	{
		$examples[$i]{printed} = $outputs[$i];
	}
	$examples[-1]{printed} .= $rest if defined $examples[-1]{printed};

	run_psql('postgres', "DROP DATABASE $database");
	run_psql('postgres', qq{DROP ROLE "$_"})
	  foreach grep { !$known{$_} } role_names();
	return;
}

# Runs all examples of a page.
sub run_page
{
	my ($page) = @_;
	my %sessions;

	foreach my $example (@{ $page->{examples} })
	{
		push @{ $sessions{ $example->{database} } }, $example;
	}
	foreach my $database (sort { $a <=> $b } keys %sessions)
	{
		run_session('event_store_docs', @{ $sessions{$database} });
	}
	return;
}

# What is compared of an output.
sub normalise
{
	my ($output) = @_;

	$output =~ s/[ \t\r]+$//mg;
	$output =~ s/^ \w+\n-+\n\n\(1 row\)\n\n?//mg;
	$output =~ s/\A\n+//;
	$output =~ s/\n*\z/\n/;
	return $output eq "\n" ? '' : $output;
}

# Whether an example printed what its page shows.
sub matches
{
	my ($example) = @_;
	my $shown = $example->{output} ? $example->{output}{body} : '';

	return defined $example->{printed}
	  && normalise($example->{printed}) eq normalise($shown);
}

# The contents of a page with the outputs of its examples, which have run, put
# in place of those that it shows.
sub refreshed
{
	my ($contents, $page) = @_;
	my @lines = split /\n/, $contents, -1;

	foreach my $example (reverse @{ $page->{examples} })
	{
		my $printed = normalise($example->{printed} // '');
		my @block = $printed eq '' ? () : ('```text', split(/\n/, $printed), '```');

		if ($example->{output})
		{
			my ($first, $last) =
			  ($example->{output}{line} - 1, $example->{output}{end} - 1);

			# with the blank lines before an output that is no more
			$first-- while !@block && $lines[ $first - 1 ] eq '';
			splice(@lines, $first, $last - $first + 1, @block);
		}
		elsif (@block)
		{
			splice(@lines, $example->{end}, 0, '', @block);
		}
	}
	return join("\n", @lines);
}

1;
