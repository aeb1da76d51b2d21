//! What is known of an incident, and how an answer compares with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rdpwhy_analyzer::Knowledge;
use serde_json::Value;

use super::identity::Identity;

/// One end: address and port of a client.
type End = (String, u64);

/// What is known of an incident.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Name of the case.
    pub name: String,
    /// Causes of which one is right; none: no cause may be named.
    pub accept: BTreeSet<String>,
    /// Causes that may be named besides.
    pub also: BTreeSet<String>,
    /// Causes that the right ones refine or explain: what is left to say without the evidence that tells them apart.
    pub general: BTreeSet<String>,
    /// Whether no answer, with one of them among the alternatives, is as good.
    pub inconclusive: bool,
    /// Connections that went well.
    pub healthy: BTreeSet<End>,
    /// Connections that the cause is about; none known: any.
    pub affected: BTreeSet<End>,
}

/// How an answer compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// The right cause, or rightly none.
    Right,
    /// No cause, or only the second best, and what had decided is gone.
    Deprived,
    /// No cause, or only the second best, though what had decided is still there.
    Abstains,
    /// Another cause.
    Wrong,
}

/// The whole comparison.
#[derive(Clone, Debug)]
pub struct Score {
    /// The first verdict's.
    pub answer: Answer,
    /// Whether a cause is named as certain that is not the one.
    pub certain_and_wrong: Vec<String>,
    /// Healthy connections that a failure is said of.
    pub blamed: Vec<End>,
    /// What was named first.
    pub named: String,
}

pub(super) fn list<'a>(value: &'a Value, at: &str) -> &'a [Value] {
    value
        .pointer(at)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

pub(super) fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value
        .pointer(at)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn texts(value: &Value, at: &str) -> BTreeSet<String> {
    list(value, at)
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn client(attempt: &Value) -> End {
    let port = attempt.pointer("/client/port").and_then(Value::as_u64);
    (text(attempt, "/client/ip").to_owned(), port.unwrap_or(0))
}

/// The ends that are known with their port.
fn ends<'a>(attempts: impl Iterator<Item = &'a Value>) -> BTreeSet<End> {
    let known = |(ip, port): &End| !ip.is_empty() && *port > 0;
    attempts.map(client).filter(known).collect()
}

impl Truth {
    /// Of a described case: what its report says, which the suite holds against its `expected.toml`.
    pub fn of_report(name: &str, report: &Value) -> Self {
        let named: BTreeSet<String> = list(report, "/verdicts")
            .iter()
            .map(|v| text(v, "/cause").to_owned())
            .filter(|c| !c.is_empty())
            .collect();
        let first = list(report, "/verdicts")
            .first()
            .map_or("", |v| text(v, "/cause"));
        // What was given up may have been a failure for all that a smaller part of the evidence shows.
        let well = |a: &&Value| text(a, "/outcome") == "ok";
        let healthy = list(report, "/attempts").iter().filter(well).map(client);
        Self {
            name: name.to_owned(),
            accept: named.iter().filter(|c| *c == first).cloned().collect(),
            also: named,
            general: BTreeSet::new(),
            inconclusive: first.is_empty(),
            affected: ends(
                list(report, "/attempts")
                    .iter()
                    .filter(|a| matches!(text(a, "/outcome"), "failed" | "dropped")),
            ),
            healthy: healthy
                .filter(|(ip, port)| !ip.is_empty() && *port > 0)
                .collect(),
        }
    }

    /// Of the lab's captures: label and file.
    pub fn lab(folder: &Path) -> Vec<(Self, String)> {
        let labels: Value =
            serde_json::from_slice(&fs::read(folder.join("labels.json")).unwrap()).unwrap();
        let labels = labels.as_array().unwrap();
        let ends = |label: &Value, group: &str| -> BTreeSet<End> {
            let end = |c: &Value| {
                (
                    text(c, "/client").to_owned(),
                    c["client_port"].as_u64().unwrap_or(0),
                )
            };
            list(label, group)
                .iter()
                .filter(|c| text(c, "/proto") == "tcp")
                .map(end)
                .collect()
        };
        labels
            .iter()
            .map(|l| {
                let truth = Self {
                    name: text(l, "/file").to_owned(),
                    accept: texts(l, "/accept/accept"),
                    also: BTreeSet::new(),
                    general: BTreeSet::new(),
                    inconclusive: l.pointer("/accept/inconclusive_ok") == Some(&Value::Bool(true)),
                    healthy: ends(l, "/healthy"),
                    affected: ends(l, "/affected"),
                };
                (truth, text(l, "/file").to_owned())
            })
            .collect()
    }

    /// Of the made-up incidents in logs: label and folder.
    pub fn logs(folder: &Path) -> Vec<(Self, String)> {
        let labels: Value =
            serde_json::from_slice(&fs::read(folder.join("labels.json")).unwrap()).unwrap();
        list(&labels, "/cases")
            .iter()
            .map(|l| {
                let expected = &l["expected"];
                let role = |role: &str| -> BTreeSet<End> {
                    let of = list(expected, "/attempts")
                        .iter()
                        .filter(|a| text(a, "/role") == role);
                    of.map(client)
                        .filter(|(ip, port)| !ip.is_empty() && *port > 0)
                        .collect()
                };
                let mut also = texts(expected, "/also");
                let hosts = expected["per_host"].as_object();
                for causes in hosts.into_iter().flat_map(|h| h.values()) {
                    also.extend(texts(causes, ""));
                }
                let truth = Self {
                    name: text(l, "/key").to_owned(),
                    accept: texts(expected, "/accept"),
                    also,
                    general: BTreeSet::new(),
                    inconclusive: expected["inconclusive_ok"] == Value::Bool(true),
                    healthy: role("healthy"),
                    affected: role("broken"),
                };
                (truth, text(l, "/folder").to_owned())
            })
            .collect()
    }

