-- What each destination took, before and after compression.
SELECT
  destination,
  sum(points_produced) AS produced,
  sum(points_delivered) AS delivered,
  sum(points_rejected) AS rejected,
  sum(bytes_delivered) AS bytes,
  sum(bytes_wire) AS wire
FROM outcome
WHERE destination <> ''
GROUP BY destination
ORDER BY destination
