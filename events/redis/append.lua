-- Appends to streams, each append whole or not at all, and keeps the tables of its partition in the same step. An append
-- without entries checks that the stream is at the expected version, and changes no more than tables. One that expects
-- version -1 changes them at any version, if the call's row is still the one that stands in place of the mark (false: any).
-- One that expects version -2 sums up: in place of the mark stand the version up to which it does and that of the stream,
-- and in place of the entries what is kept beside the stream.
--
-- KEYS: the keys touched, on a cluster; not read here, the names are made from the appends.
-- ARGV: for how many ms an ended call is kept at most; a MessagePack list of appends, as encoding.py makes them.
-- Reply: nothing for appends that are done; for others their number and what hindered them: the stream's last version
-- (somebody was first, or the tail is lost), or the text of an error: of a command, NOSTREAM for a key that is none, or
-- PARTED where the entry that the append follows, or one that it refers to, is another one, AHEAD and the version of the stream's last id, where no entry has it and none can come before it.

local BASE, CALL, EXPECTED, MARK, ENTRIES, LIVE, DUE, ADDED, REMOVED, KEEP, ENDED = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
local AT, BY = 12, 13 -- of the entry at the expected version, when it was written, false where that is not told, and by whom
local HELD = 14
local KEYS_OF_CALL = 15 -- where calls have data keys: the id of one and the sealed key, or nothing
local TABLES_ONLY, SUMMARY = -1, -2
local PERSIST = -1 -- KEEP: for how many ms the stream is kept from now on; 0 leaves that as it is
local HOUR = 3600000 -- ms
local OLD = 20 -- so many ended calls whose time is over are left out of the table for each that comes into it
local CHANGES = 2000 -- so many changes of a partition are kept at least for those who follow all calls
local MOST = 2 ^ 53 -- Lua's numbers count no further, ids do

local function id(version)
  return string.format('%d-0', version)
end

local function failed(reply)
  return type(reply) == 'table' and reply.err
end

-- Write something, once, where nothing else is written: WAIT and WAITAOF wait for what this connection wrote, and a
-- server that would take no append must confirm no version either. What hinders it, or nothing.
local touched = false
local function touch(append)
  if not touched then
    local reply = redis.pcall('SET', append[BASE] .. 'again', '', 'PX', 1000)
    if failed(reply) then
      return reply.err
    end
    touched = true
  end
end

-- The version of the last id the stream ever had, which it refuses to go behind, 0 for no stream; and whether an entry
-- has that id.
local function last_version(stream)
  local info = redis.pcall('XINFO', 'STREAM', stream)
  local last, entry = '0-0', nil
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      last = info[i + 1]
    elseif info[i] == 'last-entry' then
      entry = info[i + 1]
    end
  end
  local is_there = last == '0-0' or (entry and entry[1] == last)
  return math.min(tonumber(string.match(last, '^%d+')), MOST), is_there
end

-- What hinders an append to a stream that is not at the expected version.
local function ahead(last, is_there)
  return is_there and last or string.format('AHEAD %d', last)
end

-- Whether this very append was written before: it was sent again because its answer got lost.
local function written(stream, append)
  local first = id(append[EXPECTED] + 1)
  local entry = redis.call('XRANGE', stream, first, first)[1]
  local fields = entry and entry[2] or {}
  for i = 1, #fields, 2 do
    if fields[i] == 'a' then
      return fields[i + 1] == append[MARK]
    end
  end
  return false
end

-- Whether a time and a name are those that the append tells of.
local function is_known(append, at, by)
  return at == append[AT] and by == append[BY]
end

-- Whether the row of a live call says so of the stream's newest entry. It is written with each append, in the same step.
local function row_says_so(append, version)
  if not append[AT] then
    return false
  end
  local row = redis.pcall('HGET', append[BASE] .. 'live', append[CALL])
  if type(row) ~= 'string' then
    return false
  end
  local read, _, _, newest, _, at, _, _, _, by = pcall(cmsgpack.unpack_limit, row, 8, 1)
  return read and newest == version and is_known(append, at, by)
end

-- Whether the entry at a version is the one that the append tells of: Redis may have lost that, and others may have
-- written as many since. One of which that cannot be said (removed, damaged, packed otherwise than codec.py does) is. The
-- head of the payload is enough: what follows has types that are not known here.
local function follows(stream, append, version)
  if not append[AT] or row_says_so(append, version) then
    return true
  end
  local entry = redis.call('XRANGE', stream, id(version), id(version))[1] -- ten times what the row takes
  local fields = entry and entry[2] or {}
  for i = 1, #fields, 2 do
    if fields[i] == 'p' then
      local read, _, s, _, t, at, n, by = pcall(cmsgpack.unpack_limit, fields[i + 1], 6, 1)
      return not (read and s == 's' and t == 't' and n == 'n') or is_known(append, at, by)
    end
  end
  return true
