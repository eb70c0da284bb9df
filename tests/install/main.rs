//! What an installation is made of: the image, the chart, and the kustomizations. Each is applied to the
//! cluster of a [testbed](../../testbed/README.md), where this test plays the kubelet.
//!
//! The image is that of `E2E_STATIC_PROGRAM`, a file that `deploy/image compile` has made. What needs a
//! cluster runs only if `E2E=cluster` is set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(unreachable_pub, reason = "these modules belong to a binary, not a library")]

mod archive;
mod cluster;
mod container;
mod documents;
#[path = "../harness/mod.rs"]
mod harness;
mod image;
mod kubelet;
mod manifests;
mod name_server;
mod on_a_cluster;
mod pod;
#[path = "../process/mod.rs"]
mod process;
#[allow(dead_code, reason = "shared with the end-to-end ring")]
#[path = "../e2e/repository.rs"]
mod repository;
mod sbom;
mod tenant;
mod volumes;
