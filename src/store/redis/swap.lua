-- Replaces a value if nobody wrote it since it was read.
--
-- KEYS[1] is its key. ARGV[1] is its newest stamp, or empty if there was no value. ARGV[2] is the new value. ARGV[3] is
-- its lifetime in milliseconds. Every value starts with its newest stamp, which has 8 bytes.
-- Returns 1, or the value that is there instead: nil if there is none.
local record = redis.call('GET', KEYS[1])
if (record and string.sub(record, 1, 8) or '') ~= ARGV[1] then
  return record
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
