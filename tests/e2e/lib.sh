# shellcheck shell=bash
# What the end-to-end tests share. Each is a script of its own that drives build/release/migrate on the hosts of the lab
# `e2e`, prints "ok - ..." or "NOT OK - ..." for every check, and fails if one did. They leave the lab up: the next one
# begins with its saved disks. tests/run.sh takes it down at the end; by hand: tests/lab/lab -n e2e down.
set -uo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." || exit 1

export LAB=${LAB_E2E:-e2e}
lab=tests/lab/lab
migrate=${MIGRATE:-$PWD/build/release/migrate}
plan=examples/libravatar/plan.yaml
site=https://www.libravatar.test/
work=$(mktemp -d /tmp/migrate-e2e.XXXXXX)
failed=0 began=$SECONDS code=0
[[ -n ${KEEP_OUTPUT-} ]] || trap 'rm -rf "$work"' EXIT

[[ -x $migrate ]] || { echo "NOT OK - there is no $migrate: run tests/run.sh, or cmake --build --preset release"; exit 1; }

# ------------------------------------------------------------------ checks
# check TEXT CMD..: the command must succeed; what it printed is shown if it doesn't.
check() {
	local text=$1 out; shift
	if out=$("$@" 2>&1); then echo "ok - $text"; return 0; fi
	failed=$((failed + 1))
	echo "NOT OK - $text"; head -60 <<<"$out" | sed 's/^/    /'
	return 1
}
not() { ! "$@"; }
finish() { echo "# $(basename "$0"): $((SECONDS - began)) s, $failed failed"; exit $((failed > 0)); }
# without what comes next nothing else makes sense
must() { check "$@" || finish; }

equal() { [[ "$1" == "$2" ]] || { printf 'expected: %s\nfound:    %s\n' "$1" "$2"; return 1; }; }
# says FILE TEXT: the file has the text, whatever the case. As they wrote it, not as a pattern.
says() { grep -qiF -- "$2" "$1" || { echo "not found: $2"; echo "in:"; tail -40 "$1"; return 1; }; }
exits_with() { [[ $code == "$1" ]] || { echo "exit code $code instead of $1"; echo "its output ended with:"; tail -40 "$2"; return 1; }; }

# ---------------------------------------------------------------- the program
# Its own home and state, so that nothing of this machine's user plays a part.
as_operator() { "$lab" ctl env HOME="$work/home" MIGRATE_STATE="$work/state" "$@"; }
# run_migrate NAME ARG..: output in $work/NAME.out, exit code in $code
run_migrate() {
	local name=$1; shift
	mkdir -p "$work/home"
	as_operator "$migrate" "$@" </dev/null >"$work/$name.out" 2>&1; code=$?
}
tsig() { echo "--var=tsig=$("$lab" dir)/keys/tsig"; }

# -------------------------------------------------------------------- the lab
# All hosts as they were when they had just been set up, the mirror's first fetch done.
fresh_lab() {
	if [[ -e $("$lab" dir)/saves/fresh/old.img ]]; then
		"$lab" load fresh
	else
		"$lab" down
		"$lab" up old new mirror1 dns && mirror_fetches && "$lab" save fresh
	fi
}
on() { "$lab" exec "$@"; }
mirror_fetches() { on mirror1 runuser -u libravatar-slave -- /usr/local/bin/libravatar-slave; }
fingerprint() { tests/lab/fingerprint --zone old new mirror1 >"$work/$1"; }     # NAME
same_fingerprint() { diff -U0 "$work/$1" "$work/$2"; }                          # NAME NAME
fingerprint_says() { grep -E -- "$2" "$work/$1" >/dev/null || { echo "no line like: $2"; return 1; }; }

get() { "$lab" ctl curl -s -m 10 "$@"; }
answers() { get "$site"; }
served_by() { get -o /dev/null -D - "$@" "$site" | tr -d '\r' | awk 'tolower($1) == "x-served-by:" {print $2}'; }

# A host's rows, sequences and avatars, without the host's name: to compare one host with another. (What was set aside,
# libravatar_before_7f3a, is another database.)
data_of() {                                   # FINGERPRINT HOST
	grep -E "^$2 ((dump|table|sequence|database) libravatar |(file|folder|link) /var/lib/libravatar/)" "$work/$1" | cut -d' ' -f2-
}
same_data() {                                 # FINGERPRINT HOST FINGERPRINT HOST
	[[ $(data_of "$1" "$2" | wc -l) -gt 4000 ]] || { echo "$2 has no data to compare"; return 1; }
	diff -U0 <(data_of "$1" "$2") <(data_of "$3" "$4")
}
