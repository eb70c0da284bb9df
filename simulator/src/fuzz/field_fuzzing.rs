//! Every hostile text, and invalid bytes, in every field: see [`crate::fuzz::poison`] for what must hold
//! meanwhile.

use serde_json::{Value, json};

use crate::checks::observe::GROUP;
use crate::environment::stage::simulate;
use crate::fuzz::hostile_objects::{FIELDS, set, sync_run_of};
use crate::fuzz::hostile_strings::{NO_TEXTS, TEXTS};
use crate::fuzz::poison::{Play, Report};
use crate::fuzz::poison_sync_runs::TARGET;

/// A placeholder for invalid bytes in the JSON around them.
const PLACEHOLDER: &str = "PLACEHOLDER";
/// The tenant in whose namespace the healthy deployment is.
const NAMESPACE: &str = "team";
/// The resource of the deployments.
const DEPLOYMENTS: &str = "gitopsdeployments";
const SYNC_RUNS: &str = "gitopsdeploymentsyncruns";
const ENVIRONMENTS: &str = "gitopsdeploymentmanagedenvironments";
const CREDENTIALS: &str = "gitopsdeploymentrepositorycredentials";
const NAMESPACES: &str = "namespaces";

/// Where a text is placed.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The resource.
    resource: &'static str,
    /// The field, or the parent of a key.
    field: &'static str,
    /// Whether it is a key.
    is_key: bool,
}

/// Every place.
fn places() -> Vec<Place> {
    let of = |resource, fields: &[&'static str], is_key| {
        let fields = fields.iter();
        fields.map(move |field| Place { resource, field, is_key }).collect::<Vec<_>>()
    };
    let keys = ["/metadata/annotations", "/metadata/labels"];
    let notes = ["/metadata/annotations/note", "/metadata/labels/note"];
    [
        of(DEPLOYMENTS, &FIELDS, false),
        of(DEPLOYMENTS, &[keys[0], keys[1], "/spec"], true),
        of(SYNC_RUNS, &["/spec/gitopsDeploymentName", "/spec/revisionID", notes[0]], false),
        of(ENVIRONMENTS, &["/spec/apiURL", "/spec/credentialsSecret", notes[0]], false),
        of(CREDENTIALS, &["/spec/repository", "/spec/secret", notes[0]], false),
        of(NAMESPACES, &notes, false),
        of(NAMESPACES, &keys, true),
    ]
    .concat()
}

/// How many places there are.
pub fn number() -> u64 {
    places().len() as u64
}

/// Puts every text into the place with this number, each in its own object.
///
/// # Errors
///
/// There is no such place, or the run did not finish.
pub fn run(number: u64) -> anyhow::Result<Report> {
    let place = usize::try_from(number).ok().and_then(|number| places().get(number).copied());
    let place = place.ok_or_else(|| anyhow::anyhow!("there is no place {number}"))?;
    simulate(1, move || async move {
        let mut play = Play::begin(1).await?;
        let calm = play.edit_healthy(0).await?;
        if place.resource == SYNC_RUNS {
            play.create_target().await?;
        }
        let before = play.writes();
        let mut taken = Vec::new();
        for (number, object) in objects(place).into_iter().enumerate() {
            // The namespace is that of the healthy deployment, and stays.
            if write(&mut play, place, &object).await && place.resource != NAMESPACES {
                taken.push(format!("{}/poison-{number}", collection(place.resource)));
            }
        }
        play.change_healthy(1).await;
        play.settle().await?;
        play.compare(&before, &calm).await?;
        for path in &taken {
            play.stage.delete(path).await;
        }
        play.delete_target().await;
        play.leaves_no_trace().await?;
        Ok(play.report)
    })
}

async fn write(play: &mut Play, place: Place, object: &[u8]) -> bool {
    let taken = if place.resource == NAMESPACES {
        play.stage.merge(&format!("/api/v1/namespaces/{NAMESPACE}"), object).await
    } else {
        play.stage.post(&collection(place.resource), object).await
    };
    let counter = if taken { &mut play.report.taken } else { &mut play.report.refused };
    *counter += 1;
    taken
}

fn collection(resource: &str) -> String {
    format!("{GROUP}/namespaces/{NAMESPACE}/{resource}")
}

/// An object for each text, as JSON.
fn objects(place: Place) -> Vec<Vec<u8>> {
    let texts = TEXTS.iter().map(|text| (*text, None));
    let others = NO_TEXTS.iter().map(|bytes| (PLACEHOLDER, Some(*bytes)));
    let object = |(number, (text, bytes)): (usize, (&str, Option<&[u8]>))| {
        let mut object = base(place.resource, &format!("poison-{number}"));
        let value = if place.is_key { json!({text: "value"}) } else { json!(text) };
        set(&mut object, place.field, value);
        let json = object.to_string();
        match (bytes, json.split_once(PLACEHOLDER)) {
            (Some(bytes), Some((before, after))) => {
                [before.as_bytes(), bytes, after.as_bytes()].concat()
            }
            _ => json.into_bytes(),
        }
    };
    texts.chain(others).enumerate().map(object).collect()
}

/// A valid object.
fn base(resource: &str, name: &str) -> Value {
    let (kind, spec) = match resource {
        NAMESPACES => return json!({}),
        SYNC_RUNS => return sync_run_of(name, &json!({"gitopsDeploymentName": TARGET})),
        ENVIRONMENTS => (
            "GitOpsDeploymentManagedEnvironment",
            json!({
                "apiURL": "https://example.com", "credentialsSecret": "credential",
                "allowInsecureSkipTLSVerify": false,
            }),
        ),
        CREDENTIALS => (
            "GitOpsDeploymentRepositoryCredential",
            json!({"repository": "https://example.com/team/app", "secret": "credential"}),
        ),
        _ => {
            let source = json!({"repoURL": "https://example.com/team/app.git", "path": "one"});
            ("GitOpsDeployment", json!({"source": source, "type": "automated"}))
        }
    };
    json!({
        "apiVersion": "managed-gitops.redhat.com/v1alpha1", "kind": kind,
        "metadata": {"name": name}, "spec": spec,
    })
}
