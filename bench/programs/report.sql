-- SPDX-License-Identifier: MIT
-- postgres, one transaction: sorts, hashes, JSON and text aggregates
\set c random(0, 499)
SELECT customer, count(*), string_agg(note, ',' ORDER BY amount DESC)
FROM orders WHERE customer BETWEEN :c AND :c + 20 GROUP BY customer;
SELECT jsonb_agg(to_jsonb(o)) FROM orders o WHERE customer = :c;
SELECT note, sum(amount) FROM orders WHERE amount > 4000 + :c
GROUP BY note ORDER BY 2 DESC, 1 LIMIT 10;
