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

# final FILE: the fingerprint without what names the run: libravatar_before_7f3a_21c0
final() {
	fingerprint "$1.all"
	sed -E 's/before_[a-z0-9]+_[a-z0-9]+/before_RUN/g' "$work/$1.all" | LC_ALL=C sort >"$work/$1"
}

run_migrate undisturbed run "$plan" "$(tsig)" --yes
must "an undisturbed run: exit 0" exits_with 0 "$work/undisturbed.out"
final undisturbed

restoring() { on new pgrep -x pg_restore; }
restoring_in_move() { on old test -d /etc/apache2/sites-enabled.django && restoring; }
wait_for() {                                  # SECONDS CMD..: while the run goes on
	local until=$((SECONDS + $1)); shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < until)) && kill -0 "$runner" 2>/dev/null || return 1
		read -rt 0.1 <> <(:) || :
	done
}

# killed NAME TEXT CONDITION..: from the saved disks, a run that is killed when CONDITION is true, and resumed
killed() {
	local name=$1 text=$2; shift 2
	must "back to the saved disks" "$lab" load filled
	fingerprint again
	must "all is as before the run" same_fingerprint before again
	rm -rf "${work:?}/state" "${work:?}/home"; mkdir -p "$work/home"
	# in a process of its own, whose id we know
	# shellcheck disable=SC2016
	as_operator bash -c 'echo $$ >"$1"; shift; exec "$@"' - "$work/pid" "$migrate" run "$plan" "$(tsig)" --yes \
		</dev/null >"$work/$name-killed.out" 2>&1 &
	runner=$!
	must "$text is on its way" wait_for 120 "$@"
	check "kill -9 of migrate run" kill -9 "$(<"$work/pid")"
	wait "$runner" 2>/dev/null

	run_migrate "$name-status" status
	check "migrate status says that the run was interrupted" says "$work/$name-status.out" "interrupted"
	run_migrate "$name" resume --yes
	must "migrate resume: exit 0" exits_with 0 "$work/$name.out"
	final "$name"
	check "hosts, mirror and zone end as in the undisturbed run" same_fingerprint undisturbed "$name"
	check "all rows, sequences and files are on new" same_data before old "$name.all" new
	check "the site answers from new" equal new "$(served_by)"
}
killed first "the first copy of the database" restoring
killed last "the final copy, while the site is down," restoring_in_move

run_migrate rollback rollback --to start --yes
check "and the resumed run can be taken back: exit 3, rolled back clean" exits_with 3 "$work/rollback.out"
mirror_fetches; fingerprint start
check "... to the byte" same_fingerprint before start
finish
