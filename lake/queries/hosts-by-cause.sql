-- Causes by the number of hosts that they hit, failures first
SELECT
    coalesce(cause, 'unexplained') AS cause,
    severity,
    count(DISTINCT unit) AS hosts,
    sum(tries) AS tries,
    min(first) AS first,
    max(last) AS last,
    min(unit) AS example
FROM verdict
GROUP BY coalesce(cause, 'unexplained'), severity
ORDER BY severity, hosts DESC, tries DESC, cause
