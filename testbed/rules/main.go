// Evaluates alerting rules over recorded scrapes, with Prometheus' own parser, storage and engine.
//
//	rules RULES.yaml <SCRAPES.json
//
// SCRAPES.json is a list of {"at": SECONDS, "instance": NAME, "text": TEXT}; without a text, the scrape
// has failed. It prints, for each alert, at which evaluations it was pending and firing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

const (
	job         = "managed-gitops"
	openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"
	// How often rules are evaluated, unless their group says otherwise.
	interval = 30 * time.Second
)

// Any time does: only differences count.
var start = time.Unix(1_700_000_000, 0)

type scrape struct {
	At       float64 `json:"at"`
	Instance string  `json:"instance"`
	Text     *string `json:"text"`
}

func (one scrape) time() time.Time { return start.Add(time.Duration(one.At * float64(time.Second))) }

// outcome says when an alert was active, in seconds since the start.
type outcome struct {
	Severity string    `json:"severity"`
	Pending  []float64 `json:"pending"`
	Firing   []float64 `json:"firing"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 2 {
		return errors.New("usage: rules RULES.yaml <SCRAPES.json")
	}
	content, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	syntax := parser.NewParser(parser.Options{})
	groups, failures := rulefmt.Parse(content, false, model.LegacyValidation, syntax, slog.New(slog.DiscardHandler))
	if len(failures) > 0 {
		return errors.Join(failures...)
	}
	var scrapes []scrape
	if err := json.NewDecoder(os.Stdin).Decode(&scrapes); err != nil {
		return fmt.Errorf("the scrapes: %w", err)
	}
	if len(scrapes) == 0 {
		return errors.New("there are no scrapes")
	}
	outcomes, err := evaluate(groups, scrapes, syntax)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(outcomes)
}

func evaluate(groups *rulefmt.RuleGroups, scrapes []scrape, syntax parser.Parser) (map[string]*outcome, error) {
	folder, err := os.MkdirTemp("", "rules")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	options := tsdb.DefaultOptions()
	options.RetentionDuration = (1000 * time.Hour).Milliseconds()
	database, err := tsdb.Open(folder, slog.New(slog.DiscardHandler), nil, options, nil)
	if err != nil {
		return nil, err
	}
	defer database.Close()
	database.DisableCompactions()
	known := map[string]map[string]labels.Labels{}
	for _, one := range scrapes {
		if err := record(database, one, known); err != nil {
			return nil, fmt.Errorf("the scrape at %v s: %w", one.At, err)
		}
	}
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 50_000_000, Timeout: time.Minute, Parser: syntax, EnableAtModifier: true, EnableNegativeOffset: true,
	})
	defer engine.Close()
	outcomes := map[string]*outcome{}
	for _, group := range groups.Groups {
		step := time.Duration(group.Interval)
		if step == 0 {
			step = interval
		}
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				return nil, fmt.Errorf("the group %s has a rule that is no alert", group.Name)
			}
			found, err := follow(engine, database, rule, scrapes, step)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", rule.Alert, err)
			}
			outcomes[rule.Alert] = found
		}
	}
	return outcomes, nil
}

// follow evaluates an alert from the first scrape to the last.
func follow(engine *promql.Engine, database storage.Queryable, rule rulefmt.Rule, scrapes []scrape, step time.Duration) (*outcome, error) {
	found := &outcome{Severity: rule.Labels["severity"], Pending: []float64{}, Firing: []float64{}}
	// By the labels of what is active, since when.
	active := map[string]time.Time{}
	last := scrapes[len(scrapes)-1].time()
	for now := scrapes[0].time(); !now.After(last); now = now.Add(step) {
		query, err := engine.NewInstantQuery(context.Background(), database, nil, rule.Expr, now)
		if err != nil {
			return nil, err
		}
		result := query.Exec(context.Background())
		vector, err := result.Vector()
		if err != nil {
			return nil, err
		}
		still := map[string]time.Time{}
		pending, firing := false, false
		for _, sample := range vector {
			key := sample.Metric.DropReserved(func(name string) bool { return name == model.MetricNameLabel }).String()
			since, ok := active[key]
			if !ok {
				since = now
			}
			still[key] = since
			if now.Sub(since) >= time.Duration(rule.For) {
				firing = true
			} else {
				pending = true
			}
		}
		query.Close()
		active = still
		at := now.Sub(start).Seconds()
		if firing {
			found.Firing = append(found.Firing, at)
		} else if pending {
			found.Pending = append(found.Pending, at)
		}
	}
	return found, nil
}

// record appends a scrape as Prometheus does: with `up`, and a staleness marker for each series that has
// ended.
func record(database *tsdb.DB, one scrape, known map[string]map[string]labels.Labels) error {
	appender := database.Appender(context.Background())
	at := one.time().UnixMilli()
	target := labels.FromStrings("instance", one.Instance, "job", job)
	seen := map[string]labels.Labels{}
	up := 0.0
	if one.Text != nil {
		up = 1
		parsed, err := textparse.New([]byte(*one.Text), openMetrics, labels.NewSymbolTable(), textparse.ParserOptions{})
		if err != nil {
			return err
		}
		for {
			entry, err := parsed.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if entry != textparse.EntrySeries {
				continue
			}
			_, _, number := parsed.Series()
			var series labels.Labels
			parsed.Labels(&series)
			series = with(series, target)
			if _, ok := seen[series.String()]; ok {
				return fmt.Errorf("%s is there twice", series)
			}
			seen[series.String()] = series
			if _, err := appender.Append(0, series, at, number); err != nil {
				return err
			}
		}
	}
	for key, series := range known[one.Instance] {
		if _, ok := seen[key]; !ok {
			if _, err := appender.Append(0, series, at, math.Float64frombits(value.StaleNaN)); err != nil {
				return err
			}
		}
	}
	known[one.Instance] = seen
	if _, err := appender.Append(0, with(labels.FromStrings(model.MetricNameLabel, "up"), target), at, up); err != nil {
		return err
	}
	return appender.Commit()
}

func with(series, target labels.Labels) labels.Labels {
	builder := labels.NewBuilder(series)
	target.Range(func(label labels.Label) { builder.Set(label.Name, label.Value) })
	return builder.Labels()
}
