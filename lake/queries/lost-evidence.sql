-- What could not be read, file by file
SELECT unit, source, says
FROM event
WHERE "row" = 'defect'
ORDER BY unit, source, says
