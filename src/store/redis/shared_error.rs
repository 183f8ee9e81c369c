//! An error of one command that several calls may get.

use std::{error::Error, sync::Arc};

/// An error that several calls may get.
pub(super) type SharedError = Arc<dyn Error + Send + Sync>;

pub(super) fn shared(error: impl Error + Send + Sync + 'static) -> SharedError {
    Arc::new(error)
}