    /// With the causes that those refine or explain, directly or by way of others.
    #[must_use]
    pub fn with_general(mut self, knowledge: &Knowledge) -> Self {
        let mut todo: Vec<String> = self.accept.iter().cloned().collect();
        while let Some(cause) = todo.pop().and_then(|id| knowledge.cause(&id)) {
            for next in cause.refines.iter().chain(&cause.explains) {
                if self.general.insert(next.clone()) {
                    todo.push(next.clone());
                }
            }
        }
        self
    }

    /// The same after a variation.
    #[must_use]
    pub fn elsewhere(&self, identity: Identity) -> Self {
        let moved = |ends: &BTreeSet<End>| {
            let end = |(ip, port): &End| {
                let ip = ip
                    .parse()
                    .map_or(ip.clone(), |ip| identity.address(ip).to_string());
                (
                    ip,
                    u16::try_from(*port).map_or(*port, |p| u64::from(identity.port(p))),
                )
            };
            ends.iter().map(end).collect()
        };
        Self {
            healthy: moved(&self.healthy),
            affected: moved(&self.affected),
            ..self.clone()
        }
    }

    /// The same where less is to be seen: whoever asks for what is missing is right, too.
    #[must_use]
    pub fn with_less(mut self) -> Self {
        self.inconclusive = true;
        self
    }

    /// The verdict that answers for the connections in question.
    pub fn answer<'a>(&self, report: &'a Value) -> Option<&'a Value> {
        let attempts: BTreeMap<&str, End> = list(report, "/attempts")
            .iter()
            .map(|a| (text(a, "/id"), client(a)))
            .collect();
        let affected = |v: &Value| {
            let mut ids = list(v, "/attempts").iter().filter_map(Value::as_str);
            ids.any(|id| {
                attempts
                    .get(id)
                    .is_some_and(|end| self.affected.contains(end))
            })
        };
        let counts = |v: &&Value| {
            text(v, "/severity") != "remark" || self.accept.contains(text(v, "/cause"))
        };
        let verdicts = || list(report, "/verdicts").iter().filter(counts);
        verdicts().find(|v| affected(v)).or_else(|| {
            verdicts()
                .next()
                .filter(|_| self.affected.is_empty() || !self.accept.is_empty())
        })
    }

    /// Whether anything is left in the report of the connections that the cause is about.
    pub fn is_told_of(&self, report: &Value) -> bool {
        let told = ends(list(report, "/attempts").iter());
        self.affected.is_empty() || !told.is_disjoint(&self.affected)
    }

    /// Whether the report names what would settle it, where it calls the connections a failure without a cause.
    pub fn asks_for_more(&self, report: &Value) -> bool {
        let unexplained = |v: &&Value| text(v, "/cause").is_empty();
        self.answer(report)
            .filter(unexplained)
            .is_none_or(|v| !list(v, "/missing").is_empty())
    }

    /// Compares an answer with it.
    pub fn score(&self, report: &Value) -> Score {
        let attempts: BTreeMap<&str, &Value> = list(report, "/attempts")
            .iter()
            .map(|a| (text(a, "/id"), a))
            .collect();
        let about = |v: &Value| -> BTreeSet<End> {
            list(v, "/attempts")
                .iter()
                .filter_map(Value::as_str)
                .filter_map(|id| attempts.get(id))
                .map(|a| client(a))
                .collect()
        };
        let right = |cause: &str| self.accept.contains(cause);
        let counts = |v: &&Value| text(v, "/severity") != "remark" || right(text(v, "/cause"));
        let verdicts: Vec<&Value> = list(report, "/verdicts").iter().filter(counts).collect();
        let first = self.answer(report);
        let named = first.map_or("", |v| text(v, "/cause"));
        let listed = first.is_some_and(|v| {
            list(v, "/alternatives")
                .iter()
                .any(|a| right(text(a, "/cause")))
        });
        let answer = if named.is_empty() {
            if self.accept.is_empty() || (self.inconclusive && listed) {
                Answer::Right
            } else {
                Answer::Abstains
            }
        } else if right(named) {
            Answer::Right
        } else if self.also.contains(named) || self.general.contains(named) {
            Answer::Abstains
        } else {
            Answer::Wrong
        };
        let failures = || {
            verdicts
                .iter()
                .filter(|v| text(v, "/severity") == "failure")
        };
        let certain_and_wrong = failures()
            .filter(|v| text(v, "/confidence") == "certain")
            .map(|v| text(v, "/cause").to_owned())
            .filter(|c| {
                ![&self.accept, &self.also, &self.general]
                    .iter()
                    .any(|known| known.contains(c))
            })
            .collect();
        let hurt = failures().filter(|v| {
            !self.also.contains(text(v, "/cause")) && !right(text(v, "/cause"))
                || text(v, "/cause").is_empty()
        });
        let mut blamed: BTreeSet<End> = hurt.flat_map(|v| about(v)).collect();
        let bad = |a: &&Value| matches!(text(a, "/outcome"), "failed" | "dropped");
        blamed.extend(list(report, "/attempts").iter().filter(bad).map(client));
        Score {
            answer,
            certain_and_wrong,
            blamed: blamed.intersection(&self.healthy).cloned().collect(),
            named: named.to_owned(),
        }
    }
}
