-- Each hour: how many hosts spoke, and how much of the hour somebody was looking: from the first to the last
-- moment that any of them was, but no longer than all of them together were, and no shorter than one of them.
SELECT
  hour,
  count(*) AS hosts,
  greatest(max(covered), least(sum(covered), max(began + covered) - min(began))) AS covered,
  sum(covered) AS host_seconds
FROM presence
WHERE covered > 0
GROUP BY hour
ORDER BY hour
