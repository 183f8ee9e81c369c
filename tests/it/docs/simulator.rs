//! `docs/SIMULATOR.md` lists every magic number and control endpoint.

use verify_gateway::simulator::MAGIC_NUMBERS;

use crate::simulator::Sim;

const DOC: &str = include_str!("../../../docs/SIMULATOR.md");

/// The rows of the table under `heading`.
fn rows(heading: &str) -> Vec<&'static str> {
    let section = DOC.split(&format!("\n## {heading}\n")).nth(1).unwrap_or_else(|| panic!("no section {heading}"));
    let section = section.split("\n## ").next().unwrap();
    section.lines().filter(|line| line.starts_with("| `")).collect()
}

#[test]
fn the_table_of_magic_numbers_is_the_list_of_numbers() {
    let expected: Vec<_> =
        MAGIC_NUMBERS.iter().map(|number| format!("| `{}` | {} |", number.number, number.effect)).collect();
    assert_eq!(rows("Magic numbers"), expected, "the table should be:\n{}", expected.join("\n"));
}

#[tokio::test]
async fn every_control_endpoint_is_described() {
    let index = Sim::start().await.get("/_simulator").await.ok();
    for path in index["control"].as_object().unwrap().keys() {
        assert!(DOC.contains(path.as_str()), "{path}");
    }
}
