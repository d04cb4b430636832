-- Each hour: how many hosts spoke, and how much of the hour somebody was looking.
SELECT hour, count(*) AS hosts, max(covered) AS covered, sum(covered) AS host_seconds
FROM presence
WHERE covered > 0
GROUP BY hour
ORDER BY hour
