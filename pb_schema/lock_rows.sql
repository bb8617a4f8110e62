-- Rows may be written while the head is ahead of the last recorded event, that is within a recording transaction
-- (which moves the head first and gives the events their seq last), or while a rebuild holds the head.

CREATE TRIGGER `pbe_rows_{id}_insert` BEFORE INSERT ON `{table}`
WHEN NOT EXISTS (
  SELECT 1 FROM `event_head` h
  WHERE h.seq > COALESCE((SELECT e.seq FROM `events` e WHERE e.seq > 0 ORDER BY e.seq DESC LIMIT 1), 0)
    OR h.hold_until > strftime('%Y-%m-%d %H:%M:%fZ', 'now')
)
BEGIN
  SELECT RAISE(ABORT, 'pocketbase-events: rows of an attached collection change by events alone; append an event, or open the lock with attach --no-lock');
END;

CREATE TRIGGER `pbe_rows_{id}_update` BEFORE UPDATE ON `{table}`
WHEN NOT EXISTS (
  SELECT 1 FROM `event_head` h
  WHERE h.seq > COALESCE((SELECT e.seq FROM `events` e WHERE e.seq > 0 ORDER BY e.seq DESC LIMIT 1), 0)
    OR h.hold_until > strftime('%Y-%m-%d %H:%M:%fZ', 'now')
)
BEGIN
  SELECT RAISE(ABORT, 'pocketbase-events: rows of an attached collection change by events alone; append an event, or open the lock with attach --no-lock');
END;

CREATE TRIGGER `pbe_rows_{id}_delete` BEFORE DELETE ON `{table}`
WHEN NOT EXISTS (
  SELECT 1 FROM `event_head` h
  WHERE h.seq > COALESCE((SELECT e.seq FROM `events` e WHERE e.seq > 0 ORDER BY e.seq DESC LIMIT 1), 0)
    OR h.hold_until > strftime('%Y-%m-%d %H:%M:%fZ', 'now')
)
BEGIN
  SELECT RAISE(ABORT, 'pocketbase-events: rows of an attached collection change by events alone; append an event, or open the lock with attach --no-lock');
END;
