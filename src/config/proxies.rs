//! The variables that name proxies, as curl reads them.

use super::{
    environment::Unread,
    error::Location,
    kinds::{Kind, text},
    reader::Reader,
};
use crate::http_client::{Proxies, Proxy};

/// The URL of a proxy.
pub(super) fn proxy() -> Kind<'static, Proxy> {
    text(Proxy::TAKES, Proxy::parse)
}

impl Reader<'_> {
    /// What `https_proxy`, `http_proxy` and `no_proxy` say, in small or capital letters. An empty variable counts as not set.
    pub(crate) fn proxies(&mut self) -> Proxies {
        Proxies { https: self.proxy("https_proxy"), http: self.proxy("http_proxy"), direct: self.either("no_proxy").1 }
    }

    fn proxy(&mut self, name: &str) -> Option<Proxy> {
        let (name, text) = self.either(name);
        let proxy = Proxy::parse(&text);
        if proxy.is_none() && !text.is_empty() {
            self.errors.add(Location::Environment(name), "", format!("must be {}", Proxy::TAKES));
        }
        proxy
    }

    /// The variable `name` in small or else in capital letters, and its value, which may be empty.
    fn either(&mut self, name: &str) -> (String, String) {
        for name in [name.to_owned(), name.to_ascii_uppercase()] {
            match self.env.get(&name).map(str::trim) {
                Err(Unread::Unset) | Ok("") => {}
                Ok(text) => return (name, text.to_owned()),
                Err(Unread::NotText) => self.errors.add(Location::Environment(name), "", "must be UTF-8 text"),
            }
        }
        Default::default()
    }
}
