-- Each host: from when to when, and how much of it was seen.
SELECT host, min(hour) AS first_hour, max(hour) AS last_hour, count(*) AS hours, sum(covered) AS covered
FROM presence
WHERE covered > 0
GROUP BY host
ORDER BY host
