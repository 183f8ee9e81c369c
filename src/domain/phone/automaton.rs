//! Automata over the digits of national numbers.

use std::borrow::Cow;

use regex_automata::{
    Anchored, Input, MatchKind,
    dfa::{Automaton as _, StartKind, dense},
    nfa::thompson::pikevm::PikeVM,
    util::{primitives::StateID, syntax},
};

/// Several regular expressions, matched in one pass.
pub(super) struct Automaton {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
}

impl Automaton {
    /// Compiles `patterns`, which must be valid.
    pub(super) fn new(patterns: &[String]) -> Self {
        let dfa = dense::Builder::new()
            .configure(dense::Config::new().match_kind(MatchKind::All).start_kind(StartKind::Anchored))
            .syntax(digits())
            .build_many(patterns)
            .expect("a test compiles all patterns");
        let start = dfa.start_state_forward(&Input::new("").anchored(Anchored::Yes)).expect("it is anchored");
        Self { dfa, start }
    }

    /// The state after `digits`; none if no pattern matches anything that begins with them.
    pub(super) fn walk(&self, digits: &str) -> Option<StateID> {
        digits.bytes().try_fold(self.start, |state, digit| self.step(state, digit))
    }

    fn step(&self, state: StateID, digit: u8) -> Option<StateID> {
        let next = self.dfa.next_state(state, digit);
        (!self.dfa.is_dead_state(next)).then_some(next)
    }

    /// The length of the longest match at the beginning of `digits`; none if nothing or only an empty text matches.
    fn longest_match(&self, digits: &str) -> Option<usize> {
        let states = digits.bytes().scan(self.start, |state, digit| {
            *state = self.step(*state, digit)?;
            Some(*state)
        });
        let matched = states.zip(1..).filter(|(state, _)| self.matches(Some(*state)).next().is_some());
        matched.last().map(|(_, length)| length)
    }

    /// The states that one more digit leads to.
    pub(super) fn next(&self, state: StateID) -> impl Iterator<Item = StateID> {
        (b'0'..=b'9').filter_map(move |digit| self.step(state, digit))
    }

    /// The patterns, by their indices, that match all digits up to `state`.
    pub(super) fn matches(&self, state: Option<StateID>) -> impl Iterator<Item = usize> {
        let end = state.map(|state| self.dfa.next_eoi_state(state)).filter(|end| self.dfa.is_match_state(*end));
        end.into_iter()
            .flat_map(move |end| (0..self.dfa.match_len(end)).map(move |at| self.dfa.match_pattern(end, at).as_usize()))
    }
}

/// What callers inside a country dial before a number, such as `0`, and what becomes of it abroad.
pub(super) struct NationalPrefix {
    prefix: Automaton,
    rewrite: Option<Rewrite>,
}

/// What takes the place of the prefix where it is not left out.
struct Rewrite {
    pattern: PikeVM,
    /// With `$1` for the first group of the pattern.
    replacement: &'static str,
}

impl NationalPrefix {
    pub(super) fn new(pattern: &str, replacement: Option<&'static str>) -> Self {
        let rewrite = replacement.map(|replacement| Rewrite {
            pattern: PikeVM::builder().syntax(digits()).build(pattern).expect("a test compiles all patterns"),
            replacement,
        });
        Self { prefix: Automaton::new(&[pattern.to_owned()]), rewrite }
    }

    /// `national` without the prefix, if it begins with one.
    pub(super) fn strip<'n>(&self, national: &'n str) -> Option<Cow<'n, str>> {
        let end = self.prefix.longest_match(national)?;
        let replaced = self.rewrite.as_ref().and_then(|rewrite| rewrite.apply(national));
        Some(replaced.map_or(Cow::Borrowed(&national[end..]), Cow::Owned))
    }
}

impl Rewrite {
    /// `national` with the prefix replaced, if the last group of the pattern has matched, as in the library.
    fn apply(&self, national: &str) -> Option<String> {
        let (mut cache, mut captures) = (self.pattern.create_cache(), self.pattern.create_captures());
        self.pattern.captures(&mut cache, Input::new(national).anchored(Anchored::Yes), &mut captures);
        captures.get_group(captures.group_len().checked_sub(1).filter(|last| *last > 0)?)?;
        let mut text = String::new();
        captures.interpolate_string_into(national, &braced(self.replacement), &mut text);
        Some(text + &national[captures.get_match()?.end()..])
    }
}

/// `$1` means the first group, whatever digits follow it.
fn braced(rewrite: &str) -> String {
    (1..=2).fold(rewrite.to_owned(), |text, group| text.replace(&format!("${group}"), &format!("${{{group}}}")))
}

fn digits() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}
