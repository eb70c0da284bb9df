//! Credentials at rest: what an earlier installation left in the clear is sealed, keys are rotated
//! while the program runs, and a wrong key changes nothing.

use std::collections::BTreeMap;

use schema::entity::sealed_value;
use schema::sealing::{self, KeyId, Keyring, OpenError, PLACEHOLDER, Place, Sealed};
use schema::store::sealed::adopted::SealedTexts;
use schema::store::sealed::rotation::{RotatedPage, Unopened, outdated, rotate_page};
use schema::store::sealed::unlock::{UnlockError, faults, unlock};
use schema::{Database, migrate};
use sea_orm::EntityTrait as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::driver::{Input, Object, World};
use crate::fixture;
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    clear_texts_of_an_earlier_installation_are_sealed,
    more_than_a_page_of_clear_texts_is_sealed,
    a_deposed_process_seals_nothing,
    everything_is_sealed_again_with_the_primary_key,
    a_rotation_may_be_stopped_and_repeated,
    a_rotation_leaves_what_was_replaced_meanwhile,
    what_a_rotation_cannot_open_stays_as_it_was,
    digests_outlast_a_rotation,
    another_keyring_of_the_same_names_opens_nothing_and_overwrites_nothing,
    keys_that_are_needed_and_missing_or_wrong_are_named,
    what_no_key_opens_is_forgotten_on_request_only,
    what_cannot_be_sealed_keeps_nothing_else_in_the_clear,
);

/// A credential that must be found nowhere.
const CANARY: &str = "hunter2-canary";

/// A keyring of these ids, of which the first seals.
pub(crate) fn keyring(ids: &[&str]) -> Keyring {
    of_owner(ids, "ours")
}

/// The same of another owner.
pub(crate) fn of_owner(ids: &[&str], owner: &str) -> Keyring {
    use base64::Engine as _;
    let key = |id: &&str| {
        let bytes = format!("{:x<32}", format!("{owner}-{id}"));
        format!("{id}={}", base64::prelude::BASE64_STANDARD.encode(bytes))
    };
    let keys: Vec<String> = ids.iter().map(key).collect();
    Keyring::parse(&keys.join(",").into()).unwrap()
}

/// A database of the existing system, with this many credentials of repositories and a cluster's.
async fn adopted(scratch: &Scratch, repositories: usize) -> World {
    let database = scratch.open().await;
    fixture::install(&database).await;
    for number in 0..repositories {
        fixture::execute(
            &database,
            &format!(
                "INSERT INTO repositorycredentials (repositorycredentials_id, repo_cred_user_id, \
                 repo_cred_url, repo_cred_user, repo_cred_pass, repo_cred_ssh, repo_cred_secret, \
                 repo_cred_engine_id, created_on) VALUES ('r{number:04}', 'user', \
                 'https://example.com/a', 'bob-{CANARY}-{number}', '{CANARY}-{number}', '', \
                 'secret', 'instance', '2026-11-22 10:26:25')"
            ),
        )
        .await;
    }
    fixture::execute(
        &database,
        &format!(
            "INSERT INTO clustercredentials (clustercredentials_cred_id, host, kube_config, \
             serviceaccount_bearer_token, serviceaccount_ns, created_on) VALUES \
             ('c1', 'https://cluster', 'token: {CANARY}', '{CANARY}', 'kube-system', \
              '2026-11-22 10:26:25'), \
             ('c2', 'host', 'kube_config', 'serviceaccount_bearer_token', 'serviceaccount_ns', \
              '2026-11-22 10:26:25')"
        ),
    )
    .await;
    migrate(&database).await.unwrap();
    World::on(database).await
}

/// Every value that is sealed, with the key that seals it.
async fn opened(database: &Database, keyring: &Keyring) -> BTreeMap<Place, (String, KeyId)> {
    let mut values = BTreeMap::new();
    for (place, sealed) in stored(database).await {
        let text = sealing::open(keyring, &place, &sealed).unwrap();
        values.insert(place, (text.expose_secret().to_owned(), sealed.key));
    }
    values
}

async fn stored(database: &Database) -> BTreeMap<Place, Sealed> {
    let rows = sealed_value::Entity::find().all(&database.reads()).await.unwrap();
    let entry = |row: sealed_value::Model| {
        let place = Place::new(row.table_name, row.row_key, row.column_name);
        (place, Sealed { key: KeyId::parse(&row.key_id).unwrap(), value: row.value })
    };
    rows.into_iter().map(entry).collect()
}

