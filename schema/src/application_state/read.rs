//! Reading the YAML of a blob by the shape that each field has.
//!
//! Guided by the shape and not by the text: a revision consisting only of digits is a text, even
//! without quotes.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::shape::{self, STATUS, Shape};
use super::{ApplicationStateError, MAXIMUM_TEXT_BYTES};

/// Mappings, sequences and scalars of one text: 100,000 resources.
const MAXIMUM_NODES: usize = 4_000_000;

pub(super) fn status(text: &str) -> Result<Value, ApplicationStateError> {
    let options = serde_saphyr::options! {
        // An error must not contain a snippet of the text.
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_nodes: MAXIMUM_NODES,
            // A node has at most a start and an end.
            max_events: 2 * MAXIMUM_NODES,
            max_total_scalar_bytes: MAXIMUM_TEXT_BYTES,
            // The writer emits none; without them text cannot grow while it is read.
            max_anchors: 0,
            max_aliases: 0,
        },
    };
    let Status(status) = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| ApplicationStateError::Unreadable { message: error.to_string() })?;
    Ok(status)
}

struct Status(Value);

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let status = Shaped(&STATUS).deserialize(deserializer)?;
        Ok(Self(status.unwrap_or_else(|| STATUS.empty())))
    }
}

/// Reads one value of a shape; nothing if it should be omitted.
#[derive(Clone, Copy)]
struct Shaped(&'static Shape);

impl<'de> DeserializeSeed<'de> for Shaped {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Shaped {
    type Value = Option<Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Shape::Text => "a text",
            Shape::Flag => "true or false",
            Shape::Number | Shape::NumberPointer => "a number",
            Shape::Time => "a time",
            Shape::List(_) => "a list",
            Shape::Labels | Shape::Object(_) => "a mapping",
        })
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            Shape::Text => {
                let text = String::deserialize(deserializer)?;
                Ok(shape::kept_text(&text))
            }
            Shape::Flag => Ok(bool::deserialize(deserializer)?.then_some(Value::Bool(true))),
            Shape::Number => {
                let number = i64::deserialize(deserializer)?;
                Ok((number != 0).then(|| Value::from(number)))
            }
            Shape::NumberPointer => Ok(Some(Value::from(i64::deserialize(deserializer)?))),
            Shape::Time => deserializer.deserialize_any(TimeVisitor),
            Shape::List(_) => deserializer.deserialize_seq(self),
            Shape::Labels => {
                let labels =
                    std::collections::BTreeMap::<String, String>::deserialize(deserializer)?;
                let labels = labels.into_iter().map(|(key, label)| (key, Value::String(label)));
                Ok(shape::kept_labels(labels.collect()))
            }
            Shape::Object(_) => deserializer.deserialize_map(self),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let Some(item) = self.0.item() else {
            return Err(A::Error::custom("a list stands where there should be none"));
        };
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(Shaped(item))? {
            values.push(value.unwrap_or_else(|| item.empty()));
        }
        Ok(shape::kept_list(values.into_iter()))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        read_members(self.0, members, &mut object)?;
        Ok(Some(Value::Object(object)))
    }
}

/// Reads the members of an object, and those of what is embedded in it, into one map.
fn read_members<'de, A: MapAccess<'de>>(
    shape: &'static Shape,
    mut members: A,
    object: &mut Map<String, Value>,
) -> Result<(), A::Error> {
    while let Some(key) = members.next_key::<String>()? {
        if let Some(field) = shape.field_of_key(&key) {
            if let Some(value) = members.next_value_seed(Shaped(&field.shape))? {
                object.insert(field.name.to_owned(), value);
            }
        } else if shape.embeds(&key) {
            members.next_value_seed(Embedded { shape, object })?;
        } else {
            members.next_value::<IgnoredAny>()?;
        }
    }
    Ok(())
}

/// Reads a nested mapping whose members belong to the object around it.
struct Embedded<'a> {
    shape: &'static Shape,
    object: &'a mut Map<String, Value>,
}

impl<'de> DeserializeSeed<'de> for Embedded<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Embedded<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a mapping")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        read_members(self.shape, members, self.object)
    }
}

/// A time is a text, or a mapping with the one key `time`: which of the two Go writes depends on
/// the version of its libraries.
struct TimeVisitor;

impl<'de> Visitor<'de> for TimeVisitor {
    type Value = Option<Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a time, or a mapping with the key `time`")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, time: &str) -> Result<Self::Value, E> {
        Ok(shape::kept_time(time))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut time = None;
        while let Some(key) = members.next_key::<String>()? {
            if key == "time" {
                time = members.next_value_seed(Shaped(&Shape::Time))?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(time)
    }
}
