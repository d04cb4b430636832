-- Each hour: what the agents' own metrics add. A metric of their own is a point an export, so points over
-- exports are its series.
SELECT
  hour,
  sum(own_points) AS points,
  sum(own_bytes) AS bytes,
  sum(CASE WHEN exports > 0 THEN own_points * seconds / exports ELSE 0 END) AS active,
  sum(CASE WHEN exports > 0 THEN own_points / exports ELSE 0 END) AS hourly
FROM (
  SELECT
    host,
    hour,
    sum(CAST(own_points AS DOUBLE)) AS own_points,
    sum(own_bytes) AS own_bytes,
    sum(exports) AS exports,
    sum(seconds) AS seconds
  FROM outcome
  WHERE destination = ''
  GROUP BY host, hour
) AS agents
GROUP BY hour
ORDER BY hour