end

-- Whether the entries that the append refers to are still what they were: each version with its payload's SHA-1.
local function holds(stream, append)
  local held = append[HELD] or {}
  for i = 1, #held, 2 do
    local entry = redis.call('XRANGE', stream, id(held[i]), id(held[i]))[1]
    local fields, same = entry and entry[2] or {}, false
    for j = 1, #fields, 2 do
      same = same or (fields[j] == 'p' and redis.sha1hex(fields[j + 1]) == held[i + 1])
    end
    if not same then
      return false
    end
  end
  return true
end

-- Keep the data key that entries of the append are sealed with.
local function keep_key(append)
  local key = append[KEYS_OF_CALL]
  if key and #key > 0 then
    redis.call('HSETNX', append[BASE] .. 'key:' .. append[CALL], key[1], key[2])
  end
end

local function add(stream, append)
  if not follows(stream, append, append[EXPECTED]) or not holds(stream, append) then
    return 'PARTED'
  end
  local version, entries = append[EXPECTED] + 1, append[ENTRIES]
  local reply = redis.pcall('XADD', stream, id(version), 't', entries[1], 'p', entries[2], 'a', append[MARK])
  if failed(reply) then
    return reply.err
  end
  touched = true
  for i = 3, #entries, 2 do
    version = version + 1
    redis.call('XADD', stream, id(version), 't', entries[i], 'p', entries[i + 1])
  end
end

local function drop_ended(base, call)
  redis.call('HDEL', base .. 'ended', call)
  redis.call('ZREM', base .. 'ended-at', call)
  redis.call('ZREM', base .. 'ended-until', call)
end

-- Take some out of the table of ended calls whose time was over at a time; and of those without a time to go at, as
-- earlier versions have put them there, some that ended too long before.
local function prune_ended(base, at)
  local times, untils = base .. 'ended-at', base .. 'ended-until'
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', untils, '-inf', string.format('%d', at), 'LIMIT', 0, OLD)) do
    drop_ended(base, old)
  end
  local over = string.format('(%d', at - tonumber(ARGV[1]))
  for _, old in ipairs(redis.call('ZRANGEBYSCORE', times, '-inf', over, 'LIMIT', 0, OLD)) do
    if not redis.call('ZSCORE', untils, old) then
      drop_ended(base, old)
    end
  end
end

-- Put an ended call into the table of these, for as long as its stream is kept. The table goes by itself, within the
-- hour, when the last of its calls does.
local function keep_ended(base, call, ended, keep)
  local rows, times, untils, at = base .. 'ended', base .. 'ended-at', base .. 'ended-until', ended[1]
  if keep <= 0 then -- the stream is to go when it already was
    keep = math.max(redis.call('PTTL', base .. 's:' .. call), 0)
    local now = redis.call('TIME')
    redis.call('ZADD', untils, string.format('%d', tonumber(now[1]) * 1000 + keep), call)
  else
    redis.call('ZADD', untils, string.format('%d', at + keep), call)
  end
  redis.call('HSET', rows, call, ended[2])
  redis.call('ZADD', times, string.format('%d', at), call)
  prune_ended(base, at)
  if redis.call('PTTL', rows) < keep then
    for _, key in ipairs({ rows, times, untils }) do
      redis.call('PEXPIRE', key, string.format('%d', keep + HOUR))
    end
  end
end

local function keep_tables(stream, append)
  local base, call = append[BASE], append[CALL]
  local live, due = append[LIVE], append[DUE]
  if live == '' then
    redis.call('HDEL', base .. 'live', call)
  elseif live then
    redis.call('HSET', base .. 'live', call, live)
  end
  if due == '' then
    redis.call('ZREM', base .. 'due', call)
  elseif due then
    redis.call('ZADD', base .. 'due', string.format('%d', due), call)
  end
  for _, node in ipairs(append[ADDED]) do
    redis.call('SADD', base .. 'on:' .. node, call)
    if string.byte(node) ~= 0 then -- a set of calls that lend an id is in no list
      redis.call('SADD', base .. 'nodes', node)
    end
  end
  for _, node in ipairs(append[REMOVED]) do
    redis.call('SREM', base .. 'on:' .. node, call)
  end
  local keep = append[KEEP]
  if keep == PERSIST then
    redis.call('PERSIST', stream)
    if append[KEYS_OF_CALL] then
      redis.call('PERSIST', base .. 'key:' .. call)
    end
    drop_ended(base, call)
  elseif keep > 0 then
    redis.call('UNLINK', base .. 'snap:' .. call)
    redis.call('PEXPIRE', stream, string.format('%d', keep))
    if append[KEYS_OF_CALL] then
      redis.call('PEXPIRE', base .. 'key:' .. call, string.format('%d', keep))
    end
  end
  if append[ENDED] then
    keep_ended(base, call, append[ENDED], keep)
  end
