-- How each cause came to more and more hosts, day by day
WITH firsts AS (
    SELECT cause, unit, min(CAST(first AS DATE)) AS day
    FROM verdict
    WHERE severity = 'failure' AND cause IS NOT NULL AND first IS NOT NULL
    GROUP BY cause, unit
),
days AS (
    SELECT cause, day, count(*) AS new_hosts
    FROM firsts
    GROUP BY cause, day
)
SELECT cause, day, new_hosts, sum(new_hosts) OVER (PARTITION BY cause ORDER BY day) AS hosts
FROM days
ORDER BY cause, day
