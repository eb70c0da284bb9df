//! Who decides a field of an Application is defined once: what is read, what counts as drift, and
//! what the documentation says follow from it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crds::argocd::{Application, ApplicationSpec, FIELDS, Ownership, table};
use serde_json::{Value, json};

/// Values of each form that a field may have.
fn values() -> [Value; 5] {
    [json!("text"), json!(true), json!(7), json!(["text"]), json!({"name": "text"})]
}

fn spec_with(path: &str, value: Value) -> ApplicationSpec {
    let mut object = value;
    for name in path.split('.').rev() {
        object = json!({name: object});
    }
    serde_json::from_value::<Application>(object).unwrap().spec
}

/// The fields of a spec; an unknown name stands for each `.*`.
fn fields(ownership: Ownership) -> impl Iterator<Item = String> {
    let ours = FIELDS.into_iter().filter(move |field| field.ownership == ownership);
    let of_spec = ours.filter(|field| field.path.starts_with("spec."));
    of_spec.map(|field| field.path.replace(".*", ".unknown"))
}

#[test]
fn a_written_field_is_read_and_another_form_of_it_is_drift() {
    for path in fields(Ownership::Written) {
        let read = values().map(|value| spec_with(&path, value));
        let (drifted, fit): (Vec<_>, Vec<_>) =
            read.into_iter().partition(|spec| !spec.drift.is_empty());
        assert_eq!(fit.len(), 1, "{path} has one form");
        assert_ne!(fit[0], ApplicationSpec::default(), "{path} is read");
        let pointer = path.trim_start_matches("spec").replace('.', "/");
        assert!(drifted.iter().all(|spec| spec.drift == [pointer.clone()].into()), "{path}");
    }
}

#[test]
fn a_removed_field_is_drift_whatever_its_value() {
    for path in fields(Ownership::Removed) {
        let pointer = path.trim_start_matches("spec").replace('.', "/");
        for value in values() {
            assert_eq!(spec_with(&path, value).drift, [pointer.clone()].into(), "{path}");
        }
        for empty in [json!(null), json!(""), json!([]), json!({})] {
            assert_eq!(spec_with(&path, empty).drift, [].into(), "an empty {path} is no drift");
        }
    }
}

#[test]
fn a_field_that_is_left_alone_is_not_even_read() {
    for path in fields(Ownership::Left) {
        for value in values() {
            assert_eq!(spec_with(&path, value), ApplicationSpec::default(), "{path}");
        }
    }
}

#[test]
fn a_spec_of_any_form_decodes_as_an_existing_application() {
    for spec in values() {
        let is_object = spec.is_object();
        let read: Application = serde_json::from_value(json!({"spec": spec})).unwrap();
        assert_eq!(read.spec.drift.contains(""), !is_object);
        let inner = json!({"spec": {"source": spec, "syncPolicy": spec, "destination": spec}});
        assert!(serde_json::from_value::<Application>(inner).is_ok());
    }
}

#[test]
fn the_documentation_has_the_table() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../ARCHITECTURE.md");
    let text = std::fs::read_to_string(file).unwrap();
    let table = table();
    assert!(text.contains(&table), "ARCHITECTURE.md lacks this table:\n{table}");
}
