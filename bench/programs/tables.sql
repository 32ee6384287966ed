-- SPDX-License-Identifier: MIT
-- postgres, once: the tables that report.sql reads
CREATE TABLE orders AS
SELECT i AS id, i * 7919 % 500 AS customer, i * 104729 % 9973 AS amount,
       'note ' || i * 31337 % 65521 AS note
FROM generate_series(1, 20000) AS i;
CREATE INDEX ON orders(customer);
ANALYZE orders;
