//! What is sealed with the rows of repository credentials, and with which keys.

use std::collections::{BTreeMap, HashSet};

use machines::kinds::repository_credential::CredentialId;
use schema::entity::sealed_value;
use schema::sealing::{self, PLACEHOLDER, Place, Sealed};
use schema::store::backend::{BackendChanges, BackendRequest};
use schema::store::sealed::unlock::Sealer;
use schema::store::{StoreError, UnopenedCredential};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use secrecy::ExposeSecret as _;

use super::{
    CANARY, Object, URL, accept, columns, deliver, looked_at, machine, open, put, read, request,
    sealer, start, step, stored, try_accept,
};
use crate::driver::World;
use crate::harness::{Scratch, on_each_database};
use crate::sealing::{keyring, of_owner};

on_each_database!(
    a_rotation_from_a_password_to_a_key_leaves_nothing_of_the_password,
    nothing_is_in_the_clear,
    a_wrong_keyring_overwrites_and_empties_nothing,
    without_keys_or_the_text_nothing_is_written,
    what_does_not_open_fails_its_operation_and_says_what_to_do,
    what_was_lost_with_its_key_is_sealed_again_by_the_next_check,
);

/// Keys of the right names that are other ones.
async fn wrong_sealer(world: &World) -> Sealer {
    Sealer { keyring: of_owner(&["one"], "theirs"), ..sealer(world).await }
}

/// The same, opened, by column.
async fn opened(world: &World) -> BTreeMap<String, String> {
    let text = |(place, sealed): (Place, Sealed)| {
        let text = sealing::open(&keyring(&["one"]), &place, &sealed).unwrap();
        (place.column, text.expose_secret().to_owned())
    };
    stored(world).await.into_iter().map(text).collect()
}

async fn a_rotation_from_a_password_to_a_key_leaves_nothing_of_the_password(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    let password = ("repo_cred_pass".to_owned(), format!("{CANARY}-password"));
    let user = ("repo_cred_user".to_owned(), "bob".to_owned());
    assert_eq!(opened(&world).await, [password, user].into());
    let rotated = object.with_key();
    accept(&world, &rotated).await;
    let key = ("repo_cred_ssh".to_owned(), format!("{CANARY}-key"));
    assert_eq!(opened(&world).await, [key].into());
    assert_eq!(columns(&world).await, [format!("||{PLACEHOLDER}")]);
    accept(&world, &object).await;
    assert_eq!(opened(&world).await.len(), 2, "and back again");
    assert_eq!(columns(&world).await, [format!("{PLACEHOLDER}|{PLACEHOLDER}|")]);
}

