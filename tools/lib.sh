# tools/lib.sh
#
# What the tools share.  Sourced, never run:
#
#	which PostgreSQL	find_pg_configs, setup, resolve_pg_configs
#	whose work it is	as_admin, find_user, run_in, supervise
#	a place to work in	make_work, copy_tree, end_work
#	building			build_and_install, copy_postgres
#	throwaway servers	server_start, server_runs, server_stop
#
# Everything but installing runs as an unprivileged user: the caller, or when
# root calls, RUN_USER (postgres unless set), because PostgreSQL refuses to run
# as root.  That user may have no right to read the clone, so it works on a
# copy.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# The release of PostgreSQL that Debian 12 carries.
debian_pg=15

say() { printf '%s\n' "$*"; }
heading() { printf '\n=== %s\n' "$*"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { complain "$*"; exit 1; }

# Nobody's connection settings, locale or make flags leak into what we run.
pg_config_wanted=${PG_CONFIGS:-${PG_CONFIG:-}}
for name in ${!PG@} ${!LC_@} LANG LANGUAGE MAKEFLAGS MFLAGS MAKELEVEL \
	${!FAULT_POINTS@}; do
	[[ $name == PG_TEST_* ]] || unset "$name"
done
export LC_ALL=C
umask 022

# Sets pg_configs to the pg_config programs to work with, in turn: those that
# PG_CONFIGS or PG_CONFIG name, or Debian's, or the first in the PATH.
find_pg_configs()
{
	local debian=/usr/lib/postgresql/$debian_pg/bin/pg_config

	pg_configs=()
	if [[ -n $pg_config_wanted ]]; then
		read -r -a pg_configs <<<"$pg_config_wanted"
	elif [[ -x $debian ]] || command -v apt-get >/dev/null; then
		pg_configs=("$debian")
	else
		pg_configs=(pg_config)
	fi
}

# Turns the names in pg_configs into paths, once there is something to find.
resolve_pg_configs()
{
	local i path

	for i in "${!pg_configs[@]}"; do
		path=$(command -v "${pg_configs[i]}") ||
			die "there is no ${pg_configs[i]}"
		"$path" --pgxs >/dev/null || die "$path does not work"
		pg_configs[i]=$(realpath -s "$path")
	done
}

# Prints the major version of the Debian package that a pg_config belongs to,
# or nothing.
debian_major()
{
	[[ $1 =~ ^/usr/lib/postgresql/([0-9]+)/bin/pg_config$ ]] || return 0
	say "${BASH_REMATCH[1]}"
}

# Installs the packages for the given purposes, unless SETUP=no.
setup()
{
	if [[ ${SETUP:-yes} != no ]]; then
		PG_CONFIGS="${pg_configs[*]}" "$top/tools/setup" "$@"
	fi
}

# Runs a command as root, for installing only.
as_admin()
{
	if [[ $EUID -eq 0 ]]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root, and there is no sudo: $*"
	fi
}

# Sets as_user to the words that go before a command of the unprivileged user.
find_user()
{
	if [[ $EUID -ne 0 ]]; then
		run_user=$(id -un)
		as_user=(env)
		return
	fi
	run_user=${RUN_USER:-postgres}
	id "$run_user" >/dev/null 2>&1 ||
		die "there is no user $run_user to run a server as: set RUN_USER"
	[[ $(id -u "$run_user") -ne 0 ]] ||
		die "PostgreSQL does not run as root: set RUN_USER to another user"
	as_user=(setpriv --reuid="$run_user" --regid="$(id -g "$run_user")"
		--init-groups -- env USER="$run_user" LOGNAME="$run_user")
}

# Makes the unprivileged user's private directory and sets work to it.  It
# must be short, for sockets, and reachable for that user, which root's own
# TMPDIR need not be.
make_work()
{
	local parent=/tmp

	find_user
	[[ $EUID -eq 0 ]] || parent=${TMPDIR:-/tmp}
	work=$(cd / && "${as_user[@]}" mktemp -d "$parent/event_store.XXXXXX")
	use_work
	[[ ${#work} -le 60 ]] ||
		die "TMPDIR is too long for the path of a socket: $work"
}

# Makes the private directory the unprivileged user's home.
use_work()
{
	as_user+=(HOME="$work" TMPDIR="$work")
}

# Copies the sources, without what was built from them, into a directory of
# the unprivileged user's.
copy_tree()
{
	local to=$1

	run_in "$work" mkdir -p "$to"
	tar -C "$top" -cf - --exclude=./.git --exclude='./test/output*' \
		--exclude=./results --exclude=./output_iso --exclude='tmp_check*' \
		--exclude='*.o' --exclude='*.bc' --exclude='*.so' --exclude=.deps . |
		run_in "$to" tar -xf - --no-same-owner
}

# Runs a command as the unprivileged user in a directory.
run_in()
{
	local dir=$1

	shift
	(cd "$dir" && exec "${as_user[@]}" "$@")
}

# Runs a command as the unprivileged user in a directory, in a process group
# of its own, and waits.  A signal to us then takes effect at once, and
# end_work ends the whole group.
child=
supervise()
{
	local dir=$1 status=0

	shift
	(cd "$dir" && exec setsid "${as_user[@]}" "$@") &
	child=$!
	wait "$child" || status=$?
	child=
	return "$status"
}

# Ends the supervised command, stops every server whose data lies in the
# private directory, and removes that.
end_work()
{
	local i pidfile

	if [[ -n $child ]]; then
		kill -TERM -- "-$child" 2>/dev/null || true
		for ((i = 0; i < 50; i++)); do
			kill -0 -- "-$child" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL -- "-$child" 2>/dev/null || true
		child=
	fi
	[[ -n ${work:-} && -d $work ]] || return 0
	while IFS= read -r -d '' pidfile; do
		server_stop "${pidfile%/postmaster.pid}" immediate
	done < <(find "$work" -name postmaster.pid -print0)
	run_in / rm -rf "$work"
}

# Builds the copy of the sources in a directory with a pg_config and installs
# it; only the installing is root's, and only where it has to be.  What make
# says goes to build.log there.  Further arguments are variables for make.
build_and_install()
{
	local src=$1 pg_config=$2 target installer

	shift 2
	installer=(run_in "$src")
	say "building event_store $(version) with $pg_config"
	# shellcheck disable=SC2016
	supervise "$src" bash -c '"$@" >build.log 2>&1' - \
		make --silent --output-sync --jobs="$(nproc)" PG_CONFIG="$pg_config" \
		"$@" ||
	{
		run_in "$src" cat build.log
		complain "the build failed"
		return 1
	}
	for target in "$("$pg_config" --pkglibdir)" \
		"$("$pg_config" --sharedir)/extension" \
		"$("$pg_config" --includedir-server)"; do
		run_in / test -w "$target" || installer=(as_admin)
	done
	say "installing it in $("$pg_config" --pkglibdir)"
	"${installer[@]}" make --silent -C "$src" PG_CONFIG="$pg_config" "$@" \
		install 2>&1 |
		run_in "$src" tee -a build.log >/dev/null ||
	{
		run_in "$src" tail -n 40 build.log
		complain "the installation failed"
		return 1
	}
}

# Copies the PostgreSQL that a pg_config belongs to into a directory of the
# unprivileged user's, for builds that nobody else is to get, and sets
# copied_pg_config to the copy's.  PostgreSQL finds its files by the way that
# leads there from its programs, so every path stays below the directory what
# it was below /.  What neither a build nor a server needs is left out, among it the
# bitcode of what is installed: a module that has some is made with with_llvm=no.
copy_postgres()
{
	local pg_config=$1 to=$2 kind dirs=() skip=()

	for kind in bindir pkglibdir sharedir includedir-server; do
		dirs+=(".$("$pg_config" --"$kind")")
	done
	for kind in "${dirs[1]}/bitcode" "${dirs[2]}"/{man,doc,locale}; do
		skip+=(--exclude="$kind")
	done
	run_in "$work" mkdir -p "$to"
	tar -C / -cf - "${skip[@]}" "${dirs[@]}" |
		run_in "$to" tar -xf - --no-same-owner
	copied_pg_config=$to/${dirs[0]#./}/pg_config
	for kind in bindir pkglibdir sharedir includedir-server; do
		[[ $("$copied_pg_config" --"$kind") -ef $to$("$pg_config" --"$kind") ]] ||
			die "the copy of $pg_config's PostgreSQL has another --$kind"
	done
}

# The version, from its one place.
version()
{
	sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" "$top/event_store.control"
}

# Makes and starts a server in a directory: its data, its log and its socket,
# all of it closed to other users, and no TCP port.  Further arguments are
# lines for postgresql.conf.
server_start()
{
	local dir=$1 said

	shift
	run_in / mkdir -m 700 "$dir"
	said=$(run_in "$dir" "$bindir/initdb" --pgdata="$dir/data" --auth=trust \
		--username=postgres --locale=C --encoding=UTF8 --no-sync 2>&1) ||
		die "initdb failed: $said"
	printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$dir'" \
		"log_line_prefix = '%m [%p] %a: '" "$@" |
		run_in "$dir" tee -a "$dir/data/postgresql.conf" >/dev/null
	said=$(run_in "$dir" "$bindir/pg_ctl" --pgdata="$dir/data" \
		--log="$dir/log" --wait start 2>&1 </dev/null) || {
		run_in "$dir" cat "$dir/log" >&2
		die "the server did not start: $said"
	}
}

# Tells whether the server whose data is in a directory runs.  A pid alone
# would not do: after a crash it may be somebody else's by now.
server_runs()
{
	# shellcheck disable=SC2016
	run_in / bash -c '
		read -r pid <"$1/postmaster.pid" &&
		[[ $(readlink "/proc/$pid/cwd") == "$1" ]]' - "$1" 2>/dev/null
}

# Stops the server whose data is in a directory, if it runs.
server_stop()
{
	local data=$1 mode=$2 said

	server_runs "$data" || return 0
	said=$(run_in / "$bindir/pg_ctl" --pgdata="$data" --mode="$mode" \
		--wait stop 2>&1) || complain "could not stop a server: $said"
}
