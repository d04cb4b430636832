-- Time that the agents themselves say no row covers, and why.
SELECT gap_reason AS reason, count(DISTINCT host) AS hosts, count(*) AS times, sum(gap_seconds) AS seconds
FROM outcome
WHERE destination = '' AND gap_reason <> ''
GROUP BY gap_reason
ORDER BY gap_reason
