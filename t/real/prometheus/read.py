# SPDX-License-Identifier: Apache-2.0
"""Metrics as Prometheus' own client library reads them, as JSON.

read.py text|openmetrics <BODY: [[family, type, unit, [[name, labels, value,
trace id of its exemplar or null]]]]. That of OpenMetrics is strict: what is not
in order ends it with a message.
"""
import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

read = {"text": text, "openmetrics": openmetrics}[sys.argv[1]]
json.dump(
    [
        [f.name, f.type, f.unit, [
            [s.name, s.labels, s.value, s.exemplar.labels["trace_id"] if s.exemplar else None]
            for s in f.samples
        ]]
        for f in read(sys.stdin.buffer.read().decode("utf-8", "strict"))
    ],
    sys.stdout,
)
