//! A server killed at any moment keeps every write that it acknowledged.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use http::Method;
use sandbox::{ApiServer, Reply, Request, Settings};
use serde_json::json;

/// Names the child process's data directory.
const DIRECTORY: &str = "SANDBOX_TEST_DIRECTORY";

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn status(server: &std::sync::Arc<ApiServer>, request: &Request) -> u16 {
    match server.handle(request) {
        Reply::Full(response) => response.status,
        Reply::Watch(_) => panic!("{} is a watch", request.path),
    }
}

/// The child: creates and deletes objects and prints each write once it is acknowledged.
#[test]
#[ignore = "run by the test below, in a separate process"]
fn writes_until_it_is_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let server = ApiServer::open(Settings::default(), Path::new(&directory)).expect("opened");
    let mut output = std::io::stdout();
    for round in 0_u64.. {
        let body = json!({ "metadata": { "name": format!("c{round}") } }).to_string();
        let create = Request::with_body(Method::POST, CONFIG_MAPS, "application/json", body.into());
        assert_eq!(status(&server, &create), 201);
        let mut version = server.resource_version();
        if round % 3 == 0 {
            let path = format!("{CONFIG_MAPS}/c{round}");
            let delete = Request::with_body(Method::DELETE, &path, "", Default::default());
            assert_eq!(status(&server, &delete), 200);
            version = server.resource_version();
        }
        writeln!(output, "wrote {round} {version}").expect("the parent reads");
    }
}

#[test]
fn a_killed_server_keeps_every_acknowledged_write() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut next = 0_u64;
    for lines in [7, 50, 300] {
        let fresh = directory.path().join(lines.to_string());
        let mut child = Command::new(std::env::current_exe().expect("this test's program"))
            .args(["--exact", "writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(DIRECTORY, &fresh)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let output = BufReader::new(child.stdout.take().expect("an output"));
        let mut acknowledged = Vec::new();
        for line in output.lines() {
            let line = line.expect("a line");
            // The test harness prints the test's name at the start of the first line.
            let Some((_, numbers)) = line.split_once("wrote ") else {
                continue;
            };
            let (round, version) = numbers.split_once(' ').expect("two numbers");
            acknowledged
                .push((round.parse().expect("a number"), version.parse().expect("a number")));
            if acknowledged.len() == lines {
                child.kill().expect("killed");
                break;
            }
        }
        child.wait().expect("ended");
        next += check(&fresh, &acknowledged);
    }
    assert_eq!(next, 357, "every round was checked");
}

fn check(directory: &Path, acknowledged: &[(u64, u64)]) -> u64 {
    let server = ApiServer::open(Settings::default(), directory).expect("opened again");
    for (round, version) in acknowledged {
        assert!(server.resource_version() >= *version, "resource versions never go back");
        let expected = if round % 3 == 0 { 404 } else { 200 };
        let get = Request::get(&format!("{CONFIG_MAPS}/c{round}"));
        assert_eq!(status(&server, &get), expected, "write {round}");
    }
    acknowledged.len() as u64
}
