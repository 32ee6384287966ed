-- SPDX-License-Identifier: MIT
-- sqlite3, in memory: fill two tables of :rows rows, index, join, aggregate
CREATE TABLE item(id INTEGER PRIMARY KEY, grp INTEGER, name TEXT, body BLOB);
CREATE TABLE link(a INTEGER, b INTEGER, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
INSERT INTO item
SELECT i, i * 7919 % 997, 'item ' || (i * 104729 % 1000003),
       zeroblob(i * 31 % 300)
FROM n;
INSERT INTO link
SELECT id, id * 7919 % :rows + 1, hex(id * 104729) FROM item;
CREATE INDEX item_name ON item(name);
CREATE INDEX link_b ON link(b, a);
SELECT count(*), sum(length(s)) FROM (
  SELECT grp, group_concat(name, ', ') AS s FROM item GROUP BY grp);
SELECT count(*), max(length(i.name || l.note))
FROM link l JOIN item i ON i.id = l.b WHERE i.grp % 3 = 1;
SELECT count(*) FROM (SELECT DISTINCT upper(substr(name, 1, 9)) FROM item);
UPDATE item SET name = name || '-' || grp WHERE id % 2;
DELETE FROM item WHERE id % 5 = 0;
SELECT name FROM item ORDER BY body DESC, name LIMIT 3;
