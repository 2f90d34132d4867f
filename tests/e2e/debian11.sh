#!/bin/bash
# The agent's bundle runs on a userland that is older than ours.
#
#   tests/e2e/debian11.sh [PROGRAM | BUNDLE.tar.gz]     (default: build/release/migrate)
#
# Makes a Debian 11 root from this machine's own apt mirror (once; kept in $LAB_CACHE), unpacks the bundle in a
# throw-away copy of it and starts the agent there. Exit codes: 0 it runs, 1 it doesn't, 77 this machine cannot test it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${LAB_CACHE:=/var/cache/migrate-lab}"
suites=${DEBIAN11_SUITES:-bullseye bookworm}      # the oldest that the mirror has is taken

say()    { printf '%s\n' "$*"; }
cannot() { say "debian11: cannot test here: $*" >&2; exit 77; }

# make_root SUITE: prints the root's folder. Kept under a name that says what it is made from, so a change makes a new one.
make_root() {
	local suite=$1 root=$LAB_CACHE/userland-$1-1 opt=() k v
	mkdir -p "$LAB_CACHE"
	(
		flock 8
		[[ -e $root/ok ]] && exit 0
		rm -rf --one-file-system "$root" "$root.new"
		mkdir -p "$root.new"
		# shellcheck source=/dev/null
		source "$here/../lab/lib/image.sh"
		LAB_SUITE=$suite image_sources >"$root.new/sources.list"
		while read -r k v; do opt+=("--aptopt=$k ${v%;}"); done \
			< <(apt-config dump | grep -E '^Acquire::https?::(Proxy|CaInfo|Verify)')
		mmdebstrap --mode=root --variant=minbase --format=directory --include=libnss-systemd "${opt[@]}" \
			"$suite" "$root.new/root" "$root.new/sources.list" >"$LAB_CACHE/userland-$suite.log" 2>&1 || exit 1
		touch "$root.new/ok"
		mv "$root.new" "$root"
	) 8>"$LAB_CACHE/.lock-userland" || return 1
	say "$root/root"
}

# In a mount namespace of its own: an overlay takes what is written.
run_in_copy() {
	local root=$1 tmp=$2 bundle=$3
	mount -t tmpfs tmpfs "$tmp/layer"
	mkdir "$tmp/layer/upper" "$tmp/layer/work"
	mount -t overlay debian11 -o "lowerdir=$root,upperdir=$tmp/layer/upper,workdir=$tmp/layer/work" "$tmp/root"
	mount -t proc proc "$tmp/root/proc"
	mount --bind /dev "$tmp/root/dev"
	mkdir "$tmp/root/x"
	tar -xzof "$bundle" -C "$tmp/root/x"
	check "$tmp/root"
}

in_root() { chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "${@:2}"; }

# greeting ROOT USER VARIABLE..: the first line on its standard output, or else what it complained of
greeting() {
	local first
	first=$(chroot --userspec="$2" "$1" /usr/bin/env -i PATH=/usr/bin:/bin "${@:3}" \
		timeout 20 /x/migrate-agent agent --stdio --name x </dev/null 2>"$1/complaints" | head -1 | tr -d '\0') || :
	say "${first:-$(cat "$1/complaints")}"
}

failures=0
expect() {      # expect WHAT PATTERN TEXT
	if grep -qE -- "$2" <<<"$3"; then say "  ok    $1"; else
		say "  FAIL  $1: expected /$2/, got:"; sed 's/^/        /' <<<"$3"; failures=$((failures + 1))
	fi
}

check() {
	local r=$1 out loader
	say "userland: $(in_root "$r" cat /etc/debian_version), glibc $(in_root "$r" getconf GNU_LIBC_VERSION | cut -d' ' -f2)"
	loader=$(sed -n 's/.*"\$d\/lib\/\(ld-[^"]*\)".*/\1/p' "$r/x/migrate-agent")
	out=$(in_root "$r" /x/program --version 2>&1) || :
	say "  without its own libraries: ${out%%$'\n'*}"

	out=$(in_root "$r" /x/migrate-agent --version 2>&1) || :
	expect "migrate-agent --version" '[0-9]+\.[0-9]+' "$out"
	out=$(greeting "$r" root HOME=/root)
	expect "the agent greets" '^migrate-agent 1$' "$out"
	in_root "$r" useradd -m worker
	out=$(greeting "$r" worker HOME=/home/worker)
	expect "the agent greets as another user" '^migrate-agent 1$' "$out"

	# The host's own getent, on the bundle's C library: users are found by it as the agent finds them, and a name that
	# nobody has goes through every module of nsswitch.conf. A crash would show as an exit code above 128.
	for passwd in 'files systemd' 'compat systemd' 'files'; do
		sed -i "s/^passwd:.*/passwd: $passwd/" "$r/etc/nsswitch.conf"
		out=$(in_root "$r" "/x/lib/$loader" --library-path /x/lib /usr/bin/getent passwd worker 2>&1; echo "exit $?")
		expect "getpwnam with 'passwd: $passwd'" '^worker:x:[0-9]+:' "$out"
		out=$(in_root "$r" "/x/lib/$loader" --library-path /x/lib /usr/bin/getent passwd nobody-has-this 2>&1; echo "exit $?")
		expect "getpwnam of an unknown user with 'passwd: $passwd'" '^exit 2$' "$out"
	done
	[[ $failures == 0 ]]
}

# bundle_of PROGRAM: it makes its bundle before it looks for the hosts. This one's port refuses, so no host is reached.
bundle_of() {
	cat >"$tmp/plan.yaml" <<-'Y'
		migrate: 1
		name: nobody is there
		hosts:
		  x: { address: 127.0.0.1, port: 1 }
		phases:
		  - name: One
		    steps:
		      - host: x
		        file.write: { path: /nowhere, content: "x", mode: "0644" }
	Y
	MIGRATE_SSH_CONFIG=/dev/null MIGRATE_STATE=$tmp/state "$1" run "$tmp/plan.yaml" --yes </dev/null >"$tmp/out" 2>&1 || :
	find "$tmp/state" -name 'bundle-*.tar.gz' 2>/dev/null | grep . || { cat "$tmp/out" >&2; return 1; }
}

if [[ ${1:-} == --in-copy ]]; then shift; run_in_copy "$@"; exit; fi

program=${1:-$here/../../build/release/migrate}
[[ -e $program ]] || { say "debian11: $program is not there: build it first, or name another" >&2; exit 1; }
(( EUID == 0 )) || cannot "needs root"
command -v mmdebstrap >/dev/null || cannot "mmdebstrap is missing: apt-get install mmdebstrap"

tmp=$(mktemp -d)
trap 'rm -rf --one-file-system "$tmp"' EXIT
mkdir "$tmp/root" "$tmp/layer"
case $program in
*.tar.gz) bundle=$program ;;
*)        bundle=$(bundle_of "$program") ;;
esac

for suite in $suites; do
	if root=$(make_root "$suite"); then
		[[ $suite == bullseye ]] || say "debian11: NOTE: this machine's mirror has no Debian 11; tested on $suite instead"
		say "bundle: $(stat -c %s "$bundle") bytes"
		unshare -m --propagation private -- "$0" --in-copy "$root" "$tmp" "$bundle" && exit 0
		exit 1
	fi
	say "debian11: no $suite from this machine's mirror (see $LAB_CACHE/userland-$suite.log)" >&2
done
cannot "the mirror has none of: $suites"
