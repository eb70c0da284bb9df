# Shared by the commands of this folder: which source this is.
# shellcheck shell=bash

# What fails within $(…) fails outside as well.
shopt -s inherit_errexit

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
  echo "deploy/$(basename "$0"): $*" >&2
  exit 1
}

# of_package FIELD: what Cargo.toml says of the whole workspace.
of_package() { sed -n "/^\[workspace.package\]/,/^\$/s/^$1 = \"\(.*\)\"/\1/p" "$top/Cargo.toml"; }

# The commit, marked if files differ from it.
commit() {
  [ -z "${MANAGED_GITOPS_COMMIT:-}" ] || { echo "$MANAGED_GITOPS_COMMIT" && return; }
  git -C "$top" describe --always --abbrev=40 --exclude '*' --dirty 2>/dev/null ||
    fail "this is no clone: set MANAGED_GITOPS_COMMIT to the commit"
}

# When it was committed, in seconds: what is built from one commit has one date.
committed() {
  [ -z "${SOURCE_DATE_EPOCH:-}" ] || { echo "$SOURCE_DATE_EPOCH" && return; }
  local commit
  commit=$(commit)
  git -C "$top" log -1 --format=%ct "${commit%-dirty}" 2>/dev/null ||
    fail "there is no commit $commit here: set SOURCE_DATE_EPOCH to its date in seconds"
}

# rfc3339 SECONDS
rfc3339() { date --utc --date "@$1" +%Y-%m-%dT%H:%M:%SZ; }
