# SPDX-License-Identifier: MIT
"""A Python program of many objects and some threads; prints what it found."""
import hashlib
import json
import re
import threading
from collections import Counter

WORDS = ['page', 'zone', 'node', 'slab', 'buddy', 'order', 'cache', 'swap']
found = {}


def work(seed):
    """Text, numbers and a tree, counted, written and read again."""
    x, text = seed, []
    for _ in range(4000):
        x = (x * 1103515245 + 12345) % 2 ** 31
        text.append(WORDS[x >> 20 & 7] * (x >> 16 & 3))
    counts = Counter(re.findall('[a-z]{4,9}', ' '.join(text)))
    tree = {word: [list(range(n % 50)), str(n) * 20]
            for word, n in counts.items()}
    assert json.loads(json.dumps(tree)) == tree
    blob = b''.join(bytes([n % 251]) * (n * 100) for n in counts.values())
    found[seed] = hashlib.sha256(blob).hexdigest()


if __name__ == '__main__':
    threads = [threading.Thread(target=work, args=[i]) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*sorted(found.items()), sep='\n')
