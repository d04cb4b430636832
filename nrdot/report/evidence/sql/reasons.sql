-- Processes by profile, verdict and reason.
SELECT profile, part, reason, sum(process_seconds) AS process_seconds, sum(cpu_seconds) AS cpu_seconds,
  sum(points_sent) AS points_sent
FROM seen
GROUP BY profile, part, reason
ORDER BY profile, part, reason
