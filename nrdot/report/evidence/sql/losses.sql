-- Points that were given up before a destination had them, by reason.
SELECT destination, entry.key AS reason, sum(entry.value) AS points
FROM (SELECT destination, unnest(map_entries(points_dropped)) AS entry FROM outcome WHERE destination <> '') AS lost
GROUP BY destination, entry.key
ORDER BY destination, reason
