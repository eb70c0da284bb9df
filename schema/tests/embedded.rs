//! Backup, check and inspection of a file in use.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

use std::path::Path;

use harness::in_a_file;
use schema::embedded::{EmbeddedError, MachineCount, backup, integrity_check, machine_counts};
use schema::entity::machine;
use schema::{Database, connect, migrate};
use sea_orm::{ActiveModelTrait as _, ConnectionTrait as _, IntoActiveModel as _};

async fn add_machine(database: &Database, kind: &str, key: &str, state_path: &str) {
    let row = machine::Model {
        kind: kind.to_owned(),
        key: key.to_owned(),
        tenant_uid: "tenant".to_owned(),
        namespace: "team".to_owned(),
        name: key.to_owned(),
        refers_to: None,
        state: "x".repeat(4096),
        state_path: state_path.to_owned(),
        version: 1,
        wake_at: None,
        has_obligations: false,
        updated_at: 0,
    };
    row.into_active_model().reset_all().insert(database.connection()).await.unwrap();
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_backup_of_a_file_in_use_is_a_consistent_snapshot() {
    in_a_file(async |scratch| {
        let database = scratch.open().await;
        migrate(&database).await.unwrap();
        for number in 0..600 {
            add_machine(&database, "Deployment", &number.to_string(), "Active").await;
        }
        let source = database.file().unwrap().to_owned();
        let copies = tempfile::tempdir().unwrap();
        let copy = copies.path().join("backup.db");

        // Each step waits until another row was written: a copy that restarted because of it would
        // never end, and one that included it would count it.
        let (told, mut steps) = tokio::sync::mpsc::channel::<std::sync::mpsc::Sender<()>>(1);
        let (from, to) = (source.clone(), copy.clone());
        let running = tokio::task::spawn_blocking(move || {
            let mut seen = Vec::new();
            let bytes = backup(&from, &to, |progress| {
                seen.push(progress);
                let (written, wait) = std::sync::mpsc::channel();
                told.blocking_send(written).unwrap();
                wait.recv().unwrap();
            })
            .unwrap();
            (bytes, seen)
        });
        let mut late = 0;
        while let Some(written) = steps.recv().await {
            assert!(late < 100, "the backup keeps starting over");
            add_machine(&database, "Deployment", &format!("late-{late}"), "Active").await;
            late += 1;
            written.send(()).unwrap();
        }
        let (bytes, seen) = running.await.unwrap();
        assert!(seen.len() > 1, "the test needs a backup of several steps");
        assert!(seen.windows(2).all(|pair| pair[0].copied < pair[1].copied), "{seen:?}");
        let last = seen.last().unwrap();
        assert_eq!(last.copied, last.total);
        assert_eq!(bytes, std::fs::metadata(&copy).unwrap().len());

        let count = |count| {
            vec![MachineCount { kind: "Deployment".into(), state_path: "Active".into(), count }]
        };
        assert_eq!(machine_counts(&copy).unwrap(), count(600));
        assert_eq!(machine_counts(&source).unwrap(), count(600 + late));
        let url = format!("sqlite://{}", copy.display());
        let restored = connect(&url, &harness::options()).await.unwrap();
        assert_eq!(migrate(&restored).await.unwrap().applied, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_backup_leaves_one_file_and_overwrites_none() {
    in_a_file(async |scratch| {
        let database = scratch.open().await;
        migrate(&database).await.unwrap();
        let source = database.file().unwrap().to_owned();
        let copies = tempfile::tempdir().unwrap();
        let copy = copies.path().join("backup.db");
        backup(&source, &copy, |_| {}).unwrap();
        assert_eq!(names(copies.path()), ["backup.db"]);
        let before = std::fs::read(&copy).unwrap();
        let error = backup(&source, &copy, |_| {}).unwrap_err();
        assert!(matches!(error, EmbeddedError::Exists { .. }), "{error}");
        assert_eq!(std::fs::read(&copy).unwrap(), before);
        let error = backup(&source, &copies.path().join("none/x.db"), |_| {}).unwrap_err();
        assert!(matches!(error, EmbeddedError::Write { .. }), "{error}");
        let error = backup(&copies.path().join("x.db"), &copies.path().join("y.db"), |_| {});
        assert!(matches!(error, Err(EmbeddedError::Missing { .. })));
        assert_eq!(names(copies.path()), ["backup.db"]);
    })
    .await;
}

#[tokio::test]
async fn machines_are_counted_by_kind_and_state() {
    in_a_file(async |scratch| {
        let database = scratch.open().await;
        migrate(&database).await.unwrap();
        add_machine(&database, "Tenant", "a", "Active").await;
        add_machine(&database, "Deployment", "a", "Active/Settled").await;
        add_machine(&database, "Deployment", "b", "Active/Settled").await;
        add_machine(&database, "Deployment", "c", "Active/Dispatching").await;
        let lines: Vec<String> = machine_counts(database.file().unwrap())
            .unwrap()
            .into_iter()
            .map(|line| format!("{} {} {}", line.kind, line.state_path, line.count))
            .collect();
        let expected =
            ["Deployment Active/Dispatching 1", "Deployment Active/Settled 2", "Tenant Active 1"];
        assert_eq!(lines, expected);
    })
    .await;
}

#[tokio::test]
async fn a_sound_file_passes_and_a_damaged_one_is_detected() {
    in_a_file(async |scratch| {
        let database = scratch.open().await;
        migrate(&database).await.unwrap();
        for number in 0..100 {
            add_machine(&database, "Deployment", &number.to_string(), "Active").await;
        }
        let file = database.file().unwrap().to_owned();
        integrity_check(&file).unwrap();
        database.close().await.unwrap();

        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 4096].fill(0xff);
        std::fs::write(&file, bytes).unwrap();
        let error = integrity_check(&file).unwrap_err();
        assert!(matches!(&error, EmbeddedError::Damaged { problems, .. } if !problems.is_empty()));
        assert!(error.to_string().contains("restore a backup"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_dangling_reference_is_damage() {
    in_a_file(async |scratch| {
        let database = scratch.open().await;
        migrate(&database).await.unwrap();
        database
            .connection()
            .execute_unprepared(
                "PRAGMA foreign_keys = OFF; \
                 INSERT INTO gitopsenginecluster (gitopsenginecluster_id, clustercredentials_id) \
                 VALUES ('a', 'none')",
            )
            .await
            .unwrap();
        let error = integrity_check(database.file().unwrap()).unwrap_err().to_string();
        assert!(
            error.contains("gitopsenginecluster refers to a row of clustercredentials"),
            "{error}"
        );
    })
    .await;
}

#[test]
fn other_files_are_distinguished_from_our_databases() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.db");
    let error = machine_counts(&path).unwrap_err();
    assert!(matches!(error, EmbeddedError::Missing { .. }), "{error}");
    std::fs::write(&path, "a text that is longer than the header of a database".repeat(40))
        .unwrap();
    let error = machine_counts(&path).unwrap_err();
    assert!(matches!(error, EmbeddedError::NotADatabase { .. }), "{error}");
    let foreign = directory.path().join("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let error = machine_counts(&foreign).unwrap_err();
    assert!(matches!(error, EmbeddedError::NotOurs { .. }), "{error}");
}
