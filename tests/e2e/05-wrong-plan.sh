#!/bin/bash
# A wrong plan: all its errors in one go, with line, column and caret; exit 1; no host contacted. Needs no lab: it runs
# in a network namespace without any network.
. "$(dirname "$0")/lib.sh"
mkdir "$work/home"
offline=(unshare -rn --)
"${offline[@]}" true 2>/dev/null || offline=()   # a machine without namespaces: then with its network
alone() {                                     # NAME ARG..: like run_migrate, without a network
	local name=$1; shift
	env HOME="$work/home" MIGRATE_STATE="$work/state" "${offline[@]}" "$migrate" "$@" </dev/null >"$work/$name.out" 2>&1; code=$?
}
cat >"$work/wrong.yaml" <<'Y'
migrate: 1
name: wrong
vars:
  here: /srv
hosts:
  old: { address: 192.0.2.1 }
  new: { address: 192.0.2.2 }
phases:
  - name: First
    steps:
      - name: unknown action
        rsnyc: { from: "old:/a/", to: "new:/a/" }
      - name: unknown host
        host: odl
        service.stop: pgbouncer
      - name: missing undo
        host: old
        run: rm -rf /srv/x
      - name: bad type
        host: old
        timeout: soon
        service.stop: pgbouncer
      - name: duplicate key
        host: old
        host: new
        service.stop: pgbouncer
      - name: undefined variable
        host: old
        file.write: { path: "${{ vars.there }}/x", content: y }
      - name: unknown key
        host: old
        verfy: []
        service.start: pgbouncer
Y
# complains TEXT LINE:COLUMN WORDS: an error at that place says that
complains() { check "$1, at $2" grep -qE "wrong\.yaml:$2: .*$3" "$work/$4.out"; }
for how in check run; do
	args=(); [[ $how == check ]] || args=(--yes)
	alone $how $how "$work/wrong.yaml" "${args[@]}"
	check "migrate $how: exit 1" exits_with 1 "$work/$how.out"
	complains "unknown action" 12:9 'rsnyc' $how
	complains "unknown host" 14:15 'odl' $how
	complains "missing undo" 18:9 'taken back' $how
	complains "bad type" 21:18 'soon|duration' $how
	complains "duplicate key" 25:9 'host' $how
	complains "undefined variable" 29:[0-9]+ 'there' $how
	complains "unknown key" 32:9 'verfy' $how
done
check "the line is shown with a caret below" grep -A1 -E '^ +12 \| +rsnyc:' "$work/check.out"
check "... and a caret" bash -c "grep -A1 -E '^ +12 \| +rsnyc:' '$work/check.out' | grep -F '^^^^^'"
check "did you mean rsync?" says "$work/check.out" "did you mean rsync?"
check "... old?" says "$work/check.out" "did you mean old?"
check "no run was begun" not grep -q wrong <(alone runs runs; cat "$work/runs.out")

alone missing check "$plan"
check "a variable that must be given: exit 1" exits_with 1 "$work/missing.out"
check "... names it" says "$work/missing.out" "tsig"
alone gone check "$work/nowhere.yaml"
check "a plan that isn't there: exit 1 or 64" bash -c "[[ $code == 1 || $code == 64 ]]"
check "... says its name" says "$work/gone.out" "nowhere.yaml"
alone good check "$plan" --var=tsig=/dev/null
check "the example's plan is right: exit 0" exits_with 0 "$work/good.out"
alone usage run --no-such-option
check "wrong usage: exit 64" exits_with 64 "$work/usage.out"
finish
