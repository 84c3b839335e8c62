-- SPDX-License-Identifier: MIT
-- What make-traces.sh has sqlite3 do with files.tsv: path, size, type, time.
.mode tabs
CREATE TABLE files(path TEXT, size INTEGER, type TEXT, time REAL);
.import files.tsv files
CREATE INDEX by_size ON files(size);
CREATE INDEX by_type_time ON files(type, time DESC);
CREATE TABLE folders AS
	SELECT rtrim(path, replace(path, '/', '')) AS folder, count(*) AS n, sum(size) AS bytes
	FROM files GROUP BY 1;
CREATE UNIQUE INDEX by_folder ON folders(folder);
SELECT f.path, d.n FROM files f JOIN folders d
	ON d.folder = rtrim(f.path, replace(f.path, '/', ''))
	WHERE f.type = 'f' ORDER BY d.n DESC, f.path LIMIT 5000;
CREATE VIRTUAL TABLE words USING fts5(path);
INSERT INTO words SELECT replace(replace(path, '/', ' '), '.', ' ') FROM files;
SELECT count(*) FROM words WHERE words MATCH 'linux OR gcc';
SELECT path, rank FROM words WHERE words MATCH 'doc' ORDER BY rank LIMIT 200;
SELECT json_group_array(json_object('path', path, 'size', size)) FROM files WHERE size > 4096;
BEGIN;
UPDATE files SET path = path || '.old' WHERE size % 3 = 0;
DELETE FROM files WHERE size % 5 = 1;
COMMIT;
WITH RECURSIVE halves(path, size) AS (
	SELECT path, size FROM files WHERE size > 100000
	UNION ALL SELECT path, size / 2 FROM halves WHERE size > 1000)
SELECT count(*), sum(size), group_concat(path, ' ') FROM halves;
INSERT INTO words(words) VALUES ('optimize');
VACUUM;
SELECT type, count(*), avg(size), max(time) FROM files GROUP BY type;
-- Leaves at once, with the database still in memory: an end worth measuring.
.exit 7
