#!/usr/bin/env python3
"""What the machinery costs: trivial reversible steps over ssh, beside Ansible with pipelining on the same hosts in the same run.

    tests/bench/steps.py [--hosts 1,10] [--steps 50] [--rounds 3] [--program build/release/migrate]

Each "host" is an sshd of its own on loopback, in a mount namespace of its own (own folder for files, agent state and cache, on
this machine's disk, so that every fsync is real). Half of the steps run a command, half write a file; Ansible does the same with
`command` and `copy`. Rounds are interleaved. A step's cost is (time of all steps - time of one step) / (steps - 1): start-up is
shown apart. Needs root and ansible-core. Only processes started here are ended.
"""
import argparse, os, shutil, signal, socket, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Fleet:
    def __init__(self, count):
        self.base = tempfile.mkdtemp(prefix="migrate-bench-", dir="/var/tmp")
        self.started = []
        os.makedirs("/run/sshd", exist_ok=True)
        self.key = f"{self.base}/id"
        subprocess.check_call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key])
        config, known, inventory = [], [], []
        for k in range(1, count + 1):
            port = self.start(k)
            key = open(f"{self.base}/h{k}/hostkey.pub").read().split()
            known.append(f"[127.0.0.1]:{port} {key[0]} {key[1]}")
            config.append(f"Host h{k}\n  HostName 127.0.0.1\n  Port {port}\n")
            inventory.append(f"h{k}")
        open(f"{self.base}/known_hosts", "w").write("\n".join(known) + "\n")
        config.append(f"Host *\n  User root\n  IdentityFile {self.key}\n  IdentitiesOnly yes\n"
                      f"  UserKnownHostsFile {self.base}/known_hosts\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n")
        self.config = f"{self.base}/ssh_config"
        open(self.config, "w").write("".join(config))

    def start(self, k):
        d = f"{self.base}/h{k}"
        for sub in ("work", "state", "home"):
            os.makedirs(f"{d}/{sub}")
        subprocess.check_call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{d}/hostkey"])
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        open(f"{d}/sshd_config", "w").write(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {d}/hostkey\nPidFile {d}/pid\nUsePAM no\nAuthorizedKeysFile {self.key}.pub\n"
            "StrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxStartups 200:30:400\nMaxSessions 200\n"
            "Subsystem sftp /usr/lib/openssh/sftp-server\nLogLevel ERROR\n")
        os.makedirs("/srv/migrate-bench", exist_ok=True)
        os.makedirs("/var/lib/migrate", exist_ok=True)
        p = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-ec",
                              f"mount --bind {d}/work /srv/migrate-bench; mount --bind {d}/state /var/lib/migrate; "
                              f"mount --bind {d}/home /root; exec /usr/sbin/sshd -D -f {d}/sshd_config"])
        self.started.append(p)
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return port
            time.sleep(0.02)
        sys.exit(f"sshd {k} did not start")

    def clean(self):
        for k in range(1, len(self.started) + 1):
            for name in os.listdir(f"{self.base}/h{k}/work"):
                os.unlink(f"{self.base}/h{k}/work/{name}")

    def check(self, hosts, steps):
        for k in range(1, hosts + 1):
            found = len(os.listdir(f"{self.base}/h{k}/work"))
            if found != steps:
                sys.exit(f"h{k}: {found} files instead of {steps}: the run did not do its work")

    def close(self):
        for p in self.started:
            p.send_signal(signal.SIGTERM)
        for p in self.started:
            p.wait()
        shutil.rmtree(self.base, ignore_errors=True)


def write_plan(path, hosts, steps):
    names = [f"h{k}" for k in range(1, hosts + 1)]
    text = "migrate: 1\nname: bench\nhosts:\n" + "".join(f"  {n}: {{ address: {n} }}\n" for n in names)
    text += f"groups: {{ all: [{', '.join(names)}] }}\nphases:\n  - name: Steps\n    host: all\n    on_failure: stop\n    steps:\n"
    for i in range(steps):
        if i % 2 == 0:
            text += f"      - run: [touch, /srv/migrate-bench/f{i}]\n        undo: rm -f /srv/migrate-bench/f{i}\n"
        else:
            text += f"      - file.write: {{ path: /srv/migrate-bench/f{i}, content: \"line {i}\\n\" }}\n"
    open(path, "w").write(text)


