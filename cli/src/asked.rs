//! What was asked for, as the analyzer takes it.

use rdpwhy_analyzer::Options;
use rdpwhy_analyzer::timeline::Filter;
use rdpwhy_parsers::Timestamp;

use crate::args::Only;
use crate::span::Span;

/// Connections of this span of time and of those who were asked for; nothing else is limited.
pub fn options(span: &Span, only: &Only) -> Options {
    Options {
        since: span.since.map(moment),
        until: span.until.map(moment),
        host: only.host.clone(),
        client: only.client.clone(),
        server: only.server.clone(),
        user: only.user.clone(),
        zone: span.zone.clone(),
        ..Options::default()
    }
}

/// Events are shown of what attempts are shown of.
pub fn filter(options: &Options) -> Filter {
    Filter {
        since: options.since,
        until: options.until,
        host: options.host.clone(),
        client: options.client.clone(),
        server: options.server.clone(),
        user: options.user.clone(),
        ..Filter::default()
    }
}

/// Beyond what nanoseconds can count there is no event either, so a saturated end is an open one.
pub(crate) fn moment(t: jiff::Timestamp) -> Timestamp {
    Timestamp(
        i64::try_from(t.as_nanosecond()).unwrap_or(if t.as_second() < 0 {
            i64::MIN
        } else {
            i64::MAX
        }),
    )
}