end

-- Whether the stream is at the expected version: what hinders it, or nothing.
local function check(stream, append, length)
  local expected = append[EXPECTED]
  if length == expected and row_says_so(append, expected) then
    return touch(append)
  elseif length ~= expected or #redis.call('XRANGE', stream, id(expected + 1), '+', 'COUNT', 1) > 0 then
    return (last_version(stream))
  elseif not follows(stream, append, expected) then
    return 'PARTED'
  end
  return touch(append)
end

local function amend(stream, append)
  local row = redis.call('HGET', append[BASE] .. 'live', append[CALL]) or ''
  if append[MARK] and row ~= append[MARK] then
    return 0
  end
  local hindrance = touch(append)
  if not hindrance then
    keep_tables(stream, append)
  end
  return hindrance
end

-- Keep a summary of the entries up to a version, and remove these. The newest entry stays: what is appended is held against it.
local function sum_up(stream, append)
  local version, expected = append[MARK][1], append[MARK][2]
  local summary = append[BASE] .. 'snap:' .. append[CALL]
  local kept = redis.pcall('HGET', summary, 'v')
  if failed(kept) then
    return kept.err
  end
  if tonumber(kept or 0) >= version then
    return touch(append) -- it was done before, by whom ever
  end
  local last, is_there = last_version(stream)
  if last ~= expected or not is_there or version >= last then
    return last
  elseif not follows(stream, append, expected) then
    return 'PARTED'
  end
  local reply = redis.pcall('HSET', summary, 'v', string.format('%d', version), 'p', append[ENTRIES])
  if failed(reply) then
    return reply.err
  end
  touched = true
  redis.call('XTRIM', stream, 'MAXLEN', string.format('%d', last - version))
end

-- Tell those who follow all calls, if anybody does, that the call has changed (changes.lua).
local function tell_of(append)
  local list = append[BASE] .. 'changes'
  if redis.call('EXISTS', list) == 1 then
    redis.call('XADD', list, 'MAXLEN', '~', CHANGES, '*', 'c', append[CALL], 'v', append[EXPECTED])
  end
end

-- Versions have no gaps, so a stream as long as expected that takes the next id was at the expected version. Only when
-- that fails is it worth to look closer.
local function perform(append)
  local stream = append[BASE] .. 's:' .. append[CALL]
  if append[EXPECTED] == TABLES_ONLY then
    return amend(stream, append)
  elseif append[EXPECTED] == SUMMARY then
    return sum_up(stream, append)
  end
  local length = redis.pcall('XLEN', stream)
  if failed(length) then
    return string.find(length.err, 'WRONGTYPE', 1, true) and 'NOSTREAM' or length.err
  end
  if #append[ENTRIES] == 0 then
    local hindrance = check(stream, append, length)
    if not hindrance then
      keep_tables(stream, append)
    end
    return hindrance
  end
  if length ~= append[EXPECTED] or add(stream, append) then
    local last, is_there = last_version(stream)
    if last > append[EXPECTED] and written(stream, append) then
      local hindrance = touch(append)
      if not hindrance then
        keep_key(append)
      end
      return hindrance
    end
    if last ~= append[EXPECTED] then
      return ahead(last, is_there)
    end
    local hindrance = add(stream, append)
    if hindrance then
      return hindrance
    end
  end
  keep_key(append)
  keep_tables(stream, append)
  tell_of(append)
end

-- Perform an append: what hindered it, or nothing. What fails half-way hinders none of the others.
local function try(append)
  local went_well, hindrance = pcall(perform, append)
  if went_well then
    return hindrance
  end
  local text = type(hindrance) == 'table' and hindrance.err or tostring(hindrance)
  return (string.gsub(text, '^@?user_script: ?%d+: ', '')) -- where in the script, older servers say before all else
end

local hindered, calls = {}, {}
for number, append in ipairs(cmsgpack.unpack(ARGV[2])) do
  -- What was sent after an append that failed was decided on a history that is not.
  local call = append[BASE] .. append[CALL]
  local hindrance = calls[call] or try(append)
  if hindrance then
    calls[call] = append[EXPECTED] ~= SUMMARY and hindrance or nil
    hindered[#hindered + 1] = number
    hindered[#hindered + 1] = hindrance
  end
end
return hindered