/// Everything that the columns of credentials say.
async fn columns(world: &World) -> Vec<String> {
    let mut texts = Vec::new();
    for column in ["repo_cred_user", "repo_cred_pass", "repo_cred_ssh"] {
        texts.extend(world.texts(column, "repositorycredentials").await);
    }
    for column in ["kube_config", "serviceaccount_bearer_token"] {
        texts.extend(world.texts(column, "clustercredentials").await);
    }
    texts
}

/// Rotates until the end; the pages together.
async fn rotate(database: &Database, keyring: &Keyring) -> RotatedPage {
    let mut all = RotatedPage::default();
    let mut after = None;
    loop {
        let page = rotate_page(database, keyring, after.as_ref(), Unopened::Keep).await.unwrap();
        all.resealed += page.resealed;
        all.replaced += page.replaced;
        all.locked.extend(page.locked);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn clear_texts_of_an_earlier_installation_are_sealed(scratch: Scratch) {
    let world = adopted(&scratch, 1).await;
    let keyring = keyring(&["one"]);
    assert_eq!(world.backend.seal_clear_texts(&keyring).await.unwrap().rows, 2);
    let columns = columns(&world).await;
    assert!(columns.iter().all(|text| !text.contains(CANARY)), "{columns:?}");
    assert_eq!(columns.iter().filter(|text| *text == PLACEHOLDER).count(), 4);
    // What means *no credential* still does.
    assert!(columns.contains(&"serviceaccount_bearer_token".to_owned()));
    assert!(columns.contains(&"kube_config".to_owned()));
    let expected = [
        ("clustercredentials", "c1", "kube_config", format!("token: {CANARY}")),
        ("clustercredentials", "c1", "serviceaccount_bearer_token", CANARY.to_owned()),
        ("repositorycredentials", "r0000", "repo_cred_pass", format!("{CANARY}-0")),
        ("repositorycredentials", "r0000", "repo_cred_user", format!("bob-{CANARY}-0")),
    ];
    let opened = opened(&world.database, &keyring).await;
    let opened: Vec<_> = opened.into_iter().map(|(place, (text, _))| (place, text)).collect();
    let expected =
        expected.map(|(table, row, column, text)| (Place::new(table, row, column), text));
    assert_eq!(opened, expected);
    for (_, sealed) in stored(&world.database).await {
        let bytes = sealed.value;
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    }
    let (statements, again) = world.statements(world.backend.seal_clear_texts(&keyring)).await;
    assert_eq!(again.unwrap(), SealedTexts::default());
    assert!(statements < 10, "{statements}");
}

async fn more_than_a_page_of_clear_texts_is_sealed(scratch: Scratch) {
    let world = adopted(&scratch, 250).await;
    let keyring = keyring(&["one"]);
    assert_eq!(world.backend.seal_clear_texts(&keyring).await.unwrap().rows, 251);
    assert!(columns(&world).await.iter().all(|text| !text.contains(CANARY)));
    assert_eq!(world.count("sealed_value").await, 502);
}

async fn what_cannot_be_sealed_keeps_nothing_else_in_the_clear(scratch: Scratch) {
    let world = adopted(&scratch, 120).await;
    let keyring = keyring(&["one"]);
    // Something is sealed there already, with a key that is missing.
    world
        .execute(
            "INSERT INTO sealed_value VALUES \
             ('repositorycredentials', 'r0050', 'repo_cred_pass', 'other', 'unopened')",
        )
        .await;
    let sealed = world.backend.seal_clear_texts(&keyring).await.unwrap();
    assert_eq!(sealed.rows, 120);
    let [left] = &sealed.left[..] else { panic!("{sealed:?}") };
    assert!(left.contains("repo_cred_pass of repositorycredentials r0050"), "{left}");
    assert!(left.contains("sealed with the key other"), "{left}");
    let columns = columns(&world).await;
    let clear: Vec<_> = columns.iter().filter(|text| text.contains(CANARY)).collect();
    assert_eq!(clear, ["bob-hunter2-canary-50", "hunter2-canary-50"], "those of the one row");
    world.execute("DELETE FROM sealed_value WHERE key_id = 'other'").await;
    // What was sealed is no longer looked at: the step goes on where it has to.
    let again = world.backend.seal_clear_texts(&keyring).await.unwrap();
    assert_eq!(again, SealedTexts { rows: 1, left: Vec::new() });
}

async fn a_deposed_process_seals_nothing(scratch: Scratch) {
    let world = adopted(&scratch, 1).await;
    let before = columns(&world).await;
    let deposed = world.backend.clone();
    let _successor = World::on(world.database.clone()).await;
    assert!(deposed.seal_clear_texts(&keyring(&["one"])).await.is_err());
    assert_eq!(columns(&world).await, before);
    assert_eq!(world.count("sealed_value").await, 0);
}

async fn everything_is_sealed_again_with_the_primary_key(scratch: Scratch) {
    let world = adopted(&scratch, 150).await;
    let (old, both, new) = (keyring(&["one"]), keyring(&["two", "one"]), keyring(&["two"]));
    world.backend.seal_clear_texts(&old).await.unwrap();
    let before = opened(&world.database, &old).await;
    assert_eq!(outdated(&world.database, &both).await.unwrap(), 302);
    let rotated = rotate(&world.database, &both).await;
    assert_eq!((rotated.resealed, rotated.replaced, rotated.locked.len()), (302, 0, 0));
    assert_eq!(outdated(&world.database, &both).await.unwrap(), 0);
    // The old key is no longer needed.
    let after = opened(&world.database, &new).await;
    assert!(after.values().all(|(_, key)| key.as_str() == "two"));
    let texts = |values: BTreeMap<Place, (String, KeyId)>| -> Vec<(Place, String)> {
        values.into_iter().map(|(place, (text, _))| (place, text)).collect()
    };
    assert_eq!(texts(after), texts(before));
}

async fn a_rotation_may_be_stopped_and_repeated(scratch: Scratch) {
    let world = adopted(&scratch, 150).await;
    let both = keyring(&["two", "one"]);
    world.backend.seal_clear_texts(&keyring(&["one"])).await.unwrap();
    let page = rotate_page(&world.database, &both, None, Unopened::Keep).await.unwrap();
    assert!(page.next.is_some());
    assert_eq!(page.resealed, 100);
    opened(&world.database, &both).await;
    assert_eq!(rotate(&world.database, &both).await.resealed, 202);
    assert_eq!(rotate(&world.database, &both).await, RotatedPage::default());
}

async fn a_rotation_leaves_what_was_replaced_meanwhile(scratch: Scratch) {
    let world = adopted(&scratch, 1).await;
    let (old, both) = (keyring(&["one"]), keyring(&["two", "one"]));
    world.backend.seal_clear_texts(&old).await.unwrap();
    let place = Place::new("repositorycredentials", "r0000", "repo_cred_pass");
    let read = stored(&world.database).await[&place].clone();
    // The program writes another value between the rotation's read and its write.
    let newer = SecretString::from("newer".to_owned());
    let newer = sealing::seal(&old, &place, &newer).unwrap();
    assert_eq!(read.key, newer.key);
    let replaced = schema::store::sealed::rotation::replace_if_unchanged;
    sealed_value::Entity::update(active(&place, &newer))
        .exec(world.database.connection())
        .await
        .unwrap();
    let resealed = sealing::seal(&both, &place, &SecretString::from("older".to_owned())).unwrap();
    assert_eq!(replaced(world.database.connection(), &place, read, resealed).await.unwrap(), 0);
    assert_eq!(opened(&world.database, &both).await[&place].0, "newer");
}

fn active(place: &Place, sealed: &Sealed) -> sealed_value::ActiveModel {
    use sea_orm::ActiveValue::{Set, Unchanged};
    sealed_value::ActiveModel {
        table_name: Unchanged(place.table.clone()),
        row_key: Unchanged(place.row.clone()),
        column_name: Unchanged(place.column.clone()),
        key_id: Set(sealed.key.as_str().to_owned()),
        value: Set(sealed.value.clone()),
    }
}

async fn what_a_rotation_cannot_open_stays_as_it_was(scratch: Scratch) {
    let world = adopted(&scratch, 1).await;
    world.backend.seal_clear_texts(&keyring(&["one"])).await.unwrap();
    let before = stored(&world.database).await;
    let rotated = rotate(&world.database, &keyring(&["two"])).await;
    assert_eq!(rotated.resealed, 0);
    assert_eq!(rotated.locked.len(), 4);
    let missing = OpenError::KeyMissing(KeyId::parse("one").unwrap());
    assert!(rotated.locked.iter().all(|(_, error)| *error == missing));
    assert_eq!(stored(&world.database).await, before);
}

async fn digests_outlast_a_rotation(scratch: Scratch) {
    let database = scratch.open().await;
    migrate(&database).await.unwrap();
    let value: [(&str, &[u8]); 1] = [("password", CANARY.as_bytes())];
    let first = unlock(&database, keyring(&["one"])).await.unwrap().digests.digest(value);
    let again = unlock(&database, keyring(&["one"])).await.unwrap().digests.digest(value);
    assert_eq!(first, again);
    assert_eq!(rotate(&database, &keyring(&["two", "one"])).await.resealed, 1);
    let rotated = unlock(&database, keyring(&["two"])).await.unwrap().digests.digest(value);
    assert_eq!(first, rotated);
}

async fn another_keyring_of_the_same_names_opens_nothing_and_overwrites_nothing(scratch: Scratch) {
    let world = adopted(&scratch, 1).await;
    let theirs = of_owner(&["one"], "theirs");
    unlock(&world.database, keyring(&["one"])).await.unwrap();
    let error = unlock(&world.database, theirs.clone()).await.unwrap_err();
    assert!(matches!(error, UnlockError::Locked(OpenError::Refused(_))), "{error}");
    world.backend.seal_clear_texts(&keyring(&["one"])).await.unwrap();
    let edit = "UPDATE repositorycredentials SET repo_cred_pass = 'another' \
                WHERE repositorycredentials_id = 'r0000'";
    world.execute(edit).await;
    let before = stored(&world.database).await;
    let refused = world.backend.seal_clear_texts(&theirs).await.unwrap();
    assert_eq!((refused.rows, refused.left.len()), (0, 1), "{refused:?}");
    assert_eq!(stored(&world.database).await, before);
    let clear = world.texts("repo_cred_pass", "repositorycredentials").await;
    assert_eq!(clear, ["NULL", "another"], "nothing is lost");
    // Everything else goes on.
    let mut world = world;
    world.instance = Some(
        world
            .backend
            .ensure_instance(crate::driver::ARGOCD, "uid", "uid-system", crate::driver::BEGINNING)
            .await
            .unwrap(),
    );
    world.process(&[Input::Seen(Object::new("tenant", "a"))]).await.unwrap();
}

async fn keys_that_are_needed_and_missing_or_wrong_are_named(scratch: Scratch) {
    let world = adopted(&scratch, 1).await;
    world.backend.seal_clear_texts(&keyring(&["one"])).await.unwrap();
    unlock(&world.database, keyring(&["two"])).await.unwrap();
    let of = async |keyring: Keyring| faults(&world.database, &keyring).await.unwrap();
    let (one, two) = (KeyId::parse("one").unwrap(), KeyId::parse("two").unwrap());
    assert_eq!(of(keyring(&["two", "three"])).await, [OpenError::KeyMissing(one)]);
    assert_eq!(of(keyring(&["two", "one"])).await, []);
    // A key of the right name is not enough.
    let wrong = of_owner(&["two"], "theirs");
    let found = faults(&world.database, &wrong).await.unwrap();
    assert!(found.contains(&OpenError::Refused(two)), "{found:?}");
}

async fn what_no_key_opens_is_forgotten_on_request_only(scratch: Scratch) {
    let world = adopted(&scratch, 2).await;
    world.backend.seal_clear_texts(&keyring(&["one"])).await.unwrap();
    unlock(&world.database, keyring(&["two"])).await.unwrap();
    // The key `one` is lost; the new one has the same name.
    let after_loss = of_owner(&["one", "two"], "ours anew");
    let kept = rotate(&world.database, &after_loss).await;
    assert_eq!(kept.locked.len(), 1, "those of the primary key's name are not even looked at");
    assert_eq!(stored(&world.database).await.len(), 7);
    let forgotten =
        rotate_page(&world.database, &after_loss, None, Unopened::Forget).await.unwrap();
    assert_eq!((forgotten.resealed, forgotten.locked.len()), (0, 7));
    assert_eq!(stored(&world.database).await.len(), 0);
    unlock(&world.database, after_loss).await.unwrap();
    // What opens is never forgotten.
    let sealer = keyring(&["one"]);
    world.execute("UPDATE repositorycredentials SET repo_cred_pass = 'entered again'").await;
    world.execute("DELETE FROM sealed_value").await;
    world.backend.seal_clear_texts(&sealer).await.unwrap();
    let kept = rotate_page(&world.database, &sealer, None, Unopened::Forget).await.unwrap();
    assert_eq!((kept.resealed, kept.locked.len()), (0, 0));
    assert_eq!(stored(&world.database).await.len(), 3);
}
