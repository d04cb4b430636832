-- How many seconds of each hour a host's agent was looking. The agent's own row of a minute says it; where
-- there is none, the longest row of that minute does.
SELECT host, t - t % 3600 AS hour, sum(CASE WHEN told > 0 THEN told ELSE longest END) AS covered
FROM (
  SELECT
    host,
    t,
    sum(CASE WHEN kind = 'outcome' AND coalesce(destination, '') = '' THEN coalesce(seconds, 0) ELSE 0 END) AS told,
    max(coalesce(seconds, 0)) AS longest
  FROM ledger
  WHERE v = 1 AND kind IN ('seen', 'outcome') AND t >= :since AND t < :until
  GROUP BY host, t
) AS minutes
GROUP BY host, t - t % 3600
