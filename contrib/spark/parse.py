"""Events of evidence files as a Spark table: `rdpwhy parse -` at the end of a pipe on every executor.

    spark-submit parse.py --rdpwhy /usr/local/bin/rdpwhy --list paths.txt --out events.parquet

The list holds a path a line, which every executor can read. The program is started once for each partition, answers one path
after the other, and keeps nothing, so that a partition may be as long as it likes. A file that cannot be read is a row in
the second table, never the end of the run.

Needs pyspark. In local-cluster mode, as the suite runs it: SPARK_LOCAL_IP=127.0.0.1, PYSPARK_PYTHON set to this Python.
"""

import argparse
import json
import shlex
import sys

from pyspark.sql import SparkSession

FIELDS = """attempt string, channel string, event_id long, host string, kind string, packet long, provider string, record long,
    recovered boolean, says string, side string, source string, source_time string, stage string, time string,
    values map<string, string>"""


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--rdpwhy", default="rdpwhy")
    options.add_argument("--list", required=True, help="a path a line")
    options.add_argument("--partitions", type=int, default=16)
    options.add_argument("--out", help="write the events as Parquet there")
    options.add_argument("--master", help="as for spark-submit")
    told = options.parse_args()
    builder = SparkSession.builder.appName("rdpwhy parse")
    if told.master:
        builder = builder.master(told.master)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    with open(told.list, encoding="utf-8") as paths:
        paths = [line.rstrip("\n") for line in paths if line.strip()]
    command = shlex.join([told.rdpwhy, "parse", "-", "--jsonl", "-j", "1"])
    lines = spark.sparkContext.parallelize(paths, told.partitions).pipe(command, checkCode=True).cache()
    is_event = lambda line: line.startswith('{"time":')
    events = spark.read.schema(FIELDS).json(lines.filter(is_event))
    events.createOrReplaceTempView("event")
    errors = lines.filter(lambda line: line.startswith('{"error":'))
    kinds = spark.sql("SELECT kind, count(*) AS n FROM event GROUP BY kind ORDER BY n DESC, kind")
    result = {
        "paths": len(paths),
        "events": events.count(),
        "errors": errors.count(),
        "kinds": {row.kind: row.n for row in kinds.collect()},
    }
    if told.out:
        events.write.mode("overwrite").parquet(told.out)
    spark.stop()
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
