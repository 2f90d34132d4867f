# shellcheck shell=bash
# What the examples and the tests need on this machine: packages, and a build that is up to date. Sourced by them, with
# the repository's root as the current folder. Whatever is there already costs a fraction of a second.

LAB_PACKAGES=(systemd-container mmdebstrap nftables iproute2 openssh-client openssl python3 iputils-ping bind9-dnsutils
	curl e2fsprogs procps)
TEST_PACKAGES=(gearman-tools gearman-job-server bind9 postgresql apache2 openssh-server rsync)

say() { printf '\n== %s\n' "$*"; }
fail() { echo "$0: $*" >&2; exit 1; }

missing_packages() {
	local p
	for p; do
		[[ $(dpkg-query -Wf '${db:Status-Status}' "$p" 2>/dev/null) == installed ]] || echo "$p"
	done
}

# What CMakeLists.txt needs stands in debian/control, and only there.
build_is_possible() { command -v dpkg-checkbuilddeps >/dev/null && dpkg-checkbuilddeps 2>/dev/null; }

# need_packages build|lab|tests..: installs what is missing of these sets.
need_packages() {
	local missing=() build='' set
	for set; do
		case $set in
		build) build_is_possible || build=1 ;;
		lab)   mapfile -t -O "${#missing[@]}" missing < <(missing_packages "${LAB_PACKAGES[@]}") ;;
		tests) mapfile -t -O "${#missing[@]}" missing < <(missing_packages "${TEST_PACKAGES[@]}") ;;
		esac
	done
	[[ -n $build || ${#missing[@]} -gt 0 ]] || return 0
	[[ $EUID == 0 ]] || fail "packages are missing (${missing[*]}${build:+ and what debian/control asks for}): run this as root, or install them"
	say "installing: ${missing[*]}${build:+ (and what debian/control asks for)}"
	( install_packages "$build" "${missing[@]}" ) || fail "the packages could not be installed"
}

# In a subshell: its trap takes back what keeps the packages' services from starting. A test machine shall not begin to
# serve because tests need the programs: they start their own, on ports of their own.
install_packages() {
	local build=$1 policy=/usr/sbin/policy-rc.d; shift
	set -e
	export DEBIAN_FRONTEND=noninteractive
	if ! [[ -e $policy ]]; then
		trap 'rm -f '"$policy" EXIT
		printf '#!/bin/sh\nexit 101\n' >"$policy"; chmod 755 "$policy"
	fi
	apt-get -qq -o DPkg::Lock::Timeout=600 update
	[[ -z $build ]] || apt-get -qq -y -o DPkg::Lock::Timeout=600 build-dep ./
	(($# == 0)) || apt-get -qq -y -o DPkg::Lock::Timeout=600 --no-install-recommends install "$@"
	! [[ -d /run/systemd/system ]] || for p; do stay_off "$p"; done
}
# ... nor at the next boot
stay_off() {
	case $1 in
	apache2 | postgresql | gearman-job-server) systemctl disable --quiet "$1" ;;
	bind9) systemctl disable --quiet named ;;
	openssh-server) systemctl disable --quiet ssh ;;
	esac
}

# build [TARGET]: the release preset; quick when nothing has changed.
build() {
	[[ -e build/release/build.ninja ]] || cmake --preset release >/dev/null || fail "cmake --preset release failed"
	cmake --build --preset release ${1:+--target "$1"} || fail "the build failed"
}

# Can this machine run the lab? If not: one line that says why, on standard output.
lab_cannot_run() {
	local why
	[[ $EUID == 0 ]] || { echo "it needs root"; return 0; }
	why=$(tests/lab/lab check 2>&1) && return 1
	echo "$why" | sed 's/^lab: //' | tail -1
}
