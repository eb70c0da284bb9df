//! A stand-in for Argo CD.
