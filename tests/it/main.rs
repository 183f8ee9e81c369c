//! Everything that is tested over real sockets, in one binary: a module for each subject.

mod simulator;
