# SPDX-License-Identifier: MIT
#
# setup.sh - what mmrun and check do before there is a library: missing Debian
# packages and build directories. Sourced by bash in a checkout; never
# installed. A caller sets $self, the word its messages begin with, and $top,
# the root of the checkout.

say() {
	printf '%s: %s\n' "$self" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

# What a build needs, as PACKAGE=PROBE: a program on PATH or a file.
build_needs=(
	meson=meson ninja-build=ninja gcc=gcc libc6-dev=/usr/include/stdio.h
	g++=g++ pkg-config=pkg-config libnuma-dev=/usr/include/numa.h
	valgrind=/usr/include/valgrind/memcheck.h
	liblz4-dev=/usr/include/lz4.h libzstd-dev=/usr/include/zstd.h
	libxxhash-dev=/usr/include/xxhash.h nettle-dev=/usr/include/nettle/aes.h
)

# Prints the packages whose probe is absent. A probe, not dpkg, because a
# meson or gcc that was installed another way is as good.
missing_packages() {
	local need probe
	for need; do
		probe=${need#*=}
		case $probe in
		/*) compgen -G "$probe" >/dev/null ;;
		*) command -v "$probe" >/dev/null ;;
		esac || printf '%s\n' "${need%%=*}"
	done
}

# Runs apt-get as root, with no questions and no services started by what it
# installs: a test wants the server's program, not the server. Needs $policy.
apt_quietly() {
	local root=(env)
	[ "$(id -u)" = 0 ] || root=(sudo -n env)
	"${root[@]}" DEBIAN_FRONTEND=noninteractive bash -c '
		policy=/usr/sbin/policy-rc.d
		if [ ! -e $policy ]; then
			trap "rm -f $policy" EXIT
			printf "#!/bin/sh\nexit 101\n" >$policy
			chmod 755 $policy
		fi
		apt-get -qq -o DPkg::Lock::Timeout=120 "$@"' apt "$@" </dev/null
}

# install_packages LOG PACKAGE=PROBE... - returns 1 if one is still missing.
# The whole list goes in one call, then one by one if that failed, so that a
# package which cannot be had takes no other with it.
install_packages() {
	local log=$1 packages p
	shift
	mapfile -t packages < <(missing_packages "$@")
	[ ${#packages[@]} -gt 0 ] || return 0
	if ! command -v apt-get >/dev/null; then
		say "no apt-get here; please install: ${packages[*]}"
		return 1
	fi
	if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
		say "not root and no sudo; please install: ${packages[*]}"
		return 1
	fi
	mkdir -p "${log%/*}" || return
	say "installing ${packages[*]}"
	{
		apt_quietly update
		apt_quietly install --no-install-recommends "${packages[@]}" ||
			for p in "${packages[@]}"; do
				apt_quietly install --no-install-recommends "$p"
			done
	} >>"$log" 2>&1
	[ -z "$(missing_packages "$@")" ]
}

# build DIR MESON-OPTIONS... - configures once, builds what changed, and keeps
# everything that was said in DIR/build.log, shown if it failed. With
# several at once, the first builds and the others wait for it.
build() {
	local dir=$top/$1 log=$top/$1/build.log
	shift
	mkdir -p "$dir" || return
	(
		flock 9 || exit 1
		up_to_date "$dir" && exit 0
		say "building ${dir#"$top"/}/ (log: $log)"
		touch "$dir/.started" || exit 1
		{
			[ -e "$dir/build.ninja" ] ||
				meson setup "$dir" "$top" "$@"
			ninja -C "$dir"
		} >"$log" 2>&1 9>&- </dev/null || exit 1
		mv "$dir/.started" "$dir/.built"
	) 9>>"$log" && return
	tail -n 40 "$log" >&2
	return 1
}

# Is there nothing newer than the last build? Much quicker than asking ninja.
# A file that was removed shows in the time of its folder.
up_to_date() {
	[ -e "$1/.built" ] && [ -z "$(find "$top"/{src,include,preload,tools} \
		"$top"/meson* -newer "$1/.built" -print -quit 2>&1)" ]
}
