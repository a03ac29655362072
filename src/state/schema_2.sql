-- Version 2: what the sweep has to know.

-- Slots that do not lie in the root's slot directory: on other mounts.
CREATE INDEX step_beside ON step (beside) WHERE beside IS NOT NULL;

-- Slots into which a late writer wrote; they are nobody's to remove but the user's.
CREATE TABLE conflict (
  slot      TEXT NOT NULL,
  beside    TEXT NOT NULL,
  path      TEXT NOT NULL,
  operation INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (slot, beside)
) WITHOUT ROWID;
