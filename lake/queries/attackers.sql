-- Addresses whose tries were scans or guessed passwords, by the number of hosts at which they tried
WITH remarks AS (
    SELECT DISTINCT unit, id, cause
    FROM verdict
    WHERE severity = 'remark' AND cause IN ('scan-traffic', 'wrong-credentials')
)
SELECT
    attempt.client_ip AS address,
    count(DISTINCT attempt.unit) AS hosts,
    count(DISTINCT attempt.server) AS servers,
    sum(attempt.count) AS tries,
    array_to_string(array_agg(DISTINCT remarks.cause ORDER BY remarks.cause), ' ') AS as_what,
    min(attempt.started) AS first,
    max(attempt.ended) AS last
FROM attempt
JOIN remarks ON attempt.unit = remarks.unit AND attempt.verdict = remarks.id
WHERE attempt.client_ip IS NOT NULL
GROUP BY attempt.client_ip
ORDER BY hosts DESC, tries DESC, address
