-- A small inventory.
CREATE TABLE IF NOT EXISTS parts (
    id INTEGER PRIMARY KEY,
    name VARCHAR(64) NOT NULL UNIQUE,
    count INTEGER DEFAULT 1,
    price NUMERIC(10, 2)
);

CREATE INDEX parts_by_name ON parts (name);

CREATE VIEW heavy_parts AS
SELECT p.name, SUM(p.count) AS total
FROM parts p
LEFT JOIN shelves s ON s.part_id = p.id
WHERE p.count > 9 AND p.name LIKE 'b%'
GROUP BY p.name
HAVING SUM(p.count) > 1
ORDER BY total DESC
LIMIT 10;

CREATE FUNCTION add_one(n INTEGER) RETURNS INTEGER
LANGUAGE sql
AS $$ SELECT n + 1 $$;

CREATE TYPE size AS ENUM ('small', 'large');

INSERT INTO parts (name, count) VALUES ('bolt', 1), ('nut', 2);

UPDATE parts SET count = count + 1 WHERE name = 'it''s {';

ALTER TABLE parts ADD COLUMN weight INTEGER;

WITH few AS (
    SELECT * FROM parts WHERE count < 3
)
SELECT name FROM few;

DELETE FROM parts WHERE id IN (1, 2);
