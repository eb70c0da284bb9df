//! The results of a run, as a table.

use std::fmt;
use std::time::Duration;

use crate::environments::{EnvironmentCounts, EnvironmentDurations};
use crate::figures::Figures;
use crate::ledger::{Counts, Durations};
use crate::percentiles::Percentiles;
use crate::sync_runs::{SyncRunCounts, SyncRunDurations};

/// Everything that a run has found.
#[derive(Debug)]
pub(crate) struct Report {
    /// What was done, in one line.
    pub(crate) title: String,
    /// How many deployments were to be created.
    pub(crate) deployments: u32,
    pub(crate) counts: Counts,
    pub(crate) durations: Durations,
    /// How often a watch failed.
    pub(crate) watch_failures: u64,
    /// What the program did for it; absent if its metrics were not named.
    pub(crate) cost: Option<Cost>,
    /// How the environments fared; absent if there were none.
    pub(crate) environments: Option<EnvironmentReport>,
    /// How the sync runs fared; absent if there were none.
    pub(crate) sync_runs: Option<SyncRunReport>,
    /// What the program did at rest; absent if that was not requested.
    pub(crate) rest: Option<Rest>,
}

/// What was found of environments.
#[derive(Debug)]
pub(crate) struct EnvironmentReport {
    /// How many were to be created.
    pub(crate) number: u32,
    pub(crate) counts: EnvironmentCounts,
    pub(crate) durations: EnvironmentDurations,
    /// What the program did for them; absent if its metrics were not named.
    pub(crate) cost: Option<Cost>,
}

/// What was found of sync runs.
#[derive(Debug)]
pub(crate) struct SyncRunReport {
    /// How many were to be created.
    pub(crate) number: u32,
    pub(crate) counts: SyncRunCounts,
    pub(crate) durations: SyncRunDurations,
    /// What the program did for them; absent if its metrics were not named.
    pub(crate) cost: Option<Cost>,
}

/// What the program did for what was created.
#[derive(Debug)]
pub(crate) struct Cost {
    /// Before the first creation.
    pub(crate) before: Figures,
    /// After all was done.
    pub(crate) after: Figures,
    /// Whether the program had come to rest before and after.
    pub(crate) is_complete: bool,
}

/// What the program did while nothing was asked of it.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) before: Figures,
    pub(crate) after: Figures,
    pub(crate) lasted: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        writeln!(
            f,
            "\n{:<40}{:>10}{:>10}{:>10}{:>10}{:>9}",
            "", "p50", "p90", "p99", "max", "samples"
        )?;
        let Durations { application, ready, status, .. } = &self.durations;
        row(f, "CR created → Application seen", application)?;
        row(f, "CR created → CR ready", ready)?;
        row(f, "Application status → CR status seen", status)?;
        writeln!(
            f,
            "The clock starts just before the request that creates the CR is sent, and stops when \
             a watch shows the object."
        )?;
        self.totals(f)?;
        match &self.cost {
            Some(cost) => cost.write(f, "deployment", self.counts.created)?,
            None => writeln!(
                f,
                "\nWhat the program does for it is not known: name its /metrics with --metrics."
            )?,
        }
        if let Some(environments) = &self.environments {
            environments.write(f)?;
        }
        if let Some(sync_runs) = &self.sync_runs {
            sync_runs.write(f)?;
        }
        if let Some(rest) = &self.rest {
            rest.write(f)?;
        }
        if self.watch_failures > 0 {
            writeln!(
                f,
                "\nA watch failed {} times: what happened meanwhile was seen too late.",
                self.watch_failures
            )?;
        }
        Ok(())
    }
}

impl Report {
    fn totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { created, applications, ready } = self.counts;
        let Durations { all_created, all_applications, all_ready, .. } = self.durations;
        writeln!(f)?;
        let rows = [
            ("created", created, all_created),
            ("with an Application", applications, all_applications),
            ("ready", ready, all_ready),
        ];
        for (what, count, took) in rows {
            total(f, what, count, self.deployments, took)?;
        }
        Ok(())
    }
}

