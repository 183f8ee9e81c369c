//! Every value of every setting changes what the simulator does.

mod answers;
mod checks;
mod codes;
mod limits;
mod lists;
mod profiles;
