-- The state of one root, version 1. Facts are written in the transaction of the
-- change they describe; `event` only ever grows.

CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- Contents that were shown, by digest; packed with zstd.
CREATE TABLE snapshot (hash BLOB PRIMARY KEY, size INTEGER NOT NULL, packed BLOB NOT NULL);

-- The handle itself is a permutation of its number, see `Handle::mint`.
CREATE TABLE handle (
  number INTEGER PRIMARY KEY,
  path   TEXT NOT NULL,
  hash   BLOB NOT NULL,
  UNIQUE (path, hash)
);

CREATE TABLE session (
  id      TEXT PRIMARY KEY,
  client  TEXT NOT NULL,
  agent   TEXT NOT NULL,
  model   TEXT NOT NULL,
  opened  INTEGER NOT NULL,
  -- The last `compacted` note, as the number of the event.
  compacted INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE view (
  session TEXT NOT NULL,
  handle  INTEGER NOT NULL,
  ranges  BLOB NOT NULL,
  PRIMARY KEY (session, handle)
) WITHOUT ROWID;

-- state: 0 intent, 1 committed, 2 settled, 3 aborted.
CREATE TABLE operation (
  id      INTEGER PRIMARY KEY,
  state   INTEGER NOT NULL,
  session TEXT NOT NULL,
  at      INTEGER NOT NULL,
  kind    TEXT NOT NULL,
  target  INTEGER,
  undone  INTEGER,
  op_id   TEXT,
  format  TEXT NOT NULL,
  why     TEXT,
  answer  TEXT NOT NULL,
  -- The particulars of the event that the commit writes, for a commit that only
  -- recovery gets to.
  event   TEXT NOT NULL
);
CREATE INDEX operation_once ON operation (session, op_id) WHERE op_id IS NOT NULL;

CREATE TABLE step (
  operation INTEGER NOT NULL,
  number    INTEGER NOT NULL,
  kind      INTEGER NOT NULL,
  path      TEXT NOT NULL,
  target    TEXT,
  before    BLOB,
  after     BLOB,
  slot      TEXT NOT NULL,
  beside    TEXT,
  edits     BLOB,
  PRIMARY KEY (operation, number)
) WITHOUT ROWID;
CREATE INDEX step_path ON step (path, operation);

CREATE TABLE retry (
  token   TEXT PRIMARY KEY,
  session TEXT NOT NULL,
  expires INTEGER NOT NULL,
  record  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE event (
  seq       INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  type      TEXT NOT NULL,
  session   TEXT NOT NULL,
  operation INTEGER,
  data      TEXT NOT NULL,
  chain     BLOB NOT NULL
);
CREATE TRIGGER event_kept BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are kept'); END;
CREATE TRIGGER event_fixed BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are fixed'); END;

-- What an attempt cost; counted after the answer, so it follows its event.
CREATE TABLE cost (
  event     INTEGER PRIMARY KEY,
  bytes_in  INTEGER NOT NULL,
  bytes_out INTEGER NOT NULL,
  tokens_in INTEGER NOT NULL,
  tokens_out INTEGER NOT NULL,
  text      INTEGER NOT NULL,
  gutter    INTEGER NOT NULL,
  reread    INTEGER NOT NULL,
  old_text  INTEGER NOT NULL,
  estimated INTEGER NOT NULL
);
