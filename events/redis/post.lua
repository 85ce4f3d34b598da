-- Puts letters into an outbox, and has it go when no other has come for so long: nobody may send from it any more. One
-- that would never go, as earlier versions have left them, is given the time also if there are no letters.
--
-- KEYS: the outbox. ARGV: how many letters it holds, about; for how long it is kept from now on, ms; the letters.

for place = 3, #ARGV do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'c', ARGV[place])
end
if #ARGV > 2 or redis.call('PTTL', KEYS[1]) == -1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
