-- Whole hours within a host's ledger of which nothing is known.
SELECT host, before + 3600 AS from_hour, hour AS to_hour
FROM (
  SELECT host, hour, lag(hour) OVER (PARTITION BY host ORDER BY hour) AS before
  FROM presence
  WHERE covered > 0
) AS pairs
WHERE hour - before > 3600
ORDER BY host, from_hour
