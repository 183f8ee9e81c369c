//! Inside a room, no files import each other in a circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::{files, source};

/// A module path below the crate, such as `["simulator", "http"]`. The crate itself is empty.
type ModulePath = Vec<String>;

/// What a file imports, as absolute paths, and what it re-exports, by name.
#[derive(Default)]
struct Imports {
    paths: BTreeSet<ModulePath>,
    reexports: BTreeMap<String, ModulePath>,
}

fn module_of(file: &Path) -> ModulePath {
    let inside = file.strip_prefix(source()).unwrap().with_extension("");
    let path: ModulePath = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if path == ["lib"] { Vec::new() } else { path }
}

/// Every path of a use tree, such as `a::{b, c::D}`, and the text after the tree.
fn expand(tree: &str, prefix: &ModulePath, found: &mut Vec<ModulePath>) -> usize {
    let mut path = prefix.clone();
    let mut at = 0;
    loop {
        let rest = &tree[at..];
        if rest.starts_with('{') {
            at += 1;
            loop {
                at += tree[at..].len() - tree[at..].trim_start_matches([',', ' ', '\n']).len();
                if tree[at..].starts_with('}') {
                    return at + 1;
                }
                at += expand(&tree[at..], &path, found);
            }
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            // A glob, or the end of the file.
            found.push(path);
            return at + usize::from(rest.starts_with('*'));
        }
        path.push(rest[..end].to_owned());
        at += end;
        let Some(after) = tree[at..].strip_prefix("::") else {
            found.push(path);
            let alias = tree[at..].strip_prefix(" as ").unwrap_or_default();
            let alias = alias.find(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |end| " as ".len() + end);
            return at + alias;
        };
        if after.starts_with('<') {
            found.push(path);
            return at;
        }
        at += 2;
    }
}

/// `path`, which begins with `crate`, `self` or `super`, seen from `module`.
fn absolute(path: &[String], module: &ModulePath) -> ModulePath {
    let mut base = module.clone();
    let mut rest = path;
    while let Some((first, others)) = rest.split_first() {
        match first.as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => _ = base.pop(),
            _ => break,
        }
        rest = others;
    }
    base.extend_from_slice(rest);
    base
}

fn imports(text: &str, module: &ModulePath) -> Imports {
    // The tests of a file may import what they like.
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut imports = Imports::default();
    for root in ["crate::", "self::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let before = &code[..at];
            // `pub(in crate::…)` imports nothing, and `super::super::` was found at its beginning.
            if before.ends_with("(in ") || before.ends_with("::") || before.ends_with(char::is_alphanumeric) {
                continue;
            }
            let mut found = Vec::new();
            expand(&code[at..], &Vec::new(), &mut found);
            let line = before.rsplit('\n').next().unwrap().trim_start();
            let is_reexport = line.starts_with("pub") && line.ends_with("use ");
            for path in found {
                let path = absolute(&path, module);
                match path.last() {
                    Some(name) if is_reexport => _ = imports.reexports.insert(name.clone(), path.clone()),
                    _ => _ = imports.paths.insert(path),
                }
            }
        }
    }
    imports
}

/// The module whose file declares what `path` names.
fn resolve(path: &[String], all: &BTreeMap<ModulePath, Imports>) -> ModulePath {
    let mut module = path.to_vec();
    while !all.contains_key(&module) {
        module.pop();
    }
    let reexport = path.get(module.len()).and_then(|name| all[&module].reexports.get(name));
    match reexport {
        Some(target) if target.as_slice() != path => resolve(target, all),
        _ => module,
    }
}

/// The modules on a circle that `module` is on, if there is one.
fn circle(module: &ModulePath, edges: &BTreeMap<ModulePath, BTreeSet<ModulePath>>) -> Option<Vec<String>> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![module]);
    while let Some(from) = next.pop() {
        next.extend(edges[from].iter().filter(|to| reached.insert((*to).clone())));
    }
    let returns = |other: &ModulePath| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![other]);
        while let Some(from) = next.pop() {
            next.extend(edges[from].iter().filter(|to| seen.insert((*to).clone())));
        }
        seen.contains(module)
    };
    reached
        .contains(module)
        .then(|| reached.iter().filter(|other| returns(other)).map(|path| path.join("::")).collect())
}

#[test]
fn no_files_of_a_room_import_each_other_in_a_circle() {
    let sources = files(&source()).into_iter().filter(|file| file.extension().is_some_and(|ext| ext == "rs"));
    let is_test = |module: &ModulePath| module.iter().any(|part| part == "tests");
    let all: BTreeMap<ModulePath, Imports> = sources
        .map(|file| (module_of(&file), fs::read_to_string(&file).unwrap()))
        .filter(|(module, _)| !is_test(module))
        .map(|(module, text)| (module.clone(), imports(&text, &module)))
        .collect();
    let edges: BTreeMap<ModulePath, BTreeSet<ModulePath>> = all
        .iter()
        .map(|(from, imports)| {
            let targets = imports.paths.iter().map(|path| resolve(path, &all));
            (from.clone(), targets.filter(|to| to != from && to.first() == from.first()).collect())
        })
        .collect();
    assert!(edges.values().map(BTreeSet::len).sum::<usize>() > 100);
    let circles: BTreeSet<_> = edges.keys().filter_map(|module| circle(module, &edges)).collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn use_trees_and_reexports_are_resolved() {
    let module = vec!["a".to_owned(), "b".to_owned()];
    let text =
        "use super::{\n    c::{self, D},\n    e::F as G,\n    h,\n};\npub use self::i::J;\nlet x = crate::k::l();\n";
    let found = imports(text, &module);
    let paths: Vec<_> = found.paths.iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["a::c::D", "a::c::self", "a::e::F", "a::h", "k::l"]);
    assert_eq!(found.reexports["J"].join("::"), "a::b::i::J");
}
