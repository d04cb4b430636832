-- Who causes what, by :by. Sums of groups that belong to nobody alone stand under the empty key.
SELECT
  :by AS owner,
  part,
  sum(points_unoptimized) AS points_unoptimized,
  sum(points_interval) AS points_interval,
  sum(points_sent) AS points_sent,
  sum(bytes_unoptimized) AS bytes_unoptimized,
  sum(bytes_sent) AS bytes_sent,
  sum(active_unoptimized_seconds) AS active_unoptimized,
  sum(active_sent_seconds) AS active_sent,
  sum(hourly_unoptimized) AS hourly_unoptimized,
  sum(hourly_sent) AS hourly_sent,
  sum(process_seconds) AS process_seconds,
  sum(cpu_seconds) AS cpu_seconds
FROM seen
GROUP BY :by, part
ORDER BY owner, part
