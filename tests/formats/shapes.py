"""Files of formats whose tools are not at hand, in the shape their documentation gives."""

from __future__ import annotations

import json

CRITERION_RAW = """\
group,function,value,throughput_num,throughput_type,sample_measured_value,unit,iteration_count
parse,table,64,,,1000.0,ns,10
parse,table,64,,,4400.0,ns,20
parse,table,64,,,3000.0,ns,30
parse,regex,,,,500.0,ns,1
"""

CRITERION_MESSAGES = "".join(
    json.dumps(message) + "\n"
    for message in (
        {
            "reason": "benchmark-complete",
            "id": "norm",
            "iteration_count": [10, 20, 40],
            "measured_values": [1000.0, 2200.0, 4000.0],
            "unit": "ns",
            "typical": {"estimate": 104.5, "lower_bound": 99.0, "upper_bound": 110.0, "unit": "ns"},
            "change": {"mean": {"estimate": -0.5}, "change": "Improved"},
        },
        {"reason": "group-complete", "group_name": "norm", "benchmarks": ["norm"]},
    )
)

BMF = json.dumps(
    {
        "parse::table": {
            "latency": {"value": 3247.5, "lower_value": 1.0},
            "throughput": {"value": 9},
        },
        "parse::regex": {"Max Bytes": {"value": 12}},
    }
)

GITHUB_ACTION = json.dumps(
    [
        {"name": "CPU Load", "unit": "Percent", "value": 50, "range": "3"},
        {"name": "Start", "unit": "ms", "value": 12.5},
    ]
)

JMH = json.dumps(
    [
        {
            "benchmark": "com.example.Parse.table",
            "mode": "thrpt",
            "params": {"size": "64"},
            "primaryMetric": {
                "score": 1.5e8,
                "scoreError": 3.5e6,
                "scoreUnit": "ops/s",
                "rawData": [[1.5e8, 1.6e8], [1.4e8]],
            },
        },
        {
            "benchmark": "com.example.Parse.regex",
            "mode": "avgt",
            "primaryMetric": {"score": 2.5, "scoreUnit": "us/op"},
        },
    ]
)

JUNIT = """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="s" tests="4" failures="1" errors="0" skipped="0" time="0.42">
  <testcase classname="a.B" name="t1" time="0.021"/>
  <testcase classname="a.B" name="t2" time="0.3"><failure>&lt;x&gt;</failure></testcase>
  <testcase classname="a.B" name="t1" time="0.025"/>
  <testcase name="t3"/>
</testsuite>
"""

CSV = """\
arm,block,time,comment
control,1,1.5,"a, b"
treatment,1,1.25,
control,2,,"two
lines"
"""

JSONL = """\
{"arm": "control", "block": 1, "time": 1.5, "passed": true}

{"arm": "treatment", "block": 1, "time": 1.25, "passed": null}
"""

ALL = {
    "criterion.csv": CRITERION_RAW,
    "criterion.jsonl": CRITERION_MESSAGES,
    "bmf.json": BMF,
    "github-action.json": GITHUB_ACTION,
    "jmh.json": JMH,
    "junit.xml": JUNIT,
    "trials.csv": CSV,
    "trials.jsonl": JSONL,
}
