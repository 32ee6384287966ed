#!/bin/bash
# SPDX-License-Identifier: MIT
# Do programs built with a sanitizer work under mmrun, and does the sanitizer
# still find what it looks for? usage: sanitizers.sh MMRUN LIBRARY SOURCE
mmrun=$1 library=$(readlink -f "$2") source=$3 failed=0 tried=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# try SANITIZER COMPILER ARGUMENT...
try() {
	local sanitizer=$1 out rc
	shift
	if ! "$@" -g -O1 -pthread "-fsanitize=$sanitizer" "$source" \
		-o "$dir/a.out" >"$dir/log" 2>&1 ||
		[ "$("$dir/a.out" 2>&1)" != 3996 ]; then
		printf 'not tried: %s -fsanitize=%s\n' "$*" "$sanitizer"
		return
	fi
	tried=$((tried + 1))
	out=$("$mmrun" -l "$library" "$dir/a.out" 2>"$dir/log")
	rc=$?
	if [ "$out" != 3996 ] || [ $rc != 0 ]; then
		printf 'FAIL %s %s: exit %s, printed %s\n%s\n' "$*" \
			"$sanitizer" $rc "$out" "$(cat "$dir/log")"
		failed=1
	fi
	out=$("$mmrun" -l "$library" "$dir/a.out" bad 2>&1)
	rc=$?
	if [[ $out != *Sanitizer:\ heap-use-after-free* ]] || [ $rc = 0 ]; then
		printf 'FAIL %s %s: the use after free is missed; exit %s\n%s\n' \
			"$*" "$sanitizer" $rc "$out"
		failed=1
	fi
	printf '%s -fsanitize=%s: %s\n' "$*" "$sanitizer" \
		"$(head -n 1 "$dir/log")"
}

try address gcc
try thread gcc
try address clang -static-libsan
try thread clang
[ $tried -gt 0 ] || {
	echo 'skipped: no compiler with a sanitizer that runs here'
	exit 77
}
exit $failed
