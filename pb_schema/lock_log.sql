-- A client's fields never change, a recorded event is never updated, deleted or forged,
-- and the head is never behind the last recorded event.

CREATE TRIGGER `pbe_events_insert` BEFORE INSERT ON `events`
WHEN NEW.seq != 0 OR NEW.event_id != '' OR NEW.hash != '' OR NEW.timestamp != '' OR NEW.error != ''
  OR COALESCE(NEW.file_hashes, '') NOT IN ('', 'null')
BEGIN
  SELECT RAISE(ABORT, 'pocketbase-events: seq, event_id, hash, timestamp and error are given by the worker; leave them empty');
END;

CREATE TRIGGER `pbe_events_update` BEFORE UPDATE ON `events`
WHEN OLD.seq > 0
  OR NEW.id IS NOT OLD.id OR NEW.type IS NOT OLD.type OR NEW.collection IS NOT OLD.collection
  OR NEW.item_id IS NOT OLD.item_id OR NEW.data IS NOT OLD.data OR NEW.actor IS NOT OLD.actor
  OR NEW.reason IS NOT OLD.reason OR NEW.together IS NOT OLD.together OR NEW.expected_seq IS NOT OLD.expected_seq
  OR NEW.created IS NOT OLD.created OR NEW.adopted IS NOT OLD.adopted OR NEW.files IS NOT OLD.files
  OR (NEW.seq != 0 AND (
    NEW.seq > (SELECT h.seq FROM `event_head` h)
    OR NEW.seq != 1 + COALESCE((SELECT e.seq FROM `events` e WHERE e.seq > 0 ORDER BY e.seq DESC LIMIT 1), 0)
  ))
BEGIN
  SELECT RAISE(ABORT, 'pocketbase-events: an event never changes once it is appended; append another event instead');
END;

CREATE TRIGGER `pbe_events_delete` BEFORE DELETE ON `events`
WHEN OLD.seq > 0
BEGIN
  SELECT RAISE(ABORT, 'pocketbase-events: a recorded event is never deleted');
END;

-- The head equals the last recorded event, or is ahead of it by at most the number of pending events.
CREATE TRIGGER `pbe_head_update` BEFORE UPDATE ON `event_head`
WHEN NEW.id IS NOT OLD.id
  OR NEW.seq < COALESCE((SELECT e.seq FROM `events` e WHERE e.seq > 0 ORDER BY e.seq DESC LIMIT 1), 0)
  OR (
    NEW.seq = COALESCE((SELECT e.seq FROM `events` e WHERE e.seq > 0 ORDER BY e.seq DESC LIMIT 1), 0)
    AND NEW.hash IS NOT COALESCE((SELECT e.hash FROM `events` e WHERE e.seq > 0 ORDER BY e.seq DESC LIMIT 1), '')
  )
  OR (
    NEW.seq > OLD.seq
    AND NEW.seq - OLD.seq > (
      SELECT COUNT(*) FROM (SELECT 1 FROM `events` p WHERE p.seq = 0 AND p.error = '' LIMIT NEW.seq - OLD.seq)
    )
  )
BEGIN
  SELECT RAISE(ABORT, 'pocketbase-events: only the worker moves the head of the log');
END;

CREATE TRIGGER `pbe_head_insert` BEFORE INSERT ON `event_head`
WHEN EXISTS (SELECT 1 FROM `event_head`)
BEGIN
  SELECT RAISE(ABORT, 'pocketbase-events: a log has one head');
END;

CREATE TRIGGER `pbe_head_delete` BEFORE DELETE ON `event_head`
BEGIN
  SELECT RAISE(ABORT, 'pocketbase-events: the head of the log is never deleted');
END;

-- Records the events of a large transaction at once, as one update through the API for each would, and clears the order.
CREATE TRIGGER `pbe_stamps_update` AFTER UPDATE ON `event_stamps`
WHEN NEW.remaining > 0
BEGIN
  -- A stamp is one text, since taking JSON apart for each column costs as much as the update.
  UPDATE `events` SET seq = stamp.seq, event_id = stamp.event_id, hash = stamp.hash, timestamp = stamp.timestamp
  FROM (
    SELECT
      h.seq - NEW.remaining + 1 + each.key AS seq,
      substr(each.value, 1, 36) AS event_id,
      substr(each.value, 37, 64) AS hash,
      substr(each.value, 101, 24) AS timestamp,
      substr(each.value, 125) AS id
    FROM `event_head` h, json_each(NEW.stamps) each
  ) stamp
  -- The plus signs have SQLite look each event up by its id, not all pending events for each stamp.
  WHERE `events`.id = stamp.id AND +`events`.seq = 0 AND +`events`.error = '';
  SELECT RAISE(ABORT, 'pocketbase-events: stamps are for the worker, which records with them all events up to the head')
  WHERE NOT EXISTS (
    SELECT 1 FROM `event_head` h JOIN `events` e ON e.seq = h.seq AND e.hash = h.hash WHERE h.seq >= NEW.remaining
  );
  UPDATE `event_stamps` SET stamps = NULL, remaining = 0 WHERE id = NEW.id;
END;

-- Appends many events at once for a superuser, as one insert through the API for each would, and clears the order.
CREATE TRIGGER `pbe_stamps_append` AFTER UPDATE ON `event_stamps`
WHEN json_array_length(NEW.appended) > 0
BEGIN
  INSERT INTO `events`
    (id, type, collection, item_id, actor, data, reason, together, expected_seq, adopted, created)
  SELECT
    json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]'), NULLIF(value -> '$[5]', 'null'), json_extract(value, '$[6]'),
    json_extract(value, '$[7]'), json_extract(value, '$[8]'), json_extract(value, '$[9]'),
    strftime('%Y-%m-%d %H:%M:%fZ', 'now')
  FROM json_each(NEW.appended)
  ORDER BY key;
  UPDATE `event_stamps` SET appended = NULL WHERE id = NEW.id;
END;
