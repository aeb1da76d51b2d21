-- Servers at which connections fail, by the number of their clients; strangers' tries left out
WITH remarks AS (
    SELECT DISTINCT unit, id
    FROM verdict
    WHERE severity = 'remark'
)
SELECT
    attempt.server AS server,
    count(DISTINCT attempt.client) AS clients,
    sum(attempt.count) AS tries,
    array_to_string(array_agg(DISTINCT coalesce(attempt.cause, 'unexplained') ORDER BY coalesce(attempt.cause, 'unexplained')), ' ') AS causes
FROM attempt
LEFT JOIN remarks ON attempt.unit = remarks.unit AND attempt.verdict = remarks.id
WHERE attempt.outcome IN ('failed', 'dropped') AND attempt.server IS NOT NULL AND remarks.id IS NULL
GROUP BY attempt.server
ORDER BY clients DESC, tries DESC, server
