"""The report's queries on Spark, over the Parquet that `nrdot ledger compact` writes: the same numbers."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from nrdot.report.evidence.dialects import query
from nrdot.report.evidence.engine import Engine
from nrdot.report.evidence.files import find
from nrdot.report.evidence.queries import QUERIES, TABLES, VIEWS
from nrdot.testing.recordings import ledger

SPARK = Path(__file__).resolve().parents[2] / ".cache/pyspark-4.0.1"
DAY, HOUR = 86400, 3600
START = ledger.NOON - 12 * HOUR - 40 * DAY
BY = "namespace"
HANG = 500.0  # seconds: two workers, a driver and Java start slowly beside other work
pytestmark = pytest.mark.timeout(HANG + 60)
# A process of its own: Spark's Java machine, its files and its warnings stay there.
DRIVER = """
import json, sys
from pyspark.sql import SparkSession

asked = json.load(sys.stdin)
spark = (
    SparkSession.builder.master("local-cluster[2,1,900]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.sql.warehouse.dir", asked["scratch"])
    .config("spark.executor.memory", "700m")
    .getOrCreate()
)
spark.read.option("mergeSchema", "true").parquet(*asked["files"]).createOrReplaceTempView("ledger")
for name, sql in asked["views"]:
    spark.sql(sql).createOrReplaceTempView(name)
answers = {name: [row.asDict() for row in spark.sql(sql).collect()] for name, sql in asked["queries"]}
workers = len(spark.sparkContext._jsc.sc().statusTracker().getExecutorInfos()) - 1
json.dump({"answers": answers, "workers": workers}, open(asked["out"], "w"), default=float)
spark.stop()
"""


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    """Two months of two hosts with gaps, lost points, talkers and a missed critical process."""
    folder = tmp_path_factory.mktemp("fleet")
    for host in ("h1", "h2"):
        rows = [
            msgspec.structs.replace(row, namespace=f"team-{number % 3}" if number % 4 else "")
            if hasattr(row, "namespace")
            else msgspec.structs.replace(row, top=[ledger.talker("java"), ledger.talker("sh", "roll_up")])
            if row.samples
            else row
            for number in range(24 * 24)
            if host == "h1" or not 30 <= number < 60
            for row in ledger.hour(START + number * HOUR, host=host)
        ]
        others = [
            ledger.delivered(START + HOUR, points=10, points_dropped={"full": 7, "old": 2}),
            ledger.kept(START + HOUR, critical_seen=9, critical_exported=8, class_="x"),
            ledger.agent(START + 61 * HOUR, gap_seconds=60.0, gap_reason="down"),
        ]
        rows += [msgspec.structs.replace(row, host=host) for row in others]
        ledger.write(folder / "lines" / host, rows)
    command = [
        sys.executable,
        "-m",
        "nrdot",
        "ledger",
        "compact",
        str(folder / "lines"),
        "-o",
        str(folder / "out"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=HANG)
    files = sorted((folder / "out").glob("*.parquet"))
    assert len(files) == 2
    return files


@pytest.fixture(scope="module")
def local(parquet):
    with Engine(find(parquet[0].parent), START + 100 * DAY) as engine:
        window = engine.open(60.0 * DAY, None)
        return window, {name: engine.rows(name, window, BY) for name in QUERIES}


@pytest.fixture(scope="module")
def spark(parquet, local, tmp_path_factory):
    if not SPARK.is_dir():
        pytest.fail("no Spark in .cache; run tests/interop/setup first")
    window, _ = local
    scratch = tmp_path_factory.mktemp("spark")

    def translated(name):
        words = query(name, "spark", BY)
        return name, words.replace(":since", str(window.since)).replace(":until", str(window.until))

    asked = {
        "files": [str(file) for file in parquet],
        "views": [translated(name) for name in (*VIEWS, *TABLES)],
        "queries": [translated(name) for name in QUERIES],
        "out": str(scratch / "answers.json"),
        "scratch": str(scratch / "warehouse"),
    }
    environment = {**os.environ, "PYTHONPATH": str(SPARK), "SPARK_LOCAL_IP": "127.0.0.1", "TZ": "UTC"}
    environment |= {"SPARK_HOME": str(SPARK / "pyspark"), "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env=environment,
        cwd=scratch,
        check=False,
        timeout=HANG,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((scratch / "answers.json").read_text())


def test_it_ran_on_workers_of_its_own(spark):
    assert spark["workers"] >= 1


@pytest.mark.parametrize("name", QUERIES)
def test_the_same_query_gives_the_same_numbers(spark, local, name):
    ours, theirs = local[1][name], spark["answers"][name]
    assert len(ours) == len(theirs)
    assert ours, "a query that answers nothing shows nothing"
    key = [column for column, value in ours[0].items() if isinstance(value, str)]
    key += [column for column in ("hour", "from_hour") if column in ours[0]]

    def place(row):
        return [str(row[column]) for column in key]

    for mine, other in zip(sorted(ours, key=place), sorted(theirs, key=place), strict=True):
        assert mine.keys() == other.keys()
        for column, value in mine.items():
            if isinstance(value, (int, float)) and value is not None:
                assert math.isclose(float(value), float(other[column]), rel_tol=1e-9, abs_tol=1e-9), column
            else:
                assert value == other[column], column
