-- Replaces a value if nobody wrote it since it was read, and appends to a log.
--
-- KEYS[1] is its key. ARGV[1] is its newest stamp, or empty if there was no value. ARGV[2] is the new value. ARGV[3] is
-- its lifetime in milliseconds. Every value starts with its newest stamp, which has 8 bytes.
-- KEYS[2], if there is one, is the key of the log. ARGV[4] is the entry, ARGV[5] the number of entries to keep, ARGV[6] the
-- time to keep them, and ARGV[7] the lifetime of the log, in milliseconds. `store/log.rs` says what a position is.
-- Returns 1, or the value that is there instead: nil if there is none.
local record = redis.call('GET', KEYS[1])
if (record and string.sub(record, 1, 8) or '') ~= ARGV[1] then
  return record
end
-- Before the value: a server that refuses one of these has changed nothing that counts.
if KEYS[2] then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  local millis, number = now, now
  if last then
    local of_millis, of_number = string.match(last[1], '^(%d+)-(%d+)$')
    millis, number = math.max(now, tonumber(of_millis)), tonumber(of_number) + 1
  end
  redis.call('XTRIM', KEYS[2], 'MINID', '~', string.format('%.0f', now - ARGV[6]))
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], string.format('%.0f-%.0f', millis, number), 'e', ARGV[4])
  redis.call('PEXPIRE', KEYS[2], ARGV[7])
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
