-- Each host: its name, from when to when, and how much of it was seen.
SELECT
  host,
  max(name) AS name,
  min(began) AS began,
  min(hour) AS first_hour,
  max(hour) AS last_hour,
  count(*) AS hours,
  sum(covered) AS covered
FROM presence
WHERE covered > 0
GROUP BY host
ORDER BY host
