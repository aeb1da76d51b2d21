-- What changed on the hosts (updates, policies, restarts, certificates) right before a cause was first seen there
WITH nth AS (
    SELECT
        cause, unit, first, changes,
        row_number() OVER (PARTITION BY cause, unit ORDER BY first, id) AS spell
    FROM verdict
    WHERE severity = 'failure' AND cause IS NOT NULL
),
each AS (
    SELECT cause, unit, first, unnest(changes) AS change
    FROM nth
    WHERE spell = 1
),
told AS (
    SELECT
        cause, unit, first,
        get_field(change, 'event') AS event,
        get_field(change, 'says') AS says,
        get_field(change, 'time') AS changed
    FROM each
)
SELECT
    cause, event, says,
    count(DISTINCT unit) AS hosts,
    min(changed) AS first_changed,
    min(first) AS first_failed
FROM told
GROUP BY cause, event, says
ORDER BY hosts DESC, cause, first_changed, event, says
