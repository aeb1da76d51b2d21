//! `rdpwhy schema`: the shape of all JSON that this program writes, as JSON Schema 2020-12.
//!
//! A schema that speaks of another one refers to it by its URN. What is printed holds those beside it, as bundling of the
//! standard has it, so that one file is enough.

use std::collections::BTreeMap;
use std::io::Write;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value};

use crate::render;
use crate::speaker::{Speaker, Stop};
use crate::{Surroundings, put};

/// Shown below the help.
pub const EXAMPLES: &str = "\
Examples:
  rdpwhy schema                                 which there are
  rdpwhy schema report > report.schema.json
  rdpwhy schema event --strict                  refuses what a later version adds";

/// Name and text of each.
const FILES: [(&str, &str); 10] = [
    ("report", include_str!("../schemas/report.json")),
    ("event", include_str!("../schemas/event.json")),
    ("host", include_str!("../schemas/host.json")),
    ("fleet", include_str!("../schemas/fleet.json")),
    ("sniff", include_str!("../schemas/sniff.json")),
    ("probe", include_str!("../schemas/probe.json")),
    ("diff", include_str!("../schemas/diff.json")),
    ("explain", include_str!("../schemas/explain.json")),
    ("causes", include_str!("../schemas/causes.json")),
    ("progress", include_str!("../schemas/progress.json")),
];

/// `rdpwhy schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Which; all are listed without
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(FILES.map(|(name, _)| name)))]
    pub name: Option<String>,

    /// Refuse members that it does not name
    ///
    /// Later versions add members and take none away: what is to go on with them reads the schema without this.
    #[arg(long, requires = "name")]
    pub strict: bool,
}

/// Runs it and returns the exit status.
pub fn schema(
    args: &Schema,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let text = match &args.name {
        None => list(),
        Some(name) => bundled(name, args.strict).and_then(|s| {
            let text = render::json::pretty(&s);
            text.map_err(|e| e.to_string())
        }),
    };
    let written = text.map_err(Stop::usage).and_then(|text| {
        put(out, text.as_bytes())
            .map_err(|e| Stop::usage(format!("standard output cannot be written: {e}")))
    });
    match written {
        Ok(()) => 0,
        Err(stop) => {
            Speaker { err, surroundings }.error(stop.what);
            stop.status
        }
    }
}

/// All schemas by their URN.
fn all() -> Result<BTreeMap<String, (&'static str, Value)>, String> {
    let read = |(name, text): (&'static str, &str)| {
        let schema: Value =
            serde_json::from_str(text).map_err(|e| format!("schema {name}: {e}"))?;
        let urn = schema["$id"].as_str().unwrap_or_default().to_owned();
        Ok((urn, (name, schema)))
    };
    FILES.into_iter().map(read).collect()
}

fn list() -> Result<String, String> {
    let all = all()?;
    let titles: BTreeMap<&str, &str> = all
        .values()
        .map(|(name, schema)| (*name, schema["title"].as_str().unwrap_or_default()))
        .collect();
    let line = |(name, _): (&str, &str)| format!("{name:<9} {}\n", titles.get(name).unwrap_or(&""));
    Ok(FILES.into_iter().map(line).collect())
}

/// A schema with all that it refers to.
fn bundled(name: &str, strict: bool) -> Result<Value, String> {
    let all = all()?;
    let found = all.iter().find(|(_, (n, _))| *n == name);
    let (own, (_, schema)) = found.ok_or_else(|| format!("there is no schema {name}"))?;
    let mut root = schema.clone();
    let mut beside: BTreeMap<&str, Value> = BTreeMap::new();
    let mut todo = referred(&root);
    while let Some(urn) = todo.pop() {
        if let Some((key, (_, schema))) = all.get_key_value(&urn)
            && urn != *own
            && !beside.contains_key(key.as_str())
        {
            todo.extend(referred(schema));
            beside.insert(key, schema.clone());
        }
    }
    if let Some(members) = root.as_object_mut()
        && !beside.is_empty()
    {
        let defs = members
            .entry("$defs")
            .or_insert_with(|| Value::Object(Map::new()));
        for (urn, schema) in beside {
            defs[urn] = schema;
        }
    }
    if strict {
        close(&mut root);
    }
    Ok(root)
}

/// URNs that a schema refers to.
fn referred(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            let own = own
                .and_then(|r| r.split('#').next())
                .filter(|r| !r.is_empty());
            let below = members.values().flat_map(referred);
            own.map(str::to_owned).into_iter().chain(below).collect()
        }
        Value::Array(items) => items.iter().flat_map(referred).collect(),
        _ => Vec::new(),
    }
}

/// Lets each object hold only what is named.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            let names_members = members.get("properties").is_some_and(Value::is_object)
                && members.get("type").is_some_and(|t| t == "object");
            if names_members && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_refers_to_nothing_outside() {
        for (name, _) in FILES {
            let schema = bundled(name, false).expect(name);
            let inside = |urn: &String| schema["$id"] == **urn || schema["$defs"][urn].is_object();
            let outside: Vec<String> = referred(&schema)
                .into_iter()
                .filter(|r| !inside(r))
                .collect();
            assert_eq!(outside, [""; 0], "{name}");
            assert!(schema["title"].is_string(), "{name}");
        }
    }

    #[test]
    fn a_strict_schema_is_closed_at_every_object() {
        let text = bundled("sniff", true).expect("there").to_string();
        assert_eq!(
            text.matches("\"properties\":{").count(),
            text.matches("\"additionalProperties\":false").count()
        );
    }
}
