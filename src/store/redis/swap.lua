-- Puts a record in the place of another one, if nobody has changed that one since it was read.
--
-- KEYS[1] the record. ARGV[1] the stamp it had, empty where there was none; ARGV[2] the new record, which begins with a
-- stamp of its own; ARGV[3] for how many milliseconds. A stamp has 8 bytes and stands at the beginning of every record.
-- Answers 1, or else the record as it is now: nothing where there is none.
local record = redis.call('GET', KEYS[1])
if (record and string.sub(record, 1, 8) or '') ~= ARGV[1] then
  return record
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
