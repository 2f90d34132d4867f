#!/bin/bash
# kill -9 of `migrate run` in the middle of the copy of the database; `migrate resume` then ends as a run does that
# nobody disturbed.
. "$(dirname "$0")/lib.sh"
must "the lab is up" fresh_lab
# 60 MB that do not compress: so that the copy takes some seconds
on old runuser -u postgres -- psql -qXd libravatar -c "set role djangouser; create table filler as
	select i, gen_random_uuid() as a, gen_random_uuid() as b, repeat(gen_random_uuid()::text, 3) as c from generate_series(1, 350000) i" >/dev/null 2>&1
must "old has more data, and is saved" "$lab" save filled
fingerprint before

# final FILE: the fingerprint without what names the run: libravatar_before_7f3a
final() { fingerprint "$1.all"; sed -E 's/_before_[a-z0-9]+/_before_RUN/g' "$work/$1.all" >"$work/$1"; }

run_migrate undisturbed run "$plan" "$(tsig)" --yes
must "an undisturbed run: exit 0" exits_with 0 "$work/undisturbed.out"
final undisturbed

must "back to the saved disks" "$lab" load filled
fingerprint again
must "all is back to before the run" same_fingerprint before again
rm -rf "${work:?}/state" "${work:?}/home"; mkdir -p "$work/home"

# the run, in a process of its own whose id we know
# shellcheck disable=SC2016
as_operator bash -c 'echo $$ >"$1"; shift; exec "$@"' - "$work/pid" "$migrate" run "$plan" "$(tsig)" --yes \
	</dev/null >"$work/killed.out" 2>&1 &
runner=$!
restoring() { on new pgrep -x pg_restore; }
wait_for() {                                  # SECONDS CMD..
	local until=$((SECONDS + $1)); shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < until)) && kill -0 "$runner" 2>/dev/null || return 1
		read -rt 0.1 <> <(:) || :
	done
}
must "the copy of the database is on its way" wait_for 120 restoring
check "kill -9 of migrate run" kill -9 "$(<"$work/pid")"
wait "$runner" 2>/dev/null
check "the old site is still served" equal old "$(served_by)"

run_migrate status status
check "migrate status says that the run was interrupted" says "$work/status.out" "interrupted"
run_migrate resume resume --yes
must "migrate resume: exit 0" exits_with 0 "$work/resume.out"
final resumed
check "hosts, mirror and zone end as in the undisturbed run" same_fingerprint undisturbed resumed
check "all rows, sequences and files are on new" same_data before old resumed.all new
check "the site answers from new" equal new "$(served_by)"

run_migrate rollback rollback --to start --yes
check "and the resumed run can be taken back: exit 3, rolled back clean" exits_with 3 "$work/rollback.out"
mirror_fetches; fingerprint start
check "... to the byte" same_fingerprint before start
finish
