//! Decoding of an absent object as an empty one.
//!
//! The existing CRDs let a user omit `spec` entirely, which the status then reports. A type that
//! cannot be decoded is invisible to the program, so an absent (or null) object decodes as the
//! default value instead.

/// Implements serde's traits for a type that derives them with `#[serde(remote = "Self")]`, so
/// that an absent or null value decodes as the default one.
macro_rules! absent_is_default {
    ($kind:ident) => {
        impl<'de> ::serde::Deserialize<'de> for $kind {
            fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Present($kind);
                impl<'de> ::serde::Deserialize<'de> for Present {
                    fn deserialize<D: ::serde::Deserializer<'de>>(
                        from: D,
                    ) -> Result<Self, D::Error> {
                        // The inherent function that `remote` derives, not the trait's.
                        $kind::deserialize(from).map(Present)
                    }
                }
                let present = <Option<Present> as ::serde::Deserialize>::deserialize(from)?;
                Ok(present.map(|present| present.0).unwrap_or_default())
            }
        }

        impl ::serde::Serialize for $kind {
            fn serialize<S: ::serde::Serializer>(&self, into: S) -> Result<S::Ok, S::Error> {
                $kind::serialize(self, into)
            }
        }
    };
}

pub(crate) use absent_is_default;