impl EnvironmentReport {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, counts, durations, cost } = self;
        writeln!(f)?;
        row(f, "Environment created → ready", &durations.ready)?;
        total(f, "environments ready", counts.ready, *number, durations.all_ready)?;
        match cost {
            Some(cost) => cost.write(f, "environment", counts.created),
            None => Ok(()),
        }
    }
}

impl SyncRunReport {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, counts, durations, cost } = self;
        writeln!(f)?;
        row(f, "Sync run created → operation written", &durations.requested)?;
        row(f, "Sync run created → ended", &durations.ended)?;
        total(f, "operations written", counts.requested, *number, durations.all_requested)?;
        total(f, "sync runs ended", counts.ended, *number, durations.all_ended)?;
        let of = format!("{} of {number}", counts.succeeded);
        writeln!(f, "{:<40}{of:>20}", "succeeded")?;
        match cost {
            Some(cost) => cost.write(f, "sync run", counts.created),
            None => Ok(()),
        }
    }
}

/// A line about how many there are, and how long all of them took.
fn total(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    count: usize,
    of: u32,
    took: Duration,
) -> fmt::Result {
    let rate = match took.as_secs_f64() {
        seconds if seconds > 0.0 && count > 0 => format!("{:.0}/s", count as f64 / seconds),
        _ => "-".to_owned(),
    };
    let of = format!("{count} of {of}");
    writeln!(f, "{what:<40}{of:>20}{:>10}{rate:>10}", human(Some(took)))
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, samples: &[Duration]) -> fmt::Result {
    let percentiles = Percentiles::of(samples.to_vec());
    let [p50, p90, p99] = [50, 90, 99].map(|percent| human(percentiles.at(percent)));
    let (max, count) = (human(percentiles.max()), percentiles.count());
    writeln!(f, "{name:<40}{p50:>10}{p90:>10}{p99:>10}{max:>10}{count:>9}")
}

impl Cost {
    fn write(&self, f: &mut fmt::Formatter<'_>, what: &str, created: usize) -> fmt::Result {
        let Self { before, after, is_complete } = self;
        writeln!(f, "\nThe program, for each {what} (from before the first until at rest)")?;
        let Some(done) = after.since(before) else {
            return writeln!(f, "  A process of it has started again meanwhile: not known.");
        };
        let each = |count: f64| count / created.max(1) as f64;
        line(f, "SQL statements", format!("{:.2}", each(done.statements)))?;
        let requests = format!("{:.2}", each(done.requests_without_watches()));
        line(f, "API requests without watches", requests)?;
        for ((verb, resource), count) in &done.requests {
            if *count > 0.0 {
                line(f, &format!("  {verb} {resource}"), format!("{:.3}", each(*count)))?;
            }
        }
        if let Some(seconds) = done.cpu_seconds {
            line(f, "CPU of the whole process", format!("{:.2} ms", 1000.0 * each(seconds)))?;
        }
        if let (Some(first), Some(last)) = (before.resident_bytes, after.resident_bytes) {
            let more = each(last - first) / 1024.0;
            line(f, "resident memory more", format!("{more:.1} KiB"))?;
            let from_to = format!("{} → {}", mebibytes(first), mebibytes(last));
            line(f, "resident memory of the whole process", from_to)?;
        }
        if !is_complete {
            writeln!(
                f,
                "  The program did not come to rest: others use it, or something is wrong."
            )?;
        }
        Ok(())
    }
}

