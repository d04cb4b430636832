-- What became of points, by destination; with an empty destination, the agent itself.
SELECT
  t,
  t - t % 3600 AS hour,
  coalesce(host, '') AS host,
  coalesce(seconds, 0) AS seconds,
  coalesce(agent, '') AS agent,
  coalesce(revision, '') AS revision,
  coalesce(mode, 'optimize') AS mode,
  coalesce(destination, '') AS destination,
  coalesce(points_produced, 0) AS points_produced,
  coalesce(points_delivered, 0) AS points_delivered,
  coalesce(points_rejected, 0) AS points_rejected,
  coalesce(bytes_delivered, 0) AS bytes_delivered,
  coalesce(bytes_wire, 0) AS bytes_wire,
  coalesce(samples, 0) AS samples,
  coalesce(exports, 0) AS exports,
  coalesce(own_points, 0) AS own_points,
  coalesce(own_bytes, 0) AS own_bytes,
  coalesce(agent_cpu_seconds, 0) AS agent_cpu_seconds,
  coalesce(agent_rss, 0) AS agent_rss,
  coalesce(host_cpu_seconds, 0) AS host_cpu_seconds,
  coalesce(gap_seconds, 0) AS gap_seconds,
  coalesce(gap_reason, '') AS gap_reason,
  coalesce(lost_rows, 0) AS lost_rows,
  points_dropped,
  top
FROM ledger
WHERE kind = 'outcome' AND v = 1 AND t >= :since AND t < :until
