//! Automata over the digits of national numbers.

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
    pattern: PikeVM,
    /// Says quickly that a number does not begin with the prefix, which is so for nearly all.
    first: Automaton,
    /// What takes the place of the match, with `$1` for its first group; nothing where it is left out.
    rewrite: Option<&'static str>,
}

impl NationalPrefix {
    pub(super) fn new(pattern: &str, rewrite: Option<&'static str>) -> Self {
        Self {
            pattern: PikeVM::builder().syntax(digits()).build(pattern).expect("a test compiles all patterns"),
            first: Automaton::new(&[pattern.to_owned()]),
            rewrite,
        }
    }

    /// `national` without the prefix, if it begins with one.
    pub(super) fn strip(&self, national: &str) -> Option<String> {
        self.begins(national).then_some(())?;
        let (mut cache, mut captures) = (self.pattern.create_cache(), self.pattern.create_captures());
        self.pattern.captures(&mut cache, Input::new(national).anchored(Anchored::Yes), &mut captures);
        let end = captures.get_match().filter(|found| !found.is_empty())?.end();
        let last = captures.get_group(captures.group_len() - 1).filter(|_| captures.group_len() > 1);
        let replacement = match (self.rewrite, last) {
            (Some(rewrite), Some(_)) => {
                let mut text = String::new();
                captures.interpolate_string_into(national, &braced(rewrite), &mut text);
                text
            }
            _ => String::new(),
        };
        Some(replacement + &national[end..])
    }

    /// Whether the pattern matches one or more of the first digits.
    fn begins(&self, national: &str) -> bool {
        let states = national.bytes().scan(self.first.start, |state, digit| {
            *state = self.first.step(*state, digit)?;
            Some(*state)
        });
        states.into_iter().any(|state| self.first.matches(Some(state)).next().is_some())
    }
}

/// `$1` means the first group, whatever digits follow it.
fn braced(rewrite: &str) -> String {
    (1..=2).fold(rewrite.to_owned(), |text, group| text.replace(&format!("${group}"), &format!("${{{group}}}")))
}

fn digits() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}
