//! Whether a RST comes from the end it names. Firewalls, intrusion prevention and NAT routers reset connections in the name of
//! both ends, and small things give them away.

use super::endpoint::{Endpoint, TTL_STEP};
use super::flow::Signal;

/// How far an IP identification may be from the last one seen where it counts up.
const ID_REACH: u16 = 1024;
/// Steps after which it does count up.
const COUNTS_UP: u32 = 3;
/// How far from its own a RST's sequence number may be: a window without scaling.
const SEQUENCE_REACH: u32 = 1 << 16;
/// Points that make a forgery. One sign that cannot be innocent, or two that hardly are.
const ENOUGH: u32 = 2;

/// Why a RST does not come from the end it names, if it does not. `usual`: the TTL of that end's other packets.
pub(crate) fn forged(rst: &Signal, end: &Endpoint, usual: Option<u8>) -> Option<String> {
    let signs = [
        ttl(rst, end, usual),
        identification(rst, end),
        went_on(rst, end),
        sequence(rst, end),
    ];
    let points: u32 = signs.iter().flatten().map(|(points, _)| points).sum();
    let why: Vec<_> = signs.into_iter().flatten().map(|(_, why)| why).collect();
    (points >= ENOUGH).then(|| why.join(", "))
}

fn ttl(rst: &Signal, end: &Endpoint, usual: Option<u8>) -> Option<(u32, String)> {
    let usual = usual.filter(|u| *u != rst.ttl && !end.had_ttl(rst.ttl))?;
    let points = if usual.abs_diff(rst.ttl) >= TTL_STEP {
        2
    } else {
        1
    };
    Some((
        points,
        format!("ttl {} where this end has {usual}", rst.ttl),
    ))
}

/// Stacks that count give RSTs the next number, or zero where no socket is left.
fn identification(rst: &Signal, end: &Endpoint) -> Option<(u32, String)> {
    let id = rst.id.filter(|id| *id != 0)?;
    let last = end.last_id.filter(|_| end.small_steps >= COUNTS_UP)?;
    let far = id.wrapping_sub(last) > ID_REACH && last.wrapping_sub(id) > ID_REACH;
    far.then(|| {
        (
            1,
            format!("ip id 0x{id:04x} where this end counts at 0x{last:04x}"),
        )
    })
}

fn went_on(rst: &Signal, end: &Endpoint) -> Option<(u32, String)> {
    end.heard
        .is_some_and(|heard| heard > rst.place.time)
        .then(|| (1, "this end went on afterwards".to_owned()))
}

fn sequence(rst: &Signal, end: &Endpoint) -> Option<(u32, String)> {
    is_far(rst, end).then(|| (1, format!("sequence number {} far from its own", rst.seq)))
}

/// Whether a RST's sequence number is none that its end could have sent then.
pub(crate) fn is_far(rst: &Signal, end: &Endpoint) -> bool {
    let Some(next) = rst.next.or(end.next) else {
        return false;
    };
    rst.seq.wrapping_sub(next).wrapping_add(SEQUENCE_REACH) > 2 * SEQUENCE_REACH
}
