-- Each hour by verdict: what no optimizer would have sent, what every process at NRDOT's interval would have
-- been, what was left out because nothing changed, and what was sent. Series are levels, so they come as
-- series times seconds, to be divided by the seconds that were seen.
SELECT
  hour,
  part,
  sum(points_unoptimized) AS points_unoptimized,
  sum(points_interval) AS points_interval,
  sum(points_suppressed) AS points_suppressed,
  sum(points_sent) AS points_sent,
  sum(points_unoptimized * baseline) / 60 AS points_hostmetrics,
  sum(bytes_unoptimized) AS bytes_unoptimized,
  sum(bytes_interval) AS bytes_interval,
  sum(bytes_suppressed) AS bytes_suppressed,
  sum(bytes_sent) AS bytes_sent,
  sum(bytes_unoptimized * baseline) / 60 AS bytes_hostmetrics,
  sum(active_unoptimized_seconds) AS active_unoptimized,
  sum(active_sent_seconds) AS active_sent,
  sum(hourly_unoptimized) AS hourly_unoptimized,
  sum(hourly_sent) AS hourly_sent,
  sum(process_seconds) AS process_seconds,
  sum(cpu_seconds) AS cpu_seconds,
  sum(rss_seconds) AS rss_seconds,
  sum(critical_seen) AS critical_seen,
  sum(critical_exported) AS critical_exported,
  max(seconds) AS longest
FROM seen
GROUP BY hour, part
ORDER BY hour, part
