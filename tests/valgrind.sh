#!/bin/bash
# SPDX-License-Identifier: MIT
# Does memcheck see what it should in a program under libmm, both when it puts
# its own malloc in libmm's place and when it lets libmm serve?
# usage: valgrind.sh LIBRARY PROGRAM
library=$(readlink -f "$1") program=$2 failed=0
command -v valgrind >/dev/null || {
	echo 'skipped: no valgrind'
	exit 77
}

# expect CASE STATUS PATTERN - in each of the two modes
expect() {
	local mode out rc
	for mode in '' --soname-synonyms=somalloc=nouserintercepts; do
		out=$(LD_PRELOAD=$library valgrind --leak-check=full $mode \
			--error-exitcode=99 "$program" "$1" 2>&1)
		rc=$?
		if [ $rc != "$2" ] || [[ $out != *$3* ]]; then
			printf 'FAIL %s %s: exit %s, no "%s" in\n%s\n' \
				"$1" "$mode" $rc "$3" "$out"
			failed=1
		fi
	done
}

expect clean 0 'ERROR SUMMARY: 0 errors'
expect leak 99 'definitely lost: 40 bytes in 1 blocks'
expect overrun 99 'Invalid write of size 1*0 bytes after a *block of size 40 alloc'
expect use_after_free 99 'Invalid write of size 1'
expect uninitialised 99 'depends on uninitialised value'
exit $failed
