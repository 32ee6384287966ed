# SPDX-License-Identifier: MIT
"""python3: dicts, strings, JSON, regular expressions; argument: rounds."""

import json
import re
import sys


def records(seed):
    """About 4000 nested records with text of all lengths."""
    for i in range(4000):
        key = (seed * 7919 + i * 104729) % 1000003
        yield {
            "id": i,
            "name": f"name-{key:x}" * (1 + key % 7),
            "tags": [f"t{key % n}" for n in range(2, 14)],
            "nested": {str(n): key / n for n in range(1, 9)},
        }


def work(seed):
    text = json.dumps(list(records(seed)), indent=1)
    back = json.loads(text)
    words = re.findall(r"[a-z]+-[0-9a-f]+|t\d+", text)
    count = {}
    for word in words:
        count[word] = count.get(word, 0) + 1
    back.sort(key=lambda r: (r["name"], -r["id"]))
    joined = "".join(r["name"] for r in back).encode()
    lines = [line.strip().split(":") for line in text.splitlines()]
    return len(joined) + len(count) + sum(map(len, lines))


total = 0
for round_nr in range(int(sys.argv[1])):
    total += work(round_nr)
print(total)
