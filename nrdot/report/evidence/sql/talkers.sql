-- Names that used most, from what each agent noted hour by hour.
SELECT
  talker.name AS name,
  talker.verdict AS verdict,
  count(DISTINCT host) AS hosts,
  sum(talker.cpu_seconds) AS cpu_seconds,
  avg(talker.rss) AS rss,
  avg(talker.processes) AS processes,
  sum(talker.points_sent) AS points
FROM (SELECT host, unnest(top) AS talker FROM outcome WHERE destination = '') AS noted
GROUP BY talker.name, talker.verdict
ORDER BY cpu_seconds DESC, name, verdict
