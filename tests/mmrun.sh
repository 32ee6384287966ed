#!/bin/bash
# SPDX-License-Identifier: MIT
# Does mmrun pass everything through, and is libmm in what it runs?
# usage: mmrun.sh MMRUN LIBRARY
mmrun=$1 lib=$(readlink -f "$2") failed=0

# expect WHAT STATUS PATTERN ARGUMENT... - mmrun's status and what it prints
expect() {
	local what=$1 status=$2 pattern=$3 out rc
	shift 3
	out=$("$mmrun" -l "$lib" "$@" 2>&1)
	rc=$?
	# shellcheck disable=SC2053 # the pattern is one
	if [ $rc != "$status" ] || [[ $out != $pattern ]]; then
		printf 'FAIL %s: exit %s, not %s; printed: %s\n' \
			"$what" "$rc" "$status" "$out"
		failed=1
	fi
}

expect 'exit status' 7 '' sh -c 'exit 7'
expect 'signal' 143 '' sh -c 'kill -TERM $$'
expect 'no such program' 127 'mmrun: /no/such: no such program' /no/such
expect 'no program' 126 'mmrun: /etc/passwd: not executable' /etc/passwd
expect 'help' 0 'usage: mmrun *' -h
expect 'bad option' 125 'usage: mmrun *' -z true
expect 'arguments' 0 'a b|*|' printf '%s|' 'a b' '*'
expect 'library' 0 "*$lib*" cat /proc/self/maps
MM_OPTIONS=check=off expect 'options' 0 'check=off,thp=auto,dirty=4M' \
	-o thp=auto -o dirty=4M bash -c 'echo "$MM_OPTIONS"'
LD_PRELOAD=libm.so.6 expect 'earlier preload' 0 "$lib:libm.so.6" \
	bash -c 'echo "$LD_PRELOAD"'
exit $failed