async fn nothing_is_in_the_clear(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    accept(&world, &object.with_key()).await;
    deliver(&world, &object.with_key()).await;
    let mut everything = world.everything().await;
    everything.extend(columns(&world).await);
    assert!(everything.iter().any(|line| line.contains("RepositoryCredential")));
    assert!(everything.iter().all(|line| !line.contains(CANARY)), "{everything:?}");
    let mut bytes: Vec<Vec<u8>> =
        stored(&world).await.into_values().map(|sealed| sealed.value).collect();
    if let Some(file) = scratch.url.strip_prefix("sqlite:///") {
        for suffix in ["", "-wal"] {
            bytes.extend(std::fs::read(format!("/{file}{suffix}")).ok());
        }
        assert!(bytes.len() > 1, "the file is looked at");
    }
    for bytes in bytes {
        assert!(!bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
    }
}

async fn a_wrong_keyring_overwrites_and_empties_nothing(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    let before = (stored(&world).await, world.everything().await, columns(&world).await);
    let right = world.backend.clone();
    let backend = right.clone().with_sealer(Some(wrong_sealer(&world).await));
    let world = World { backend, ..world };
    let mut another = object.clone();
    another.texts[1].push('2');
    // The last one would not replace the password, but remove it.
    for changed in [object.edited("https://example.com/other"), another, object.with_key()] {
        let error = try_accept(&world, &changed).await.unwrap_err();
        assert!(matches!(error, StoreError::Sealed { .. }), "{error}");
        assert!(!error.to_string().contains(CANARY), "{error}");
        let after = (stored(&world).await, world.everything().await, columns(&world).await);
        assert_eq!(after, before);
    }
    // What goes needs no key.
    step(&world, &[(&object, vec![object.gone()])]).await.unwrap();
    assert_eq!(stored(&world).await, BTreeMap::new());
    let world = World { backend: right, ..world };
    deliver(&world, &object).await;
    accept(&world, &object).await;
}

async fn without_keys_or_the_text_nothing_is_written(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    let row = put(&world, &object, URL).await;
    let before = world.everything().await;
    let write = async |world: &World, accepted: &[&Object]| {
        let texts = accepted.iter().map(|object| (object.uid(), object.credential()));
        let changes = BackendChanges {
            rows: vec![row.clone()],
            accepted: texts.collect(),
            ..BackendChanges::default()
        };
        let batch = |_| (changes, ());
        let request = BackendRequest::default();
        world.backend.backend_batch(&request, world.now, batch).await
    };
    let error = write(&world, &[]).await.unwrap_err().to_string();
    assert!(error.contains("team-t1/a cannot be stored: the batch does not bring"), "{error}");
    let right = world.backend.clone();
    let world = World { backend: right.clone().with_sealer(None), ..world };
    let error = write(&world, &[&object]).await.unwrap_err().to_string();
    assert!(error.contains("team-t1/a cannot be stored") && error.contains("SEALING_KEYS_DIR"));
    assert!(!error.contains(CANARY), "{error}");
    assert_eq!(world.everything().await, before);
    let world = World { backend: right, ..world };
    write(&world, &[&object]).await.unwrap();
    assert_eq!(world.count("repositorycredentials").await, 1);
}

async fn what_does_not_open_fails_its_operation_and_says_what_to_do(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    let id = open(&world, &object).await;
    let right = world.agent.clone();
    let wrong = wrong_sealer(&world).await;
    let mut world = world;
    for (sealer, advice) in [(None, "SEALING_KEYS_DIR"), (Some(wrong), "restore the key")] {
        world.agent = right.clone().with_sealer(sealer);
        let loaded = looked_at(&world, &id).await;
        assert!(loaded.rows.is_empty() && loaded.unknown.is_empty());
        let text = &loaded.unusable[&id].text;
        assert!(text.contains(advice) && !text.contains(CANARY), "{text}");
        let error = world.agent.repository_access(&object.row()).await.unwrap_err();
        let StoreError::Unopened(unopened) = &error else { panic!("{error}") };
        assert_eq!(unopened.to_string(), *text);
        let wanted = world.agent.wanted_secrets(&CredentialId::new(""), 10).await.unwrap();
        let digests: Vec<_> = wanted.into_iter().map(|one| (one.row, one.digest)).collect();
        assert_eq!(digests, [(object.row(), None)]);
    }
    world.agent = right;
    world.execute("DELETE FROM sealed_value WHERE column_name = 'repo_cred_pass'").await;
    let error = world.agent.repository_access(&object.row()).await.unwrap_err();
    let missing =
        |error: &StoreError| matches!(error, StoreError::Unopened(UnopenedCredential::Missing(_)));
    assert!(missing(&error), "{error}");
}

async fn what_was_lost_with_its_key_is_sealed_again_by_the_next_check(scratch: Scratch) {
    let world = start(&scratch).await;
    let object = Object::new("a");
    accept(&world, &object).await;
    deliver(&world, &object).await;
    let sealed = opened(&world).await;
    accept(&world, &object).await;
    assert!(machine(&world, &object).await.unwrap().record.open.is_none(), "nothing is new");
    let lost = sealed_value::Entity::delete_many()
        .filter(sealed_value::Column::TableName.eq("repositorycredentials"));
    lost.exec(world.database.connection()).await.unwrap();
    let unchecked = BackendRequest { checked: HashSet::new(), ..request(&[&object]) };
    let emptied = async |request| read(&world, &request).await.emptied_credentials.len();
    assert_eq!(emptied(unchecked).await, 0, "no step looks at it");
    assert_eq!(emptied(request(&[&object])).await, 1);
    accept(&world, &object).await;
    assert_eq!(opened(&world).await, sealed);
    deliver(&world, &object).await;
}
