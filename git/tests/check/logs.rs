//! What libraries log of what servers say.

use std::sync::Mutex;

use git_access::SILENCED;
use log::{LevelFilter, Log, Metadata, Record};

use crate::ssh_server::{Script, Server};
use crate::support::{Check, PASSWORD, two_references};

/// Where records come from that repeat what a server says, with their texts.
static RECORDS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// What a server of these tests asks for that russh does not know.
const REQUEST: &str = "tcpip-forward";

struct Capture;

impl Log for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let text = record.args().to_string();
        if text.contains(REQUEST) || text.contains(PASSWORD) {
            RECORDS.lock().unwrap().push((record.target().to_owned(), text));
        }
    }

    fn flush(&self) {}
}

#[tokio::test]
async fn the_directive_silences_all_that_repeats_a_server() {
    log::set_logger(&Capture).unwrap();
    log::set_max_level(LevelFilter::Info);
    let server = Server::open(Script::Requests(PASSWORD));
    assert_eq!(Check::with(server.trust()).list(&server.url()).await, Ok(two_references()));
    let records = RECORDS.lock().unwrap().clone();
    assert!(!records.is_empty(), "russh logs nothing of it: is the directive still needed?");
    let module = SILENCED.strip_suffix("=off").unwrap();
    for (target, text) in records {
        assert!(target == module || target.starts_with(&format!("{module}::")), "{target}: {text}");
    }
}
