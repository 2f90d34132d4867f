#!/bin/bash
# tests/run.sh [--unit] [--quick] [--full] [NAME..]: installs what is missing, builds, and runs the tests.
#
#   --unit    no lab: the unit tests, and the end-to-end tests that need no hosts
#   --quick   without the lab's own test and Debian 11
#   --full    all 76 checks of the lab's own test rather than the short form (3 minutes more)
#   NAME..    only these: a room (engine, steps, ..), arrows, lab, or an end-to-end test (01, move-and-back, ..)
#
# The last line is the sum. Exit 0: nothing failed. KEEP_LAB=1 leaves the hosts of the end-to-end tests up.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/.." || exit 1
. tests/lab/ensure.sh

unit='' quick='' selftest=(--short) names=()
for arg; do
	case $arg in
	--unit)  unit=1 ;;
	--quick) quick=1 ;;
	--full)  selftest=() ;;
	-h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
	-*) echo "tests/run.sh: unknown option $arg" >&2; exit 64 ;;
	*) names+=("$arg") ;;
	esac
done
passed=0 bad=0 skipped=0 broken=()
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# wanted NAME: was it asked for? "01" and "move-and-back" both mean 01-move-and-back
wanted() {
	local n
	((${#names[@]})) || return 0
	for n in "${names[@]}"; do [[ $1 == "$n" || $1 == "$n"-* || $1 == *-"$n" ]] && return 0; done
	return 1
}
ended() { printf '   %-24s %-8s %4d s\n' "$1" "$2" "$3"; }       # NAME RESULT SECONDS

# ------------------------------------------------------------------ unit tests
# A room is one program for ctest; here each of its cases counts.
unit_tests() {
	local rooms=() room regex
	mapfile -t rooms < <(ctest --preset release -N | sed -n 's/^ *Test *#[0-9]*: //p')
	for room in "${rooms[@]}"; do
		wanted "$room" || continue
		local t=$SECONDS json=$results/test_$room.json rc
		GTEST_OUTPUT=json:$results/ ctest --preset release -R "^$room\$" >"$results/$room.out" 2>&1; rc=$?
		count_cases "$room" "$rc" "$json"
		if ((rc == 0)); then ended "$room" passed $((SECONDS - t)); else
			ended "$room" FAILED $((SECONDS - t)); broken+=("$room"); sed 's/^/      /' "$results/$room.out" | tail -60
		fi
	done
}
count_cases() {                               # ROOM EXIT-CODE JSON
	local all=1 failures=$(($2 != 0)) left_out=0
	if [[ -s $3 ]]; then
		read -r all failures left_out < <(python3 -c '
import json, sys
cases = [c for s in json.load(open(sys.argv[1]))["testsuites"] for c in s["testsuite"]]
print(len(cases), sum("failures" in c for c in cases), sum(c.get("result") == "SKIPPED" for c in cases))' "$3")
		(($2 == 0 || failures > 0)) || failures=1
	fi
	passed=$((passed + all - failures - left_out)) bad=$((bad + failures)) skipped=$((skipped + left_out))
}

# ------------------------------------------------- scripts that print their checks
script() {                                    # NAME CMD..
	local name=$1 t=$SECONDS rc good wrong left_out; shift
	"$@" 2>&1 | tee "$results/$name.out" | sed 's/^/      /'; rc=${PIPESTATUS[0]}
	good=$(grep -cE '^ *ok ' "$results/$name.out"); wrong=$(grep -cE '^(NOT OK| *FAIL) ' "$results/$name.out")
	left_out=$(grep -c '^skip ' "$results/$name.out")
	((rc != 77)) || { skip "$name"; return; } # as it said: not on this machine
	((rc == 0 || wrong > 0)) || wrong=1       # it ended before its checks did
	((good + wrong + left_out > 0)) || good=1 # it shows no checks: it is one
	passed=$((passed + good)) bad=$((bad + wrong)) skipped=$((skipped + left_out))
	if ((wrong == 0)); then ended "$name" passed $((SECONDS - t)); else ended "$name" FAILED $((SECONDS - t)); broken+=("$name"); fi
}
skip() { skipped=$((skipped + 1)); ended "$1" skipped 0; }

end_to_end() {                                # without hosts, or all
	local file name
	for file in tests/e2e/[0-9]*.sh tests/e2e/debian11.sh; do
		[[ -e $file ]] || continue
		name=$(basename "$file" .sh)
		wanted "$name" || continue
		case $name in
		05-wrong-plan) ;;
		debian11) [[ -z $quick$unit ]] || { skip "$name"; continue; } ;;
		*) [[ -z $unit ]] || { skip "$name"; continue; } ;;
		esac
		script "$name" "$file"
	done
}

need_packages build tests
[[ -n $unit ]] || need_packages lab
if [[ -z $unit ]] && why=$(lab_cannot_run); then
	echo "tests/run.sh: this machine cannot run the lab ($why): unit tests only"
	unit=1
fi

say "build"
t=$SECONDS; build; ended release built $((SECONDS - t))
say "unit tests"
unit_tests
say "the lab"
if wanted lab; then
	if [[ -n $unit$quick ]]; then skip lab; else script lab tests/lab/test.sh "${selftest[@]}"; fi
fi
say "end to end"
[[ -n $unit ]] || tests/lab/lab -n e2e down
end_to_end
[[ -n $unit || -n ${KEEP_LAB-} ]] || tests/lab/lab -n e2e down

((passed + bad + skipped > 0)) || { echo "tests/run.sh: no test is called ${names[*]}" >&2; exit 64; }
say "all in $SECONDS s${broken[*]:+; failed: ${broken[*]}}"
echo "$passed passed, $bad failed$( ((skipped)) && echo ", $skipped skipped")"
exit $((bad > 0))