impl Rest {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { before, after, lasted } = self;
        writeln!(f, "\nThe program at rest, in {:.0} s", lasted.as_secs_f64())?;
        let Some(done) = after.since(before) else {
            return writeln!(f, "  A process of it has started again meanwhile: not known.");
        };
        line(f, "SQL statements", format!("{:.0}", done.statements))?;
        let requests = format!("{:.0}", done.requests_without_watches());
        line(f, "API requests without watches", requests)?;
        if let Some(seconds) = done.cpu_seconds {
            let share = 100.0 * seconds / lasted.as_secs_f64().max(f64::MIN_POSITIVE);
            let text = format!("{:.0} ms, {share:.2} % of a core", 1000.0 * seconds);
            line(f, "CPU of the whole process", text)?;
        }
        if let Some(memory) = after.resident_bytes {
            line(f, "resident memory of the whole process", mebibytes(memory))?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, value: String) -> fmt::Result {
    writeln!(f, "  {name:<48}{value:>24}")
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / 1024.0 / 1024.0)
}

/// A duration with about three digits; a dash if there is none.
pub(crate) fn human(duration: Option<Duration>) -> String {
    let Some(duration) = duration else { return "-".to_owned() };
    let milliseconds = duration.as_secs_f64() * 1000.0;
    match milliseconds {
        below if below < 100.0 => format!("{below:.1} ms"),
        below if below < 10_000.0 => format!("{below:.0} ms"),
        above => format!("{:.1} s", above / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(values: &[u64]) -> Vec<Duration> {
        values.iter().copied().map(Duration::from_millis).collect()
    }

    fn figures(statements: f64, creations: f64, cpu_seconds: f64, mebibytes: f64) -> Figures {
        let key = |verb: &str| (verb.to_owned(), "applications".to_owned());
        Figures {
            statements,
            requests: [(key("create"), creations), (key("watch"), 7.0)].into(),
            cpu_seconds: Some(cpu_seconds),
            resident_bytes: Some(mebibytes * 1024.0 * 1024.0),
        }
    }

    fn report() -> Report {
        Report {
            title: "4 deployments".to_owned(),
            deployments: 4,
            counts: Counts { created: 4, applications: 4, ready: 3 },
            durations: Durations {
                application: milliseconds(&[10, 20, 30, 40]),
                ready: milliseconds(&[100, 200, 12_345]),
                status: Vec::new(),
                all_created: Duration::from_millis(8),
                all_applications: Duration::from_secs(2),
                all_ready: Duration::from_secs(20),
            },
            watch_failures: 0,
            cost: None,
            environments: None,
            sync_runs: None,
            rest: None,
        }
    }

    /// The words of the line with this beginning.
    fn words<'a>(text: &'a str, beginning: &str) -> Vec<&'a str> {
        let mut lines = text.lines().map(str::trim_start);
        let line = lines.find_map(|line| line.strip_prefix(beginning));
        line.unwrap_or_else(|| panic!("no line begins with {beginning:?}:\n{text}"))
            .split_whitespace()
            .collect()
    }

    #[test]
    fn latencies_are_reported_by_percentile() {
        let text = report().to_string();
        let application = words(&text, "CR created → Application seen");
        assert_eq!(application.join(" "), "20.0 ms 40.0 ms 40.0 ms 40.0 ms 4");
        assert_eq!(
            words(&text, "CR created → CR ready").join(" "),
            "200 ms 12.3 s 12.3 s 12.3 s 3"
        );
    }

    #[test]
    fn what_was_never_seen_is_a_dash() {
        let text = report().to_string();
        assert_eq!(words(&text, "Application status").join(" "), "→ CR status seen - - - - 0");
    }

    #[test]
    fn the_rate_is_what_came_in_the_time_it_took() {
        let text = report().to_string();
        assert_eq!(words(&text, "with an Application").join(" "), "4 of 4 2000 ms 2/s");
        assert_eq!(words(&text, "ready").join(" "), "3 of 4 20.0 s 0/s");
    }

    #[test]
    fn costs_are_reported_per_deployment() {
        let (before, after) = (figures(10.0, 1.0, 0.5, 20.0), figures(20.0, 5.0, 0.508, 22.0));
        let cost = Some(Cost { before, after, is_complete: true });
        let text = Report { cost, ..report() }.to_string();
        assert_eq!(words(&text, "SQL statements"), ["2.50"]);
        assert_eq!(words(&text, "API requests without watches"), ["1.00"]);
        assert_eq!(words(&text, "create applications"), ["1.000"]);
        assert_eq!(words(&text, "CPU of the whole process"), ["2.00", "ms"]);
        assert_eq!(words(&text, "resident memory more"), ["512.0", "KiB"]);
        assert!(!text.contains("watch applications"), "{text}");
        assert!(!text.contains("did not come to rest"), "{text}");
    }

    #[test]
    fn a_restart_of_the_program_is_not_hidden_by_wrong_numbers() {
        let (before, after) = (figures(10.0, 1.0, 0.5, 20.0), figures(2.0, 1.0, 0.1, 20.0));
        let cost = Some(Cost { before, after, is_complete: true });
        let text = Report { cost, ..report() }.to_string();
        assert!(text.contains("has started again"), "{text}");
    }

    #[test]
    fn rest_is_reported_in_whole_numbers_and_as_a_share_of_a_core() {
        let (before, after) = (figures(20.0, 5.0, 1.0, 22.0), figures(20.0, 5.0, 1.03, 22.0));
        let rest = Some(Rest { before, after, lasted: Duration::from_secs(30) });
        let text = Report { rest, ..report() }.to_string();
        assert_eq!(words(&text, "SQL statements"), ["0"]);
        assert_eq!(words(&text, "API requests without watches"), ["0"]);
        assert_eq!(words(&text, "CPU of the whole process").join(" "), "30 ms, 0.10 % of a core");
    }

    #[test]
    fn environments_have_a_section_of_their_own() {
        let (before, after) = (figures(20.0, 5.0, 1.0, 22.0), figures(26.0, 9.0, 1.03, 22.0));
        let cost = Some(Cost { before, after, is_complete: true });
        let counts = EnvironmentCounts { created: 3, ready: 2 };
        let durations = EnvironmentDurations {
            ready: milliseconds(&[10, 20]),
            all_ready: Duration::from_millis(200),
        };
        let environments = Some(EnvironmentReport { number: 4, counts, durations, cost });
        let text = Report { environments, ..report() }.to_string();
        let ready = words(&text, "Environment created → ready").join(" ");
        assert_eq!(ready, "10.0 ms 20.0 ms 20.0 ms 20.0 ms 2");
        assert_eq!(words(&text, "environments ready").join(" "), "2 of 4 200 ms 10/s");
        assert!(text.contains("The program, for each environment"), "{text}");
        assert_eq!(words(&text, "SQL statements"), ["2.00"]);
        assert!(!report().to_string().contains("nvironment"), "there are none");
    }

    #[test]
    fn sync_runs_have_a_section_of_their_own() {
        let (before, after) = (figures(20.0, 5.0, 1.0, 22.0), figures(26.0, 9.0, 1.03, 22.0));
        let cost = Some(Cost { before, after, is_complete: true });
        let counts = SyncRunCounts { created: 2, requested: 2, ended: 2, succeeded: 1 };
        let durations = SyncRunDurations {
            requested: milliseconds(&[10, 20]),
            ended: milliseconds(&[30, 40]),
            all_requested: Duration::from_millis(100),
            all_ended: Duration::from_millis(200),
        };
        let sync_runs = Some(SyncRunReport { number: 2, counts, durations, cost });
        let text = Report { sync_runs, ..report() }.to_string();
        let written = words(&text, "Sync run created → operation written").join(" ");
        assert_eq!(written, "10.0 ms 20.0 ms 20.0 ms 20.0 ms 2");
        assert_eq!(words(&text, "sync runs ended").join(" "), "2 of 2 200 ms 10/s");
        assert_eq!(words(&text, "succeeded").join(" "), "1 of 2");
        assert_eq!(words(&text, "SQL statements"), ["3.00"]);
    }

    #[test]
    fn failed_watches_are_admitted() {
        let text = Report { watch_failures: 2, ..report() }.to_string();
        assert!(text.contains("A watch failed 2 times"), "{text}");
    }
}
