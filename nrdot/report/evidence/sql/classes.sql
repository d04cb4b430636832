-- Classes by :by: how many processes, how much CPU, and how many of them had series of their own.
SELECT
  class,
  :by AS owner,
  sum(process_seconds) AS process_seconds,
  sum(CASE WHEN part = 'keep' THEN process_seconds ELSE 0 END) AS kept_seconds,
  sum(cpu_seconds) AS cpu_seconds,
  sum(points_unoptimized) AS points_unoptimized,
  sum(points_sent) AS points_sent,
  sum(critical_seen) AS critical_seen,
  sum(critical_exported) AS critical_exported
FROM seen
WHERE part IN ('keep', 'roll_up', 'drop')
GROUP BY class, :by
ORDER BY class, owner
