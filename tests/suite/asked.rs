//! What is asked for: attempts of one user, client, server or span of time.

use serde_json::Value;

use crate::case::named;
use crate::program::{list, number, rdpwhy, text};

/// What is not asked for is not told of: neither as attempt nor in the sums.
#[test]
fn attempts_outside_what_is_asked_are_left_out() {
    let folder = named("showcase").evidence.laid_out();
    let path = folder.path().to_str().unwrap();
    let asked = |more: &[&str]| {
        let basic = ["diagnose", path, "--format", "json"];
        rdpwhy(&[&basic[..], more].concat()).report()
    };
    let all = asked(&[]);
    let users = |r: &Value| -> Vec<String> {
        let attempts = list(r, "/attempts").iter();
        attempts.map(|a| text(a, "/user").to_owned()).collect()
    };
    let mut names = users(&all);
    names.sort();
    names.dedup();
    let user = names.iter().find(|n| !n.is_empty()).expect("a user");
    let one = asked(&["--user", user]);
    let theirs = list(&one, "/attempts").len();
    assert!(
        theirs > 0 && theirs < list(&all, "/attempts").len(),
        "{names:?}"
    );
    assert_eq!(number(&one, "/summary/attempts"), theirs as u64);
    // What is thought of them rests on all the evidence, as before.
    let thought = |r: &Value| -> Vec<(String, String)> {
        let verdicts = list(r, "/verdicts").iter();
        let each = verdicts.map(|v| {
            (
                text(v, "/cause").to_owned(),
                text(v, "/confidence").to_owned(),
            )
        });
        each.collect()
    };
    for v in thought(&one) {
        assert!(thought(&all).contains(&v), "{v:?}");
    }
    let none = asked(&["--user", "nobody-of-this-name"]);
    assert!(list(&none, "/attempts").is_empty(), "{none:#}");
    assert_eq!(number(&none, "/summary/failed"), 0);
}
