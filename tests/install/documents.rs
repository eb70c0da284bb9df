//! `docs/installing.md`, word by word.

use std::path::Path;
use std::process::Command;

use crate::cluster::{Cluster, REGISTRY};
use crate::tenant::Tenant;

/// Removes what the document makes on the server.
const FORGET: [&str; 2] =
    ["DROP DATABASE IF EXISTS managed_gitops WITH (FORCE)", "DROP ROLE IF EXISTS managed_gitops"];

/// A command of a document, and what it prints: `…` stands for anything within a line, and alone in a
/// line for any lines.
struct Step {
    command: String,
    output: Vec<String>,
}

/// The commands of the blocks of a document that show what they print.
fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_inside = false;
    let mut is_command = false;
    for line in document.lines() {
        match line {
            "```console" => is_inside = true,
            "```" => is_inside = false,
            _ if !is_inside => {}
            _ => {
                if let Some(command) = line.strip_prefix("$ ") {
                    steps.push(Step { command: command.to_owned(), output: Vec::new() });
                    is_command = true;
                } else {
                    let step = steps.last_mut().unwrap();
                    if is_command {
                        step.command.push('\n');
                        step.command.push_str(line);
                    } else {
                        step.output.push(line.to_owned());
                    }
                }
                is_command = is_command && is_continued(&steps.last().unwrap().command);
            }
        }
    }
    steps
}

/// Whether the next line belongs to a command.
fn is_continued(command: &str) -> bool {
    let is_open = command.contains("<<EOF") && !command.ends_with("\nEOF");
    command.ends_with('\\') || is_open
}

/// Whether what was printed is what the document says.
fn matches(wanted: &[String], printed: &[&str]) -> bool {
    match wanted.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && matches(rest, others)),
    }
}

fn line_matches(wanted: &str, printed: &str) -> bool {
    let mut rest = printed.trim_end();
    let mut parts = wanted.trim_end().split('…');
    let Some(after) = parts.next().and_then(|start| rest.strip_prefix(start)) else { return false };
    rest = after;
    let mut is_open = false;
    for part in parts {
        let Some(position) = rest.find(part) else { return false };
        rest = &rest[position + part.len()..];
        is_open = part.is_empty();
    }
    rest.is_empty() || is_open
}

#[test]
fn outputs_are_compared_with_gaps() {
    let wanted = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&wanted("a\n…\nz"), &["a", "b", "c", "z"]));
    assert!(matches(&wanted("…\nz"), &["z"]));
    assert!(!matches(&wanted("a\n…\nz"), &["a", "b"]));
    assert!(!matches(&wanted("a"), &["a", "b"]));
    assert!(line_matches("name   …", "name   12s"));
    assert!(line_matches("pod-… is up", "pod-x1 is up"));
    assert!(!line_matches("pod-… is up", "pod-x1 is down"));
    assert!(!line_matches("name", "names"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_on_installing_is_right() {
    let Some(cluster) = Cluster::shared().await else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("docs/installing.md")).unwrap();
    let steps = steps(&document);
    assert!(steps.len() > 10, "it has commands");
    // As on a cluster and a server that have never seen the program.
    let definitions = root.join("deploy/kustomize/common/crds.yaml").display().to_string();
    cluster.kubectl(&["delete", "--ignore-not-found", "-f", &definitions]);
    cluster.execute(&FORGET).await;
    let tenant = Tenant::create(&cluster.client).await;
    let mut environment = cluster.server().to_vec();
    environment.extend([
        ("KUBECONFIG", cluster.kubeconfig.display().to_string()),
        ("PATH", cluster.path()),
        ("PASSWORD", uuid::Uuid::new_v4().simple().to_string()),
        ("REGISTRY", REGISTRY.to_owned()),
        ("REPOSITORY", tenant.repository().to_owned()),
    ]);
    for Step { command, output } in steps {
        let mut bash = Command::new("bash");
        bash.current_dir(root).args(["-ec", &command]).envs(environment.clone());
        let done = tokio::task::spawn_blocking(move || bash.output().unwrap()).await.unwrap();
        let (printed, errors) =
            (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success(), "{command}\nfailed: {errors}\n{}", cluster.logs());
        let lines: Vec<&str> = printed.trim_end().lines().collect();
        assert!(matches(&output, &lines), "{command}\nprinted: {printed}\nnot: {output:#?}");
    }
    tenant.leave().await;
    cluster.remove().await;
    cluster.execute(&FORGET).await;
    cluster.leave().await;
}
