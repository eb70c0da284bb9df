//! The options of reads and writes, and what the server rejects in them.

use super::failure::{Cause, Failure};
use super::request::{Parameters, Request};
use super::rules::FieldValidation;

/// The options that all writes share.
#[derive(Debug, Clone)]
pub(super) struct WriteOptions {
    pub(super) dry_run: bool,
    pub(super) manager: String,
    pub(super) validation: FieldValidation,
    pub(super) force: bool,
    /// The object is the result of a patch, which error messages mention.
    pub(super) patched: bool,
}

impl WriteOptions {
    /// Reads the options of a `CreateOptions` or the like from the query.
    pub(super) fn read(
        request: &Request,
        parameters: &Parameters,
        kind: &str,
    ) -> Result<Self, Failure> {
        let mut causes: Vec<Cause> = check_dry_run(parameters.get("dryRun")).into_iter().collect();
        let validation = match parameters.get("fieldValidation") {
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            None | Some("Warn") => FieldValidation::Warn,
            Some(other) => {
                let supported = ["", "Ignore", "Strict", "Warn"];
                causes.push(Cause::unsupported("fieldValidation", &other.into(), &supported));
                FieldValidation::Warn
            }
        };
        let patched = kind == "PatchOptions";
        let applies = request.media_type() == "application/apply-patch+yaml";
        if patched && applies && parameters.get("fieldManager").is_none() {
            causes.push(Cause::required("fieldManager", "is required for apply patch"));
        }
        if patched && !applies && parameters.get("force").is_some() {
            causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
        }
        if !causes.is_empty() {
            return Err(Failure::invalid_options(kind, &causes));
        }
        let agent = request.user_agent.split('/').next().unwrap_or_default();
        Ok(Self {
            dry_run: parameters.get("dryRun").is_some(),
            manager: parameters.get("fieldManager").unwrap_or(agent).to_owned(),
            validation,
            force: parameters.flag("force"),
            patched: patched && !applies,
        })
    }

    /// The options of the server's own writes.
    pub(super) fn internal() -> Self {
        Self {
            dry_run: false,
            manager: "sandbox".to_owned(),
            validation: FieldValidation::Ignore,
            force: true,
            patched: false,
        }
    }
}

/// Refuses a dry run of anything but all stages.
pub(super) fn check_dry_run(stage: Option<&str>) -> Option<Cause> {
    let stage = stage.filter(|&stage| stage != "All")?;
    Some(Cause::unsupported("dryRun", &serde_json::json!([stage]), &["All"]))
}

/// Refuses options that a list cannot have.
pub(super) fn check_list(parameters: &Parameters) -> Result<(), Failure> {
    parameters.number("timeoutSeconds")?;
    let mut causes = Vec::new();
    let field = "resourceVersionMatch";
    let version = parameters.get("resourceVersion");
    if let Some(wanted) = parameters.get(field) {
        if version.is_none() {
            let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            causes.push(Cause::forbidden(field, detail));
        }
        if !matches!(wanted, "Exact" | "NotOlderThan") {
            let supported = ["Exact", "NotOlderThan", ""];
            causes.push(Cause::unsupported(field, &wanted.into(), &supported));
        }
        if wanted == "Exact" && version == Some("0") {
            let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            causes.push(Cause::forbidden(field, detail));
        }
    }
    if parameters.get("sendInitialEvents").is_some() {
        let detail = "sendInitialEvents is forbidden for list";
        causes.push(Cause::forbidden("sendInitialEvents", detail));
    }
    refuse_list_options(&causes)
}

/// Refuses options that a watch cannot have.
pub(super) fn check_watch(parameters: &Parameters) -> Result<(), Failure> {
    let mut causes = Vec::new();
    let field = "resourceVersionMatch";
    let wanted = parameters.get(field);
    if parameters.get("sendInitialEvents").is_some() {
        if wanted != Some("NotOlderThan") {
            let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            causes.push(Cause::forbidden(field, detail));
        }
    } else if wanted.is_some() {
        let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is \
                      provided";
        causes.push(Cause::forbidden(field, detail));
    }
    if let Some(wanted) = wanted.filter(|&wanted| wanted != "NotOlderThan") {
        causes.push(Cause::unsupported(field, &wanted.into(), &["NotOlderThan"]));
    }
    refuse_list_options(&causes)
}

fn refuse_list_options(causes: &[Cause]) -> Result<(), Failure> {
    if causes.is_empty() { Ok(()) } else { Err(Failure::invalid_options("ListOptions", causes)) }
}
