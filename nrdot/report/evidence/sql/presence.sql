-- How many seconds of each hour a host's agent was looking, and since when. The agents' own rows say it; for a
-- host that has none, each minute counts as long as the longest of its rows.
SELECT host, hour, sum(seconds) AS covered, min(t) AS began, max(host_name) AS name
FROM outcome
WHERE destination = ''
GROUP BY host, hour
UNION ALL
SELECT host, hour, sum(longest) AS covered, min(t) AS began, max(name) AS name
FROM (
  SELECT
    seen.host AS host, seen.hour AS hour, seen.t AS t, max(seen.seconds) AS longest, max(seen.host_name) AS name
  FROM seen
  LEFT JOIN (SELECT DISTINCT host FROM outcome WHERE destination = '') AS told ON told.host = seen.host
  WHERE told.host IS NULL
  GROUP BY seen.host, seen.hour, seen.t
) AS minutes
GROUP BY host, hour
