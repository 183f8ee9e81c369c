//! What a resource proves of a dispatch: one property at a time, and then with other dispatches.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn echo(timeout_secs: Option<u64>, custom_code: Option<&str>) -> Echo {
    // Any text in the alphabet of digests.
    let digest = |code| serde_json::from_value(format!("{code:A<22}").into()).unwrap();
    Echo { timeout_secs, custom_code: custom_code.map(digest) }
}

/// A dispatch whose resource is created from second 100 to second 200.
fn dispatch(echo: &Echo) -> Expectation<'_> {
    Expectation { echo, is_distinct: false, is_repeatable: true, window: at(100)..=at(200), preexisting: None }
}

/// A resource that was created at second 150.
fn resource(echo: Echo) -> ListedResource<'static> {
    ListedResource { id: Some("a"), created: Some(at(150)), echo, is_partial: false }
}

/// The match of the only dispatch of a target once nothing of it can take effect any more.
fn alone(dispatch: &Expectation<'_>, resource: ListedResource<'_>) -> Match {
    find(dispatch, &[], &[resource], true).0
}

#[test]
fn a_resource_shows_all_that_the_request_asked_for() {
    for (asked, shown, expected) in [
        ((None, None), (None, None), Match::Found(0)),
        ((None, None), (Some(61), None), Match::Found(0)),
        ((Some(60), None), (Some(60), None), Match::Found(0)),
        ((Some(60), None), (Some(61), None), Match::None),
        ((Some(60), None), (None, None), Match::Unknown),
        ((None, Some("x")), (None, Some("x")), Match::Found(0)),
        ((None, Some("x")), (None, Some("y")), Match::None),
        ((None, Some("x")), (None, None), Match::Unknown),
        ((None, None), (None, Some("x")), Match::None),
        ((Some(60), Some("x")), (Some(61), None), Match::None),
    ] {
        let (asked_for, shown_by) = (echo(asked.0, asked.1), echo(shown.0, shown.1));
        assert_eq!(alone(&dispatch(&asked_for), resource(shown_by)), expected, "{asked:?} {shown:?}");
    }
    let nothing = Echo::default();
    let nameless = ListedResource { id: None, ..resource(echo(None, None)) };
    assert_eq!(alone(&dispatch(&nothing), nameless), Match::Unknown);
    let partial = ListedResource { is_partial: true, ..resource(echo(None, None)) };
    assert_eq!(alone(&dispatch(&nothing), partial), Match::Unknown);
}

#[test]
fn a_resource_is_created_in_the_time_of_its_dispatch() {
    let nothing = Echo::default();
    for (created, expected) in [
        (Some(99), Match::None),
        (Some(100), Match::Found(0)),
        (Some(200), Match::Found(0)),
        (Some(201), Match::None),
        (None, Match::Unknown),
    ] {
        let created = ListedResource { created: created.map(at), ..resource(echo(None, None)) };
        assert_eq!(alone(&dispatch(&nothing), created), expected);
    }
    // Without creation times, the resources that existed before are known.
    for (before, expected) in [("a", Match::None), ("b", Match::Found(0))] {
        let before = [before.to_owned()];
        let dispatch = Expectation { preexisting: Some(&before), ..dispatch(&nothing) };
        assert_eq!(alone(&dispatch, ListedResource { created: None, ..resource(echo(None, None)) }), expected);
    }
}

#[test]
fn what_another_dispatch_can_have_made_proves_nothing_before_all_is_over() {
    let (nothing, sixty) = (echo(None, None), echo(Some(60), None));
    let same = || resource(echo(Some(60), None));
    let distinct = |echo| Expectation { is_distinct: true, ..dispatch(echo) };
    let later = || Expectation { window: at(300)..=at(400), ..distinct(&sixty) };
    let once = || Expectation { is_repeatable: false, ..dispatch(&nothing) };
    for (own, others, expected, when_over) in [
        (dispatch(&nothing), vec![], Match::Found(0), Match::Found(0)),
        (dispatch(&nothing), vec![dispatch(&nothing)], Match::Unknown, Match::Found(0)),
        // Only what can be repeated sends again if it does not get the resource.
        (dispatch(&nothing), vec![once()], Match::Unknown, Match::Found(0)),
        (once(), vec![once()], Match::Unknown, Match::Found(0)),
        (once(), vec![once(), dispatch(&nothing)], Match::Unknown, Match::Unknown),
        (once(), vec![], Match::Found(0), Match::Found(0)),
        // A resource with the timeout of another dispatch alone is that one's.
        (dispatch(&nothing), vec![distinct(&sixty)], Match::Unknown, Match::None),
        (dispatch(&nothing), vec![later()], Match::Found(0), Match::Found(0)),
        (distinct(&sixty), vec![dispatch(&nothing)], Match::Found(0), Match::Found(0)),
    ] {
        assert_eq!(find(&own, &others, &[same()], false).0, expected);
        assert_eq!(find(&own, &others, &[same()], true).0, when_over);
        assert_eq!(find(&own, &others, &[], false).0, Match::Unknown);
    }
    // Two that nobody else can have made: the operation took effect twice, and neither is its answer.
    assert_eq!(find(&dispatch(&nothing), &[], &[same(), same()], true), (Match::Unknown, 2));
}
