// SPDX-License-Identifier: MIT
// node: buffers outside the JavaScript heap, JSON, zlib; argument: rounds
'use strict';
const zlib = require('zlib');

function work(round) {
  const kept = new Map();
  for (let i = 0; i < 12000; i++) {
    const k = (round * 7919 + i * 104729) % 1000003;
    const buffer = Buffer.alloc(4096 + (k % 20000), k & 255);
    kept.set(k % 800, Buffer.concat([buffer, Buffer.from(`tail ${k}`)]));
  }
  const objects = [];
  for (const [key, buffer] of kept)
    objects.push({ key, text: buffer.toString('latin1', 0, 200) });
  const packed = zlib.deflateSync(JSON.stringify(objects), { level: 3 });
  return JSON.parse(zlib.inflateSync(packed)).length + packed.length;
}

let total = 0;
for (let round = 0; round < Number(process.argv[2]); round++)
  total += work(round);
console.log(total);
