#!/bin/bash
# Hosts that cannot be used: one clear sentence each, naming host and cause; exit 2; nothing changed anywhere.
. "$(dirname "$0")/lib.sh"
must "the lab is up" fresh_lab
cat >"$work/two.yaml" <<'Y'
migrate: 1
name: two
vars: { user: root }
hosts:
  old: {}
  new: { user: "${{ vars.user }}", become: root }
phases:
  - name: One
    steps:
      - host: [old, new]
        file.write: { path: /etc/migrate-was-here, content: "x", mode: "0644" }
Y
fingerprint before

# refused NAME TEXT WORDS..: the run must end with 2, say `new` and the words in one sentence, and change nothing
refused() {
	local name=$1 text=$2 words=$3 t=$SECONDS; shift 3
	run_migrate "$name" run "$work/two.yaml" --yes "$@"
	check "$text: exit 2" exits_with 2 "$work/$name.out"
	check "... in a sentence with the host and the cause" grep -qiE "\bnew\b.*($words)" "$work/$name.out"
	check "... within 30 s" bash -c "(($((SECONDS - t)) <= 30))"
	check "... nothing was changed" bash -c "! '$lab' exec old test -e /etc/migrate-was-here && ! '$lab' exec new test -e /etc/migrate-was-here"
}

"$lab" cut new
refused cut "an unreachable host" 'timed out|unreachable|no route|did not answer'
"$lab" heal new

on new systemctl stop ssh.socket ssh.service 2>/dev/null
refused down "nobody listens" 'refused'
on new systemctl start ssh

on new mv /root/.ssh/authorized_keys /root/.ssh/away
refused key "a refused key" 'key'
check "... it names the user" grep -qE 'root' "$work/key.out"
on new mv /root/.ssh/away /root/.ssh/authorized_keys

on new bash -c 'cd /etc/ssh && mkdir kept && mv ssh_host_ed25519_key* kept && ssh-keygen -q -t ed25519 -N "" -f ssh_host_ed25519_key && systemctl restart ssh'
refused hostkey "a changed host key" 'host key.*(chang|differ|not the one)|(chang|differ).*host key'
on new bash -c 'cd /etc/ssh && rm ssh_host_ed25519_key* && mv kept/* . && rmdir kept && systemctl restart ssh'

on new mv /etc/sudoers.d/admin /root/sudoers
refused nosudo "sudo asks for a password" 'sudo' --var user=admin
on new mv /root/sudoers /etc/sudoers.d/admin
on new chmod 0 /usr/bin/sudo
refused gone "a missing sudo" 'sudo' --var user=admin
on new chmod 4755 /usr/bin/sudo

fingerprint after
check "after all that: as before, to the byte" same_fingerprint before after
run_migrate right run "$work/two.yaml" --yes --var user=admin
check "and with all put right the same plan runs: exit 0" exits_with 0 "$work/right.out"
check "... as root, by sudo" equal "root:root" "$(on new stat -c %U:%G /etc/migrate-was-here)"
finish
