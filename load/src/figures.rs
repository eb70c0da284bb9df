//! What the program says it costs, read from its `/metrics`.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Request, Uri};
use tokio::time::{Instant, sleep};

/// How long the program may take to answer: it only writes down numbers.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// How often the counters are compared while the program comes to rest.
const QUIET_INTERVAL: Duration = Duration::from_millis(250);
/// How long the counters must be unchanged for the program to be at rest: longer than any of its
/// deadlines that end in a write on the normal path.
const QUIET_TIME: Duration = Duration::from_secs(2);
/// How long the program may take to come to rest after all is done.
const QUIET_PATIENCE: Duration = Duration::from_secs(30);

const STATEMENTS: &str = "gitops_statements_total";
const REQUESTS: &str = "gitops_api_requests_total";
const CPU: &str = "process_cpu_seconds_total";
const MEMORY: &str = "process_resident_memory_bytes";

/// Why the program's figures are unavailable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Not a URL.
    #[error("{0:?} is no http:// URL; give --metrics as the program prints it at its start")]
    Url(String),
    /// No answer, or not a good one.
    #[error("{uri} gives no metrics: {error}; check the address and that the program runs")]
    Unreachable {
        /// What was asked.
        uri: Uri,
        /// Why not.
        error: Box<kube::Error>,
    },
    /// An answer that is not from this program.
    #[error(
        "{0} has no {STATEMENTS}: it is not this program's; its address is in the program's log"
    )]
    Foreign(Uri),
}

/// Counters of all processes of the program together, at one point in time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    /// Statements sent to the database.
    pub(crate) statements: f64,
    /// Requests to the Kubernetes API, by verb and resource.
    pub(crate) requests: BTreeMap<(String, String), f64>,
    /// Seconds of CPU; absent if the program's system does not report it.
    pub(crate) cpu_seconds: Option<f64>,
    /// Bytes of resident memory; absent if the program's system does not report it.
    pub(crate) resident_bytes: Option<f64>,
}

impl Figures {
    /// Reads the text form of Prometheus; `None` when it is not this program's.
    fn parse(text: &str) -> Option<Self> {
        let mut figures = Self::default();
        let mut is_ours = false;
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        for (series, value) in samples.filter_map(|line| line.rsplit_once(' ')) {
            let Ok(value) = value.parse::<f64>() else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            match name {
                STATEMENTS => {
                    figures.statements = value;
                    is_ours = true;
                }
                CPU => figures.cpu_seconds = Some(value),
                MEMORY => figures.resident_bytes = Some(value),
                REQUESTS => {
                    let key = (label(labels, "verb"), label(labels, "resource"));
                    *figures.requests.entry(key).or_default() += value;
                }
                _ => {}
            }
        }
        is_ours.then_some(figures)
    }

    fn add(&mut self, other: Self) {
        let Self { statements, requests, cpu_seconds, resident_bytes } = other;
        self.statements += statements;
        for (key, count) in requests {
            *self.requests.entry(key).or_default() += count;
        }
        // What one process does not report is unknown for the total.
        let sum = |one: Option<f64>, other: Option<f64>| Some(one? + other?);
        self.cpu_seconds = sum(self.cpu_seconds, cpu_seconds);
        self.resident_bytes = sum(self.resident_bytes, resident_bytes);
    }

    /// What was counted since; the memory is the later one. `None` if a counter went back, because
    /// a process was restarted.
    pub(crate) fn since(&self, earlier: &Self) -> Option<Self> {
        let difference = |now: f64, before: f64| (now >= before).then_some(now - before);
        let mut requests = BTreeMap::new();
        for (key, count) in &self.requests {
            let before = earlier.requests.get(key).copied().unwrap_or_default();
            requests.insert(key.clone(), difference(*count, before)?);
        }
        let cpu_seconds = match (self.cpu_seconds, earlier.cpu_seconds) {
            (Some(now), Some(before)) => Some(difference(now, before)?),
            _ => None,
        };
        Some(Self {
            statements: difference(self.statements, earlier.statements)?,
            requests,
            cpu_seconds,
            resident_bytes: self.resident_bytes,
        })
    }

    /// All requests except watches: those are held open and renewed on a schedule, whatever
    /// happens.
    pub(crate) fn requests_without_watches(&self) -> f64 {
        let counted = self.requests.iter().filter(|((verb, _), _)| verb != "watch");
        counted.map(|(_, count)| count).sum()
    }

    fn work(&self) -> (f64, f64) {
        (self.statements, self.requests_without_watches())
    }
}

/// The value of a label; the program's contain no quotes or commas.
fn label(labels: &str, name: &str) -> String {
    let pairs = labels.trim_end_matches('}').split(',');
    let value = pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
    value.map_or_else(String::new, |(_, value)| value.trim_matches('"').to_owned())
}

/// Where the metrics of the program are: one URL for each of its processes.
pub(crate) struct Sources(Vec<(kube::Client, Uri)>);

