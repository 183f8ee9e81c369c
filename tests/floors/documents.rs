//! The documents name files, sections and pages that exist.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::root;

/// Every Markdown file of the root, `docs`, the chart and the examples.
fn documents() -> Vec<PathBuf> {
    let mut folders = vec![root().to_owned(), root().join("docs"), root().join("helm/verify-gateway")];
    folders.extend(fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path()));
    let files = folders.iter().filter(|folder| folder.is_dir()).flat_map(|folder| fs::read_dir(folder).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "md")).collect()
}

/// The lines outside fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The anchor of a heading, as forges make it.
fn anchor(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    prose(&text).filter(|line| line.starts_with('#')).map(anchor).collect()
}

/// The targets of the links `[…](TARGET)`.
fn links(text: &str) -> Vec<String> {
    let text = prose(text).collect::<Vec<_>>().join("\n");
    text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().to_owned()).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_section() {
    let mut checked = 0;
    for document in documents() {
        for link in links(&fs::read_to_string(&document).unwrap()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, section) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                document.clone()
            } else {
                document.parent().unwrap().join(file.trim_end_matches('/'))
            };
            assert!(target.exists(), "{}: {link}", document.display());
            assert!(section.is_empty() || anchors(&target).contains(section), "{}: {link}", document.display());
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} links were found");
}

#[test]
fn long_pages_have_a_table_of_contents() {
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        if text.lines().count() < 100 || document.ends_with("CHANGELOG.md") || document.starts_with(root().join("helm"))
        {
            continue;
        }
        let listed = links(&text);
        for heading in prose(&text).filter(|line| line.starts_with("## ")) {
            let anchor = anchor(heading);
            assert!(listed.contains(&format!("#{anchor}")), "{}: no link to {heading}", document.display());
        }
    }
}

/// The files that "Where new things go" names, each with a path from the root of the repository.
#[test]
fn where_new_things_go_names_files_that_exist() {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let section = text.split("\n## Where new things go\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let quoted = section.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = quoted.filter(|word| word.contains('/') && !word.contains(['<', ' ', '{'])).collect();
    assert!(paths.len() > 30, "only {} paths were found", paths.len());
    for path in paths {
        assert!(root().join(path).exists(), "{path}");
    }
}
