//! Documents and proto comments are true.

mod includes;
mod reasons;
mod simulator;
