// SPDX-License-Identifier: Apache-2.0

// The metrics in Prometheus' text format as its own Go library reads them (expfmt),
// as JSON of the form of read.py: expfmt <BODY. What cannot be read ends it with a
// message.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

type labels map[string]string

// A label more than a metric has of itself.
func (l labels) and(name, value string) labels {
	more := labels{name: value}
	for k, v := range l {
		more[k] = v
	}
	return more
}

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func samples(name string, m *dto.Metric) [][]any {
	own := labels{}
	for _, pair := range m.GetLabel() {
		own[pair.GetName()] = pair.GetValue()
	}
	one := func(suffix string, l labels, v float64) []any {
		return []any{name + suffix, l, v, nil}
	}
	switch {
	case m.Counter != nil:
		return [][]any{one("", own, m.Counter.GetValue())}
	case m.Gauge != nil:
		return [][]any{one("", own, m.Gauge.GetValue())}
	case m.Histogram == nil:
		return nil
	}
	var all [][]any
	for _, bucket := range m.Histogram.GetBucket() {
		all = append(all, one("_bucket", own.and("le", number(bucket.GetUpperBound())), float64(bucket.GetCumulativeCount())))
	}
	return append(all, one("_count", own, float64(m.Histogram.GetSampleCount())), one("_sum", own, m.Histogram.GetSampleSum()))
}

func main() {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	read, err := parser.TextToMetricFamilies(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "expfmt:", err)
		os.Exit(1)
	}
	families := [][]any{}
	for name, family := range read {
		all := [][]any{}
		for _, metric := range family.GetMetric() {
			all = append(all, samples(name, metric)...)
		}
		families = append(families, []any{name, strings.ToLower(family.GetType().String()), "", all})
	}
	sort.Slice(families, func(i, k int) bool { return families[i][0].(string) < families[k][0].(string) })
	json.NewEncoder(os.Stdout).Encode(families)
}
