#!/bin/bash
# SPDX-License-Identifier: MIT
# Does gdb get at memory that is swapped out, by the commands of libmm-gdb.py?
# usage: gdb_swap.sh COMMANDS PROGRAM
commands=$1 program=$2 failed=0

skip() {
	echo "skipped: $*"
	exit 77
}

command -v gdb >/dev/null || skip no gdb
gdb -nx -batch -ex 'python gdb.with_parameter' >/dev/null 2>&1 ||
	skip gdb has no Python, or is older than 12

coproc { MM_OPTIONS=swap=256M exec "$program" 2>&1; }
pid=$COPROC_PID
trap 'kill "$pid" 2>/dev/null' EXIT
read -r block <&"${COPROC[0]}"
case $block in
0x*) ;;
'mm: swap is off'*) skip "$block" ;;
*)
	echo "FAIL the program says: $block"
	exit 1
	;;
esac

out=$(timeout 60 gdb -nx -batch -p "$pid" -x "$commands" \
	-ex "mm-where $block+4104" -ex "x/gx $block + 4104" \
	-ex "mm-fetch $block+4104" \
	-ex "mm-where $block+4104" -ex "x/gx $block+4104" \
	-ex "mm-fetch $block+0xfffff8 100" -ex "x/gx $block+0xfffff8" \
	-ex 'mm-where $sp' -ex 'mm-fetch $sp' 2>&1)
case $out in
*ptrace:\ Operation\ not\ permitted* | *'Could not attach'*)
	skip gdb may not attach to a process
	;;
esac

# expect LINE - one that gdb printed
expect() {
	grep -q -- "$1" <<<"$out" || {
		printf 'FAIL no line with "%s"\n' "$1"
		failed=1
	}
}

expect '^state  swapped out$'
expect "^block  $block, 16777216 bytes; the address is byte 4104$"
expect '^slot   0x'
expect 'Cannot access memory at address 0x'
expect ': 1048576 bytes can be read$'
expect '^state  in memory$'
expect '0x0000020100000201$'
expect ': 8 bytes can be read$'
expect '0x001fffff001fffff$'
expect '^state  not of libmm$'
expect '^mm: not in a block that may be swapped out$'
kill -0 "$pid" || {
	echo 'FAIL the program is gone'
	failed=1
}
[ $failed = 0 ] || printf '%s\n' "$out"
exit $failed
