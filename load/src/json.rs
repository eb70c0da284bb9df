//! The results of a run for programs that read them. All durations are in milliseconds; what is not
//! known is null.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::figures::Figures;
use crate::percentiles::Percentiles;
use crate::report::{Cost, EnvironmentReport, Report, Rest, SyncRunReport};

pub(crate) fn json(report: &Report) -> Value {
    let Report { deployments, counts, durations, watch_failures, cost, .. } = report;
    let Report { environments, sync_runs, rest, .. } = report;
    json!({
        "deployments": deployments,
        "created": total(counts.created, durations.all_created),
        "applications": total(counts.applications, durations.all_applications),
        "ready": total(counts.ready, durations.all_ready),
        "applicationSeen": percentiles(&durations.application),
        "deploymentReady": percentiles(&durations.ready),
        "statusSeen": percentiles(&durations.status),
        "watchFailures": watch_failures,
        "perDeployment": cost.as_ref().and_then(|cost| each(cost, counts.created)),
        "environments": environments.as_ref().map(of_environments),
        "syncRuns": sync_runs.as_ref().map(of_sync_runs),
        "rest": rest.as_ref().and_then(at_rest),
    })
}

fn of_environments(report: &EnvironmentReport) -> Value {
    let EnvironmentReport { number, counts, durations, cost } = report;
    json!({
        "number": number,
        "ready": total(counts.ready, durations.all_ready),
        "readySeen": percentiles(&durations.ready),
        "perEnvironment": cost.as_ref().and_then(|cost| each(cost, counts.created)),
    })
}

fn of_sync_runs(report: &SyncRunReport) -> Value {
    let SyncRunReport { number, counts, durations, cost } = report;
    json!({
        "number": number,
        "requested": total(counts.requested, durations.all_requested),
        "ended": total(counts.ended, durations.all_ended),
        "succeeded": counts.succeeded,
        "operationWritten": percentiles(&durations.requested),
        "endSeen": percentiles(&durations.ended),
        "perSyncRun": cost.as_ref().and_then(|cost| each(cost, counts.created)),
    })
}

fn total(count: usize, took: Duration) -> Value {
    let seconds = took.as_secs_f64();
    let rate = (seconds > 0.0).then(|| count as f64 / seconds);
    json!({"count": count, "after": milliseconds(took), "perSecond": rate})
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn percentiles(samples: &[Duration]) -> Value {
    let percentiles = Percentiles::of(samples.to_vec());
    let at = |percent| percentiles.at(percent).map(milliseconds);
    json!({
        "p50": at(50), "p90": at(90), "p99": at(99), "max": percentiles.max().map(milliseconds),
        "samples": percentiles.count(),
    })
}

/// `None` if a process of the program was restarted in the meantime.
fn each(cost: &Cost, created: usize) -> Option<Value> {
    let done = cost.after.since(&cost.before)?;
    let number = created.max(1) as f64;
    let requests: Map<String, Value> = done
        .requests
        .iter()
        .map(|((verb, resource), count)| (format!("{verb} {resource}"), json!(count / number)))
        .collect();
    Some(json!({
        "statements": done.statements / number,
        "apiRequests": done.requests_without_watches() / number,
        "apiRequestsBy": requests,
        "cpu": done.cpu_seconds.map(|seconds| 1000.0 * seconds / number),
        "mebibytesBefore": mebibytes(&cost.before),
        "mebibytesAfter": mebibytes(&cost.after),
        "cameToRest": cost.is_complete,
    }))
}

fn at_rest(rest: &Rest) -> Option<Value> {
    let done = rest.after.since(&rest.before)?;
    Some(json!({
        "lasted": milliseconds(rest.lasted),
        "statements": done.statements,
        "apiRequests": done.requests_without_watches(),
        "cpu": done.cpu_seconds.map(|seconds| 1000.0 * seconds),
        "mebibytes": mebibytes(&rest.after),
    }))
}

fn mebibytes(figures: &Figures) -> Option<f64> {
    figures.resident_bytes.map(|bytes| bytes / 1024.0 / 1024.0)
}
