use super::*;

const NAMES: [&str; 6] = [
    "user",
    "client_ip",
    "status",
    "client_port",
    "domain",
    "logon_type",
];

fn field(n: usize) -> Field {
    Field::named(NAMES[n % NAMES.len()]).unwrap_or_else(|| panic!("{n}"))
}

fn all<'a>(values: &'a Values, places: &[Place]) -> Vec<Vec<(Field, Value<'a>)>> {
    places.iter().map(|p| values.of(*p).collect()).collect()
}

/// Values of every form, by number.
fn value(n: usize, text: &str) -> Value<'_> {
    match n % 8 {
        0 => Value::Int(7),
        1 => Value::Int(0xC000_006A),
        2 => Value::Int(-1),
        3 => Value::Int(i64::MAX),
        4 => Value::Flag(true),
        5 => Value::Ip(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))),
        6 => Value::Ip(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7))),
        _ => Value::Text(text),
    }
}

/// The values of the nth of many events: other fields in another order each time, some of them twice.
fn told(n: usize) -> Vec<(Field, usize, String)> {
    let count = n % 7;
    (0..count)
        .map(|i| {
            (
                field(n / 3 + i * 5),
                n / 2 + i * 3,
                format!("name {}", (n + i) % 90),
            )
        })
        .collect()
}

fn filled(range: std::ops::Range<usize>) -> (Values, Vec<Place>) {
    let mut values = Values::default();
    let places = range.map(|n| {
        let mut place = values.next();
        for (field, kind, text) in told(n) {
            values.add(&mut place, field, value(kind, &text));
        }
        place
    });
    let places = places.collect();
    (values, places)
}

fn expected(n: usize) -> Vec<(Field, String)> {
    let mut kept: Vec<(Field, String)> = Vec::new();
    for (field, kind, text) in told(n) {
        if kept.iter().all(|(f, _)| *f != field) {
            kept.push((field, format!("{:?}", value(kind, &text))));
        }
    }
    kept
}

fn shown(values: &Values, place: Place) -> Vec<(Field, String)> {
    values
        .of(place)
        .map(|(f, v)| (f, format!("{v:?}")))
        .collect()
}

#[test]
fn few_events_and_many_come_out_as_they_went_in() {
    let (values, places) = filled(0..5000);
    assert!(places.iter().any(|p| p.own().is_some()));
    assert!(places.iter().any(|p| p.own().is_none()));
    for (n, place) in places.iter().enumerate() {
        assert_eq!(shown(&values, *place), expected(n), "{n}");
        for (field, _, _) in told(n) {
            let first = expected(n).into_iter().find(|(f, _)| *f == field);
            let got = values.get(*place, field).map(|v| format!("{v:?}"));
            assert_eq!(got, first.map(|f| f.1));
        }
    }
    // Texts are kept once, and most values take their four bytes.
    assert!(values.text.len() < 2 * SMALL, "{}", values.text.len());
}

#[test]
fn appended_they_are_the_same() {
    let (mut values, mut places) = filled(0..10);
    for range in [10..12, 12..3000, 3000..3001, 3001..6000] {
        let (other, theirs) = filled(range);
        let mut known = Known::default();
        places.extend(theirs.iter().map(|p| values.take(&other, *p, &mut known)));
    }
    for (n, place) in places.iter().enumerate() {
        assert_eq!(shown(&values, *place), expected(n), "{n}");
    }
}

/// Different numbers for different places.
fn number_of(at: usize, i: usize) -> Value<'static> {
    Value::Int(i64::try_from(at * 16 + i).unwrap_or_default())
}

#[test]
fn when_hardly_two_have_the_same_fields_each_keeps_its_own() {
    let (mut values, _) = filled(0..3000);
    let names: Vec<Field> = Field::all().collect();
    let row = |n: usize| (0..12).map(move |i| (n * (i + 7) + i * i * (1 + n % 5)) % 211);
    let places: Vec<Place> = (0..2000)
        .map(|n| {
            let mut place = values.next();
            for (i, at) in row(n).enumerate() {
                values.add(&mut place, names[at % names.len()], number_of(at, i));
            }
            place
        })
        .collect();
    assert_eq!(values.layouts.len(), MOST_LAYOUTS);
    assert!(places.last().is_some_and(|p| p.own().is_some()));
    for (n, place) in places.iter().enumerate() {
        let mut kept: Vec<(Field, Value<'_>)> = Vec::new();
        for (i, at) in row(n).enumerate() {
            let field = names[at % names.len()];
            if kept.iter().all(|(f, _)| *f != field) {
                kept.push((field, number_of(at, i)));
            }
        }
        assert_eq!(values.of(*place).collect::<Vec<_>>(), kept, "{n}");
    }
}

#[test]
fn what_is_taken_back_leaves_the_rest_alone() {
    let (mut values, mut places) = filled(0..2000);
    let mark = values.mark();
    let before: Vec<_> = places.iter().map(|p| shown(&values, *p)).collect();
    for n in 0..50 {
        let mut place = values.next();
        let text = format!("taken back {n}");
        values.add(&mut place, field(n), Value::Text(&text));
    }
    values.rewind(&mark);
    let mut place = values.next();
    values.add(&mut place, field(0), Value::Text("taken back 3"));
    assert_eq!(
        values.get(place, field(0)),
        Some(Value::Text("taken back 3"))
    );
    let after: Vec<_> = places.iter().map(|p| shown(&values, *p)).collect();
    assert_eq!(before, after);
    values.forget_from(places.split_off(1000)[0]);
    assert_eq!(all(&values, &places).len(), 1000);
    assert_eq!(shown(&values, places[999]), expected(999));
}
