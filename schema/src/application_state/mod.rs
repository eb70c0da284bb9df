//! `applicationstate.argocd_application_status`: what Argo CD reports, as the agent passes it to
//! the backend.
//!
//! The blob is gzip of YAML whose keys are lower-cased names of Go fields, which is how the
//! existing system writes it. This module turns Argo CD's own JSON into it ([`encode`]) and back
//! ([`decode`]). Only the fields that the status of a GitOpsDeployment shows come back;
//! [`mirrored`] reduces Argo CD's JSON to the same fields, so that `decode(&encode(status)?)? ==
//! mirrored(status)`. A caller that stores `mirrored(status)` writes no new blob when Argo CD only
//! updates a time.

mod read;
mod shape;

use std::io::{Read as _, Write as _};

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde_json::{Map, Value};

use shape::{STATUS, Shape};

/// Largest size of a blob in the database, compressed.
pub const MAXIMUM_COMPRESSED_BYTES: usize = 262_144;

/// Largest size that a blob may unfold to: ten times the text of an Application with 10,000
/// resources. Gzip can unfold to a thousand times its size, which would be a quarter of a gigabyte.
pub const MAXIMUM_TEXT_BYTES: usize = 32 * 1024 * 1024;

/// Why a status could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationStateError {
    /// The blob is larger than the existing system accepts.
    #[error(
        "the Application's status takes {bytes} bytes compressed of the {MAXIMUM_COMPRESSED_BYTES} \
         that are stored: split the deployment, so that each has fewer resources"
    )]
    TooLarge {
        /// Size of the blob.
        bytes: usize,
    },
    /// The blob unfolds to more than a status can be.
    #[error(
        "the stored status of the Application unfolds to more than {MAXIMUM_TEXT_BYTES} bytes: \
         the row is damaged; delete it, and the agent writes it anew"
    )]
    Overlong,
    /// The blob is not gzip of such a text.
    #[error(
        "the stored status of the Application cannot be read ({message}): the row is damaged; \
         delete it, and the agent writes it anew"
    )]
    Unreadable {
        /// What the parser said; it quotes none of the text.
        message: String,
    },
    /// The serializer failed.
    #[error("the Application's status cannot be written: {0}")]
    Unwritable(String),
}

/// Writes the blob of a status in Argo CD's JSON spelling; equal statuses give equal blobs.
pub fn encode(status: &Value) -> Result<Vec<u8>, ApplicationStateError> {
    let unwritable =
        |error: &dyn std::fmt::Display| ApplicationStateError::Unwritable(error.to_string());
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let text = serde_saphyr::to_string_with_options(&lowered(status, Some(&STATUS)), options)
        .map_err(|error| unwritable(&error))?;
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).map_err(|error| unwritable(&error))?;
    let blob = gzip.finish().map_err(|error| unwritable(&error))?;
    if blob.len() > MAXIMUM_COMPRESSED_BYTES {
        return Err(ApplicationStateError::TooLarge { bytes: blob.len() });
    }
    Ok(blob)
}

/// Reads a blob into Argo CD's JSON spelling; no blob, or an empty one, is an empty status.
pub fn decode(blob: Option<&[u8]>) -> Result<Value, ApplicationStateError> {
    let blob = blob.unwrap_or_default();
    if blob.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    read::status(&unfold(blob)?)
}

/// Reduces a status in Argo CD's JSON spelling to the fields that [`decode`] gives back.
///
/// Like Argo CD's own JSON, it omits empty texts and lists, zeros, falses and nulls.
pub fn mirrored(status: &Value) -> Value {
    STATUS.project(status).unwrap_or_else(|| Value::Object(Map::new()))
}

fn unfold(blob: &[u8]) -> Result<String, ApplicationStateError> {
    let mut text = String::new();
    let limit = MAXIMUM_TEXT_BYTES as u64 + 1;
    GzDecoder::new(blob)
        .take(limit)
        .read_to_string(&mut text)
        .map_err(|error| ApplicationStateError::Unreadable { message: error.to_string() })?;
    if text.len() > MAXIMUM_TEXT_BYTES {
        return Err(ApplicationStateError::Overlong);
    }
    Ok(text)
}

/// Maps whose keys are the user's and not names of fields.
const USER_KEYED: [&str; 5] =
    ["labels", "annotations", "commonLabels", "commonAnnotations", "valuesObject"];

/// The same value with the keys of the existing form; fields that no shape knows are kept.
fn lowered(value: &Value, shape: Option<&Shape>) -> Value {
    match value {
        Value::Object(members) => {
            let mut lower = Map::new();
            for (name, member) in members {
                let field = shape.and_then(|shape| shape.field(name));
                let member = match field {
                    _ if USER_KEYED.contains(&name.as_str()) => member.clone(),
                    field => lowered(member, field.map(|field| &field.shape)),
                };
                let key = name.to_lowercase();
                match field.and_then(|field| field.embedded_in) {
                    Some(parent) => embed(&mut lower, parent, key, member),
                    None => {
                        lower.insert(key, member);
                    }
                }
            }
            Value::Object(lower)
        }
        Value::Array(items) => {
            let item_shape = shape.and_then(Shape::item);
            Value::Array(items.iter().map(|item| lowered(item, item_shape)).collect())
        }
        scalar => scalar.clone(),
    }
}

/// Puts a member of an embedded Go struct where yaml.v2 does: under the name of its type.
fn embed(object: &mut Map<String, Value>, parent: &str, key: String, member: Value) {
    let embedded = object.entry(parent).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(embedded) = embedded {
        embedded.insert(key, member);
    }
}

#[cfg(test)]
mod tests;
