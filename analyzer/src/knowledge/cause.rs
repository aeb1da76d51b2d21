//! One root cause, as its data file says it.

use rdpwhy_parsers::{Field, Kind};

use super::condition::Condition;
use crate::named::Name;

/// How sure a verdict is. The order is the order of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Something favours it over each rival, but nobody recorded where an excluding sign would be.
    Possible,
    /// All required signs, every excluding one absent where it would have been recorded.
    Likely,
    /// A side states the reason itself.
    Certain,
}

impl Confidence {
    /// The word of the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// One root cause.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Kebab-case, for ever.
    pub id: String,
    /// First line of the answer.
    pub title: String,
    /// Folder of its file: where a connection breaks.
    pub stage: String,
    /// Who has to act.
    pub side: String,
    /// Whose name the verdict carries: server, client, gateway.
    pub host: String,
    /// failure or remark.
    pub severity: &'static str,
    /// One paragraph with placeholders.
    pub summary: String,
    /// More general causes that this one replaces.
    pub refines: Vec<String>,
    /// Causes that are only its consequence.
    pub explains: Vec<String>,
    /// Never more sure than this.
    pub at_most: Confidence,
    /// Whether it yields 0x904/0x7: yes, no, depends.
    pub yields: String,
    /// What mstsc shows.
    pub mstsc: Option<String>,
    /// Where the facts come from.
    pub references: Vec<String>,
    /// Signs that must all be there.
    pub required: Vec<Sign>,
    /// Signs that strengthen it.
    pub supporting: Vec<Sign>,
    /// Signs that make it impossible.
    pub excluding: Vec<Sign>,
    /// Signs that name it for a host of which the evidence holds no connection.
    pub alone: Vec<Sign>,
    /// What to do.
    pub remedy: Option<Remedy>,
    /// What looks alike.
    pub similar: Vec<Similar>,
}

/// Something that is seen, absent or unknown.
#[derive(Debug, Clone)]
pub struct Sign {
    /// What it says, with `{field}` placeholders.
    pub says: String,
    /// What is looked at.
    pub test: Test,
    /// Whether a side states the reason itself by it.
    pub statement: bool,
    /// The witness that must have been there for the sign to be asked at all: a fact's name.
    pub given: Option<Name>,
}

/// What a sign looks at.
#[derive(Debug, Clone)]
pub enum Test {
    /// A named fact of the attempt.
    Fact(Name, Condition),
    /// Records or packets.
    Event(Box<EventSign>),
    /// One of these.
    Any(Vec<Sign>),
    /// All of these.
    All(Vec<Sign>),
    /// One fact as different recorders tell it: one that would have recorded it and did not outweighs those that are not
    /// there.
    Witnesses(Vec<Sign>),
    /// This must be absent where it would have been recorded.
    Absent(Box<Sign>),
}

/// Records or packets that are looked for.
#[derive(Debug, Clone)]
pub struct EventSign {
    /// Any of these kinds.
    pub kinds: Vec<Kind>,
    /// What their values must be.
    pub values: Vec<(Field, Condition)>,
    /// Where they are looked for.
    pub joined: Joined,
    /// When, around the attempt.
    pub window: Option<Window>,
    /// At least and at most so many.
    pub count: (u64, Option<u64>),
    /// It must be the newest of these kinds, itself included.
    pub among: Vec<Kind>,
    /// Of those, the ones that agree in these fields.
    pub among_same: Vec<Field>,
    /// What it means when nothing is found.
    pub absence: Absence,
}

/// Where records are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// Tied to the attempt by a key or by its moment.
    Attempt,
    /// Any record of the server.
    Server,
    /// Any record of the client.
    Client,
    /// Any record of a gateway.
    Gateway,
    /// Any record of a domain controller.
    Directory,
}

/// When records are looked for, nanoseconds: from the attempt's start plus `from` to its end plus `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Added to the start.
    pub from: i64,
    /// Added to the end.
    pub to: i64,
    /// From which moment both are counted.
    pub around: Around,
}

/// The moments that a window is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Around {
    /// `from` from the start, `to` from the end.
    Both,
    /// Both from the start.
    Start,
    /// Both from the end.
    End,
}

/// What it means when no such record is found though its channel covers the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// It did not happen.
    Proves,
    /// Nothing: the channel or the audit policy is off by default.
    ProvesNothing,
}

/// What to do.
#[derive(Debug, Clone)]
pub struct Remedy {
    /// Where: client, server, gateway, network, directory.
    pub run_on: String,
    /// One sentence.
    pub summary: String,
    /// Lines to paste.
    pub commands: Vec<String>,
    /// What it costs.
    pub risk: String,
    /// How to take it back.
    pub undo: Option<String>,
    /// What shows that it worked.
    pub verify: String,
    /// What in the commands is an example that a person replaces.
    pub ask: Vec<Ask>,
}

/// An example value in a remedy's commands: a script asks for it instead.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Name of the parameter, in letters.
    pub name: String,
    /// As it stands in the commands.
    pub example: String,
    /// What to put there, and where it is found.
    pub says: String,
}

/// A cause that looks alike.
#[derive(Debug, Clone)]
pub struct Similar {
    /// Its id.
    pub cause: String,
    /// What tells them apart.
    pub tell: String,
}
