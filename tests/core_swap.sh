#!/bin/bash
# SPDX-License-Identifier: MIT
# Does mmcore fill a core dump with what was swapped out?
# usage: core_swap.sh MMCORE PROGRAM
mmcore=$(readlink -f "$1") program=$(readlink -f "$2") failed=0
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder" || exit 1

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "FAIL $*"
	failed=1
}

command -v gdb >/dev/null || skip no gdb
ulimit -c unlimited || skip core dumps are limited
case $(cat /proc/sys/kernel/core_pattern) in
[\|/]*) skip core dumps go elsewhere here ;;
esac

# Words that gdb reads at the addresses of the file "words".
words_of_core() {
	local args=()
	while read -r address _; do
		args+=(-ex "x/gx $address")
	done <words
	gdb -nx -batch "$program" "$core" "${args[@]}" 2>/dev/null |
		sed -n 's/^0x.*\t//p'
}

(MM_OPTIONS=swap=256M,swap_pool=128M "$program") >words 2>said
grep -q 'swap is off' said && skip "$(cat said)"
core=$(echo core*)
[ -f "$core" ] || skip no core was dumped
[ "$(wc -l <words)" = 3 ] || fail "the program says: $(cat words said)"

zeros=$(printf '0x%016x\n' 0 0 0)
[ "$(words_of_core)" = "$zeros" ] || fail the core has what was out
"$mmcore" "$core" >out || fail mmcore ended with $?
cat out
grep -q ' from the pool' out || fail mmcore does not say what it did
grep -q lost out && fail mmcore has lost something
[ "$(words_of_core)" = "$(cut -d' ' -f2 words)" ] ||
	fail "gdb reads $(words_of_core), not $(cut -d' ' -f2 words)"

# what is no core of ours
for file in "$program" words "$folder/none"; do
	"$mmcore" "$file" >/dev/null 2>said && fail "mmcore takes $file"
	[ "$(wc -l <said)" = 1 ] || fail "mmcore says: $(cat said)"
done
truncate -s 100K "$core"
"$mmcore" "$core" >/dev/null 2>said && fail mmcore takes a piece of a core
grep -q 'ulimit -c' said || fail "mmcore says: $(cat said)"
exit $failed