def write_playbook(path, steps):
    text = "- hosts: all\n  gather_facts: false\n  tasks:\n"
    for i in range(steps):
        if i % 2 == 0:
            text += f"    - ansible.builtin.command: touch /srv/migrate-bench/f{i}\n"
        else:
            text += f"    - ansible.builtin.copy: {{ dest: /srv/migrate-bench/f{i}, content: \"line {i}\\n\" }}\n"
    open(path, "w").write(text)


def timed(argv, env, log):
    begun = time.monotonic()
    with open(log, "w") as out:
        code = subprocess.call(argv, env=env, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    took = time.monotonic() - begun
    if code != 0:
        sys.stderr.write(open(log).read()[-4000:])
        sys.exit(f"{argv[0]} ended with {code}")
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", default="1,10")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", default=f"{ROOT}/build/release/migrate")
    parser.add_argument("--without-ansible", action="store_true")
    a = parser.parse_args()
    counts = [int(x) for x in a.hosts.split(",")]
    if not a.without_ansible and not shutil.which("ansible-playbook"):
        sys.exit("ansible-playbook is missing: apt-get install ansible-core (or --without-ansible)")
    fleet = Fleet(max(counts))
    try:
        for hosts in counts:
            measure(a, fleet, hosts)
    finally:
        fleet.close()


def measure(a, fleet, hosts):
    w = fleet.base
    names = ",".join(f"h{k}" for k in range(1, hosts + 1)) + ","
    os.makedirs(f"{w}/ansible", exist_ok=True)
    open(f"{w}/ansible/ansible.cfg", "w").write(
        f"[defaults]\nforks = {max(5, hosts)}\n[ssh_connection]\npipelining = True\n"
        f"ssh_args = -F {fleet.config} -o ControlMaster=auto -o ControlPersist=60s\ncontrol_path_dir = {w}/cp\n")
    ansible_env = dict(os.environ, ANSIBLE_CONFIG=f"{w}/ansible/ansible.cfg", ANSIBLE_HOME=f"{w}/ansible/home",
                       ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3")
    migrate_env = dict(os.environ, MIGRATE_SSH_CONFIG=fleet.config, MIGRATE_STATE=f"{w}/state")
    tools = {"migrate": lambda n: ([a.program, "run", f"{w}/plan{n}.yaml", "--yes"], migrate_env)}
    if not a.without_ansible:
        tools["ansible"] = lambda n: (["/usr/bin/ansible-playbook" if os.path.exists("/usr/bin/ansible-playbook") else "ansible-playbook",
                                       "-i", names, f"{w}/play{n}.yaml"], ansible_env)
    for n in (1, a.steps):
        write_plan(f"{w}/plan{n}.yaml", hosts, n)
        write_playbook(f"{w}/play{n}.yaml", n)
    times = {tool: {1: [], a.steps: []} for tool in tools}
    timed(*tools["migrate"](1), f"{w}/log")  # the agent is brought to the hosts once
    for _ in range(a.rounds):
        for n in (1, a.steps):
            for tool, make in tools.items():
                fleet.clean()
                argv, env = make(n)
                times[tool][n].append(timed(argv, env, f"{w}/log"))
                fleet.check(hosts, n)
    print(f"{a.steps} steps on {hosts} host{'s' if hosts > 1 else ''}, median of {a.rounds} rounds")
    per = {}
    for tool, by in times.items():
        one, many = statistics.median(by[1]), statistics.median(by[a.steps])
        per[tool] = (many - one) / (a.steps - 1) * 1000
        print(f"  {tool:<8} whole run {many:7.2f} s   with one step {one:6.2f} s   a step {per[tool]:8.2f} ms"
              f"   a step and host {per[tool] / hosts:8.2f} ms")
    if "ansible" in per:
        print(f"  ratio of a step: ansible with pipelining takes {per['ansible'] / per['migrate']:.0f} times as long")


if __name__ == "__main__":
    main()
