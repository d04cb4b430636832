-- The proof: never-filtered processes at every export, and those of them that had series of their own.
SELECT
  class,
  sum(critical_seen) AS seen,
  sum(critical_exported) AS exported,
  count(DISTINCT CASE WHEN critical_exported < critical_seen THEN hour END) AS short_hours,
  min(CASE WHEN critical_exported < critical_seen THEN t END) AS first_short
FROM seen
WHERE critical_seen > 0
GROUP BY class
ORDER BY class
