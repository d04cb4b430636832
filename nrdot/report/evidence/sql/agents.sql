-- What NRDOT itself used, by its version and mode.
SELECT
  agent,
  mode,
  count(DISTINCT host) AS hosts,
  sum(seconds) AS seconds,
  sum(agent_cpu_seconds) AS cpu_seconds,
  sum(agent_rss * seconds) AS rss_seconds,
  sum(host_cpu_seconds) AS host_cpu_seconds,
  sum(lost_rows) AS lost_rows
FROM outcome
WHERE destination = ''
GROUP BY agent, mode
ORDER BY agent, mode
