//! Whatever the machines accept fits its column: otherwise one deployment would fail every batch
//! that it is in, forever.

use machines::identity::{ClusterUserId, DeploymentUid};
use machines::kinds::deployment::render::render;
use machines::kinds::deployment::spec::{
    DeploymentSpec, FIELD_LIMIT, NAME_LIMIT, REPO_URL_LIMIT, SUPPORTED_SYNC_OPTIONS,
    SYNC_OPTIONS_LIMIT, normalise_repo_url, validate,
};
use schema::spec_field;

use crate::driver::{Input, Object, World};
use crate::harness::{Scratch, on_each_database};

on_each_database!(
    the_longest_names_and_urls_are_stored,
    texts_that_postgresql_does_not_accept_are_rejected_earlier,
);

/// As many of these characters as fit into this many bytes.
fn filled(characters: &str, limit: usize) -> String {
    let mut text = String::new();
    for character in characters.chars().cycle() {
        if text.len() + character.len_utf8() > limit {
            return text;
        }
        text.push(character);
    }
    text
}

/// The longest spec that consists of these characters.
fn longest(characters: &str) -> DeploymentSpec {
    let prefix = "https://h/";
    let url = filled(characters, REPO_URL_LIMIT - prefix.len());
    let longest_option = SUPPORTED_SYNC_OPTIONS.iter().max_by_key(|option| option.len()).unwrap();
    DeploymentSpec {
        repo_url: format!("{prefix}{url}"),
        path: filled(characters, FIELD_LIMIT),
        target_revision: filled(characters, FIELD_LIMIT),
        environment: "some".to_owned(),
        destination_namespace: filled(characters, FIELD_LIMIT),
        sync_options: vec![(*longest_option).to_owned(); SYNC_OPTIONS_LIMIT],
        type_: "automated".to_owned(),
    }
}

/// The length of the text in `application.spec_field`; it must be read back unchanged.
fn encoded(spec: &DeploymentSpec) -> usize {
    // The longest that fit the columns for ids and names.
    let uid = DeploymentUid::new("u".repeat(48));
    let user = ClusterUserId::new("c".repeat(48));
    let namespace = "n".repeat(63);
    let project = machines::operation::application::project_name(&user);
    let document = render(&uid, &namespace, spec, &namespace, project);
    let text = spec_field::encode(&document).unwrap();
    assert_eq!(spec_field::decode(&text).unwrap(), document);
    text.len()
}

#[test]
fn every_accepted_spec_fits_the_column_whatever_its_characters() {
    let mut longest_text = 0;
    let every: Vec<char> = ('\0'..=char::MAX).filter(|one| !one.is_control()).collect();
    for characters in every.chunks(200) {
        let characters: String = characters.iter().collect();
        let mut spec = longest(&characters);
        if validate("name", &spec, true).is_err() {
            // White space has no place in a URL.
            spec.repo_url = longest("\"\\").repo_url;
        }
        assert_eq!(validate("name", &spec, true), Ok(()), "{characters:?}");
        longest_text = longest_text.max(encoded(&spec));
    }
    // The character that grows most when quoted, on its own.
    for characters in ["\"", "\\", "'", "\u{2028}", "\u{feff}", "\u{10ffff}", "\u{e000}", "é"] {
        let spec = longest(characters);
        if validate("name", &spec, true).is_ok() {
            longest_text = longest_text.max(encoded(&spec));
        }
    }
    println!("the longest text takes {longest_text} of {} bytes", spec_field::MAXIMUM_BYTES);
    assert!(longest_text < spec_field::MAXIMUM_BYTES);
}

#[test]
fn a_normalised_url_is_no_longer_than_as_written() {
    for character in ('\0'..=char::MAX).filter(|one| !one.is_control()) {
        let url = format!("https://h/{}", filled(&character.to_string(), REPO_URL_LIMIT - 10));
        if let Some(normal) = normalise_repo_url(&url) {
            assert!(normal.chars().count() <= REPO_URL_LIMIT, "{character:?}");
        }
    }
}

async fn the_longest_names_and_urls_are_stored(scratch: Scratch) {
    let world = World::start(&scratch).await;
    for (which, characters) in ["x", "ß世", "İ", "🦀\"", "'\\"].into_iter().enumerate() {
        let mut object = Object::new("t1", &which.to_string());
        object.spec = longest(characters);
        // This world serves no environments.
        let mut rejected = Object::new("t1", &format!("{which}-elsewhere"));
        rejected.spec = object.spec.clone();
        world.process(&[Input::Seen(rejected.clone())]).await.unwrap();
        assert_eq!(world.path(&rejected).await, "Live/Rejected", "{characters}");
        assert_eq!(world.deployment(&rejected.uid).await.unwrap().record.spec, rejected.spec);
        object.spec.environment.clear();
        object.spec.destination_namespace.clear();
        object.name = filled(characters, NAME_LIMIT);
        world.process(&[Input::Seen(object.clone())]).await.unwrap();
        assert_eq!(world.path(&object).await, "Live/Dispatching", "{characters}");
        let machine = world.deployment(&object.uid).await.unwrap();
        assert_eq!(machine.record.name, object.name);
        assert_eq!(machine.record.spec, object.spec);
    }
    assert_eq!(world.count("application").await, 5);
}

async fn texts_that_postgresql_does_not_accept_are_rejected_earlier(scratch: Scratch) {
    let world = World::start(&scratch).await;
    let mut object = Object::new("t1", "a");
    object.spec.path = "a\0b".to_owned();
    object.spec.target_revision = "r".repeat(1_000_000);
    world.process(&[Input::Seen(object.clone())]).await.unwrap();
    assert_eq!(world.path(&object).await, "Live/Rejected");
    assert_eq!(world.count("application").await, 0);
}
