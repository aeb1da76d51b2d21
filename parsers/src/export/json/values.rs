//! Values as tools rewrite them, back to the texts that Windows writes.

use serde_json::{Map, Value, json};

use crate::catalog::{self, Decode};
use crate::time::Timestamp;

/// The parts of `System` that forms give in members of their own names.
#[derive(Default)]
pub(super) struct System<'a> {
    pub provider: Option<&'a Value>,
    pub id: Option<&'a Value>,
    pub channel: Option<&'a Value>,
    pub computer: Option<&'a Value>,
    pub record: Option<&'a Value>,
    pub activity: Option<&'a Value>,
    pub process_id: Option<&'a Value>,
    pub time: Option<&'a Value>,
}

impl System<'_> {
    /// The record in the shape of `evtx_dump`; `data` holds `EventData` or `UserData`.
    pub fn with(self, data: Map<String, Value>) -> Value {
        let time = self.time.and_then(time).map(|t| t.to_string());
        let mut event = json!({"System": {
            "Provider": {"#attributes": {"Name": self.provider}},
            "EventID": self.id,
            "Channel": self.channel,
            "Computer": self.computer,
            "EventRecordID": self.record,
            "Correlation": {"#attributes": {"ActivityID": self.activity}},
            "Execution": {"#attributes": {"ProcessID": self.process_id}},
            "TimeCreated": {"#attributes": {"SystemTime": time}},
        }});
        if let Value::Object(members) = &mut event {
            members.extend(data);
        }
        json!({"Event": event})
    }
}

/// A time as ISO 8601, as .NET's `/Date(ms)/`, or as seconds since 1970 with a fraction.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => Timestamp::parse(text).or_else(|| dot_net(text)),
        Value::Number(n) => seconds(&n.to_string()),
        // PowerShell wraps a DateTime that something was added to.
        Value::Object(members) => time(members.get("value").or_else(|| members.get("DateTime"))?),
        _ => None,
    }
}

fn dot_net(text: &str) -> Option<Timestamp> {
    let inside = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let sign = usize::from(inside.starts_with('-'));
    // An offset behind the number tells the zone it was shown in; the number is UTC.
    let digits = inside.get(sign..)?;
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let ms: i64 = inside.get(..sign + end)?.parse().ok()?;
    ms.checked_mul(1_000_000).map(Timestamp)
}

/// Digits, not a float: 1549462715.946133 has more of them than a float keeps apart.
fn seconds(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let mut nanoseconds = 0;
    for digit in digits {
        nanoseconds = nanoseconds * 10 + u32::from(digit.checked_sub(b'0').filter(|d| *d <= 9)?);
    }
    Some(Timestamp::from_unix(whole.parse().ok()?, nanoseconds))
}

/// Values that Windows writes in hexadecimal, and times, come as plain numbers from tools that decode them. Gives such a
/// number the spelling of the record again; everything else stays.
pub(super) fn respell(provider: &str, id: u32, data: &mut Map<String, Value>) {
    let Some(spec) = catalog::lookup(provider, id) else {
        return;
    };
    for (name, value) in data {
        let decode = spec
            .fields
            .iter()
            .find(|f| f.from.split('|').any(|from| from == name))
            .map(|f| f.decode);
        if let Some(decode) = decode {
            *value = respelled(decode, std::mem::take(value));
        }
    }
}

fn respelled(decode: Decode, value: Value) -> Value {
    match (decode, &value) {
        (Decode::Hex | Decode::HexText, Value::Number(n)) => {
            let bits = n.as_u64().or_else(|| n.as_i64().map(i64::cast_unsigned));
            bits.map_or(value, |b| Value::String(format!("{b:#x}")))
        }
        (Decode::Time, Value::Number(n)) if n.is_f64() => {
            time(&value).map_or(value, |t| Value::String(t.to_string()))
        }
        (Decode::Time, Value::String(text)) => {
            dot_net(text).map_or(value, |t| Value::String(t.to_string()))
        }
        _ => value,
    }
}

/// Provider and id of a record in the shape of `evtx_dump`.
pub(super) fn identity(system: &Value) -> Option<(&str, u32)> {
    let provider = system.get("Provider")?;
    let name = provider
        .get("#attributes")
        .unwrap_or(provider)
        .get("Name")?
        .as_str()?;
    let id = system.get("EventID")?;
    Some((name, number(id.get("#text").unwrap_or(id))?))
}

/// A number that may stand in quotes.
pub(super) fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(n) => u32::try_from(n.as_u64()?).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Bytes as the hex that Windows writes: from base64, from `01-02-0A`, or already so.
pub(super) fn hex(text: &str) -> Option<String> {
    let plain: String = text
        .chars()
        .filter(|c| *c != '-' && !c.is_whitespace())
        .collect();
    if plain.len().is_multiple_of(2) && plain.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Some(plain);
    }
    base64(text).map(|bytes| bytes.iter().map(|b| format!("{b:02X}")).collect())
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim().trim_end_matches('=');
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for c in digits.bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(six)) & 0xFFFF;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xFF).unwrap_or_default());
        }
    }
    Some(bytes)
}
