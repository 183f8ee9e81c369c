-- Renews the marks of a server, and reports on the server.
--
-- A mark is a record that says since when its server has kept its records. KEYS[1] is the key of the first mark.
-- ARGV[1] is the lifetime of a mark in milliseconds. The other arguments are the keys of the other marks at this server,
-- if it is a master of a cluster. They are not in KEYS, because the keys of a script must belong to one slot.
--
-- A mark holds: the time since when; why it changed last; the last renewal before that change; the last renewal; the
-- server's run ID and its count of evicted keys. Times are milliseconds of the server's clock.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local info = ''
for _, section in ipairs({'server', 'memory', 'stats', 'replication'}) do
  info = info .. redis.call('INFO', section)
end
local function field(name)
  return string.match(info, '\n' .. name .. ':([^\r\n]*)') or ''
end
local run_id, evicted = field('run_id'), field('evicted_keys')

-- The newest of the marks counts, because a slot may have come from another server with its mark.
local marks, is_ours, is_evicted = {}, false, false
local since, cause, former, beat = 0, 'new', 0, 0
for index = 1, #ARGV do
  local key = index == 1 and KEYS[1] or ARGV[index]
  local text = redis.call('GET', key)
  local mark = {key = key, text = text, beat = 0}
  if text then
    local of_since, of_cause, of_former, of_beat, of_run_id, of_evicted =
      string.match(text, '^(%d+) (%a+) (%d+) (%d+) (%x+) (%d+)$')
    mark.beat = tonumber(of_beat or 0)
    if of_since and tonumber(of_since) > since then
      since, cause, former = tonumber(of_since), of_cause, tonumber(of_former)
    end
    is_ours = is_ours or of_run_id == run_id
    is_evicted = is_evicted or (of_run_id == run_id and of_evicted ~= evicted)
    beat = math.max(beat, mark.beat)
  end
  marks[#marks + 1] = mark
end
if since == 0 then
  since, cause, former = now, 'new', 0
elseif not is_ours then
  since, cause, former = now, 'moved', beat
elseif is_evicted then
  since, cause, former = now, 'evicted', beat
end

-- The first mark is always written, which shows whether the server takes writes. The others change rarely.
local refusal = ''
local head = string.format('%.0f %s %.0f ', since, cause, former)
local tail = ' ' .. run_id .. ' ' .. evicted
for index, mark in ipairs(marks) do
  local is_same = mark.text == head .. string.format('%.0f', mark.beat) .. tail
  if index == 1 or not is_same or now - mark.beat > 86400000 then
    local written = redis.pcall('SET', mark.key, head .. string.format('%.0f', now) .. tail, 'PX', ARGV[1])
    if type(written) == 'table' and written.err then
      refusal = written.err
      break
    end
  end
end
local is_bounded = field('maxmemory') ~= '0' and field('maxmemory') ~= ''
return {
  {time[1] * 1000000 + time[2], since, cause, former, now},
  {refusal, field('role'), is_bounded and field('maxmemory_policy') or ''},
  {tonumber(field('connected_slaves')) or 0, field('min_slaves_good_slaves')},
  tonumber(field(is_bounded and 'maxmemory' or 'total_system_memory')) or 0,
}
