#!/bin/sh
# SPDX-License-Identifier: MIT
# Is there a file of more than 600 lines? Then it is two. usage: file-size.sh TOP
cd "$1" || exit 1
find src include preload tools tests bench -type f ! -path '*/__pycache__/*' \
	-exec wc -l {} + | awk '
	$2 != "total" { files++ }
	$2 != "total" && $1 > 600 { print $2 ": " $1 " lines"; long++ }
	END { print files " files, " long + 0 " too long"; exit !files || long }'