impl Sources {
    /// Sources at these URLs; one without a path is asked for `/metrics`.
    pub(crate) fn new(urls: &[String]) -> Result<Self, Error> {
        urls.iter().map(|url| source(url)).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The figures of all processes together.
    pub(crate) async fn read(&self) -> Result<Figures, Error> {
        let mut total: Option<Figures> = None;
        for (client, uri) in &self.0 {
            let failed = |error| Error::Unreachable { uri: uri.clone(), error: Box::new(error) };
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            let request = Request::get(path).body(Vec::new());
            let request = request.map_err(|error| failed(kube::Error::HttpError(error)))?;
            let text = client.request_text(request).await.map_err(failed)?;
            let one = Figures::parse(&text).ok_or_else(|| Error::Foreign(uri.clone()))?;
            match &mut total {
                Some(total) => total.add(one),
                None => total = Some(one),
            }
        }
        Ok(total.unwrap_or_default())
    }

    /// Waits until the program sends neither statements nor requests, and returns its figures and
    /// whether it came to rest at all.
    pub(crate) async fn at_rest(&self) -> Result<(Figures, bool), Error> {
        let deadline = Instant::now() + QUIET_PATIENCE;
        let mut figures = self.read().await?;
        let mut unchanged_since = Instant::now();
        while unchanged_since.elapsed() < QUIET_TIME {
            if Instant::now() > deadline {
                return Ok((figures, false));
            }
            sleep(QUIET_INTERVAL).await;
            let newer = self.read().await?;
            if newer.work() != figures.work() {
                unchanged_since = Instant::now();
            }
            figures = newer;
        }
        Ok((figures, true))
    }
}

fn source(url: &str) -> Result<(kube::Client, Uri), Error> {
    let wrong = || Error::Url(url.to_owned());
    let given: Uri = url.parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (given.scheme(), given.authority()) else {
        return Err(wrong());
    };
    let path = match given.path_and_query().map(|path| path.as_str()) {
        None | Some("/") => "/metrics",
        Some(path) => path,
    };
    let build = |path: &str| {
        let parts = Uri::builder().scheme(scheme.clone()).authority(authority.clone());
        parts.path_and_query(path).build().map_err(|_| wrong())
    };
    let mut config = kube::Config::new(build("/")?);
    config.connect_timeout = Some(ANSWER_PATIENCE);
    config.read_timeout = Some(ANSWER_PATIENCE);
    config.default_retry = false;
    let client = kube::Client::try_from(config).map_err(|_| wrong())?;
    Ok((client, build(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the program writes them.
    fn text(statements: u64, creations: u64) -> String {
        format!(
            "# HELP process_resident_memory_bytes Resident memory.\n\
             # TYPE process_resident_memory_bytes gauge\n\
             process_resident_memory_bytes 52428800\n\
             # HELP process_cpu_seconds User and system CPU time.\n\
             # TYPE process_cpu_seconds counter\n\
             process_cpu_seconds_total 1.25\n\
             # HELP gitops_statements Statements sent to the database.\n\
             # TYPE gitops_statements counter\n\
             gitops_statements_total {statements}\n\
             # HELP gitops_api_requests Requests to the Kubernetes API, by verb and resource.\n\
             # TYPE gitops_api_requests counter\n\
             gitops_api_requests_total{{verb=\"create\",resource=\"operations\"}} {creations}\n\
             gitops_api_requests_total{{verb=\"watch\",resource=\"operations\"}} {creations}\n\
             # EOF\n"
        )
    }

    fn figures(statements: u64, creations: u64) -> Figures {
        Figures::parse(&text(statements, creations)).unwrap()
    }

    #[test]
    fn what_the_program_writes_is_read() {
        let figures = figures(12, 3);
        let key = ("create".to_owned(), "operations".to_owned());
        assert_eq!((figures.statements, figures.requests[&key]), (12.0, 3.0));
        assert_eq!(figures.requests_without_watches(), 3.0);
        assert_eq!(figures.cpu_seconds, Some(1.25));
        assert_eq!(figures.resident_bytes, Some(52_428_800.0));
    }

    #[test]
    fn the_metrics_of_something_else_are_not_taken_for_the_programs() {
        assert_eq!(Figures::parse("process_cpu_seconds_total 3.5\n# EOF\n"), None);
        assert_eq!(Figures::parse("<html>not metrics at all</html>"), None);
    }

    #[test]
    fn two_processes_are_added_up() {
        let mut total = figures(10, 1);
        total.add(figures(5, 2));
        assert_eq!((total.statements, total.requests_without_watches()), (15.0, 3.0));
    }

    #[test]
    fn the_difference_of_two_readings_is_what_was_done_between() {
        let difference = figures(12, 5).since(&figures(10, 1)).unwrap();
        assert_eq!((difference.statements, difference.requests_without_watches()), (2.0, 4.0));
    }

    #[test]
    fn a_program_that_started_again_has_no_difference() {
        assert_eq!(figures(3, 5).since(&figures(10, 1)), None);
        assert_eq!(figures(10, 0).since(&figures(10, 1)), None);
    }

    #[tokio::test]
    async fn a_url_without_a_path_is_asked_for_the_usual_one() {
        let uri = |url| source(url).map(|(_, uri)| uri.to_string()).unwrap();
        assert_eq!(uri("http://127.0.0.1:8080"), "http://127.0.0.1:8080/metrics");
        assert_eq!(uri("http://127.0.0.1:8080/"), "http://127.0.0.1:8080/metrics");
        assert_eq!(uri("http://localhost:1/proxy/metrics"), "http://localhost:1/proxy/metrics");
    }

    #[test]
    fn what_is_not_a_url_is_refused() {
        for wrong in ["", "8080", "/metrics", "localhost:8080"] {
            assert!(matches!(source(wrong), Err(Error::Url(_))), "{wrong}");
        }
    }

    #[tokio::test]
    async fn an_address_where_nothing_listens_is_named_in_the_error() {
        let sources = Sources::new(&["http://127.0.0.1:1".to_owned()]).unwrap();
        let error = sources.read().await.unwrap_err().to_string();
        assert!(error.starts_with("http://127.0.0.1:1/metrics gives no metrics"), "{error}");
    }
}
