//! Who may commit: the process that took over the role last.

use std::sync::mpsc;

use machines::identity::Digest;
use machines::kinds::deployment::removal_report::RemovalReport;
use schema::DatabaseKind;
use schema::store::backend::{BackendChanges, BackendRequest};
use schema::store::reports::ApplicationReport;
use schema::store::{Role, Store, StoreError};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

use crate::driver::{ARGOCD, BEGINNING, Input, Object, World, wait_for_locks};
use crate::harness::{DEADLINE, Scratch, in_a_file, on_each_database, on_postgres};

on_each_database!(
    a_deposed_backend_cannot_commit,
    a_deposed_agent_cannot_commit,
    each_takeover_raises_the_epoch_of_its_role,
);

async fn a_deposed_backend_cannot_commit(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let object = Object::new("t1", "a");
    world.settle(std::slice::from_ref(&object)).await;
    let next = Store::take_over(world.database.clone(), Role::Backend, "next", BEGINNING);
    let next = next.await.unwrap();
    let before = world.everything().await;

    let edited = Input::Seen(object.edited("https://h/new"));
    let error = world.process(std::slice::from_ref(&edited)).await.unwrap_err();
    assert!(matches!(error, StoreError::Deposed { role: Role::Backend }), "{error}");
    assert!(error.to_string().contains("as backend"), "{error}");
    // Not even a commit that writes nothing.
    deposed(world.process(&[]).await);
    deposed(world.backend.ensure_instance(ARGOCD, "other", "uid-system", BEGINNING).await);
    deposed(world.backend.collect(BEGINNING).await);
    assert_eq!(world.everything().await, before);

    // The other role and the successor continue.
    let open = world.agent.agent_batch(&[], BEGINNING, |_| (Default::default(), ()));
    open.await.unwrap();
    let world = World { backend: next, ..world };
    world.process(&[edited]).await.unwrap();
    assert_eq!(world.path(&object).await, "Live/Dispatching");
}

fn deposed<T>(outcome: Result<T, StoreError>) {
    assert!(matches!(outcome.err(), Some(StoreError::Deposed { .. })));
}

async fn a_deposed_agent_cannot_commit(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let object = Object::new("t1", "a");
    world.process(&[Input::Seen(object.clone())]).await.unwrap();
    let open = world.open(std::slice::from_ref(&object)).await;
    let next = Store::take_over(world.database.clone(), Role::Agent, "next", BEGINNING);
    let next = next.await.unwrap();
    let before = world.everything().await;

    deposed(world.operate(&open, |_, _| Vec::new()).await);
    let report = ApplicationReport {
        application: object.application(),
        deployment: object.uid.clone(),
        status: Vec::new(),
        digest: Digest::new("digest"),
        removal: RemovalReport::default(),
    };
    deposed(world.agent.write_reports(vec![report.clone()]).await);
    assert_eq!(world.everything().await, before);

    world.process(&[Input::Facts(object.uid.clone())]).await.unwrap();
    assert_eq!(next.write_reports(vec![report]).await.unwrap().written.len(), 1);
}

async fn each_takeover_raises_the_epoch_of_its_role(scratch: Scratch) {
    let world = World::start(&scratch).await;
    assert_eq!((world.backend.epoch(), world.agent.epoch()), (1, 1));
    let holder = "h".repeat(300);
    let next = Store::take_over(world.database.clone(), Role::Backend, &holder, BEGINNING);
    assert_eq!(next.await.unwrap().epoch(), 2);
    let holders = world.texts("holder", "fence").await;
    assert_eq!(holders, [holder[..256].to_owned(), "test".to_owned()]);
    let again = Store::take_over(world.database.clone(), Role::Agent, "again", BEGINNING);
    assert_eq!(again.await.unwrap().epoch(), 2);
    assert_eq!(world.texts("cast(epoch AS text)", "fence").await, ["2", "2"]);
}

mod a_takeover_waits_for_a_commit_in_progress {
    #[tokio::test]
    async fn in_a_file() {
        super::in_a_file(super::take_over_during_a_batch).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        super::on_postgres(super::take_over_during_a_batch).await;
    }
}

async fn take_over_during_a_batch(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let (begun, is_begun) = tokio::sync::oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let old = held_batch(scratch.url.clone(), begun, released);
    is_begun.await.unwrap();

    let other = scratch.open().await;
    let backend = Store::take_over(other.clone(), Role::Backend, "next", BEGINNING);
    let take_over = tokio::spawn(backend);
    if other.kind() == DatabaseKind::Postgres {
        wait_for_locks(&world.database, 1).await;
    }
    assert!(!take_over.is_finished());
    release.send(()).unwrap();
    let (committed, second) = tokio::task::spawn_blocking(|| old.join().unwrap()).await.unwrap();
    committed.unwrap();
    let next = tokio::time::timeout(DEADLINE, take_over).await.unwrap().unwrap().unwrap();
    // World::start took over once, the held batch's process once more.
    assert_eq!(next.epoch(), 3);
    assert_eq!(world.count("application").await, 1, "the batch was committed");
    // The second one may have committed before the takeover; afterwards it cannot.
    drop(second);
    let world = World { backend: next, ..world };
    world.process(&[]).await.unwrap();
}

type Outcome = Result<(), StoreError>;

/// Another process: it takes over, and holds a batch between load and commit until released.
fn held_batch(
    url: String,
    begun: tokio::sync::oneshot::Sender<()>,
    released: mpsc::Receiver<()>,
) -> std::thread::JoinHandle<(Outcome, Outcome)> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let database = schema::connect(&url, &crate::harness::options()).await.unwrap();
            let mut world = World::on(database).await;
            let instance =
                world.backend.ensure_instance(ARGOCD, "uid-argocd", "uid-system", BEGINNING);
            world.instance = Some(instance.await.unwrap());
            let inputs = [Input::Seen(Object::new("t1", "a"))];
            let request = crate::driver::request(&inputs);
            let deciding = &world;
            let held = world.backend.backend_batch(&request, world.now, move |loaded| {
                begun.send(()).unwrap();
                released.recv_timeout(DEADLINE).unwrap();
                (deciding.decide(loaded, &inputs), ())
            });
            let first = held.await;
            let nothing = |_| (BackendChanges::default(), ());
            let request = BackendRequest::default();
            (first, world.backend.backend_batch(&request, world.now, nothing).await)
        })
    })
}

mod a_batch_that_starts_during_a_takeover_is_deposed {
    #[tokio::test]
    async fn on_postgres() {
        super::on_postgres(super::batch_during_a_take_over).await;
    }
}

async fn batch_during_a_take_over(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let other = scratch.open().await;
    let take_over = other.connection().begin().await.unwrap();
    let raise = "UPDATE fence SET epoch = epoch + 1 WHERE role = 'backend'";
    take_over.execute_unprepared(raise).await.unwrap();
    let store = world.backend.clone();
    let batch = tokio::spawn(async move {
        let nothing = |_| (BackendChanges::default(), ());
        store.backend_batch(&BackendRequest::default(), BEGINNING, nothing).await
    });
    wait_for_locks(&world.database, 1).await;
    take_over.commit().await.unwrap();
    deposed(tokio::time::timeout(DEADLINE, batch).await.unwrap().unwrap());
}
