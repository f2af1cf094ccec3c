//! What a volume promises.

mod conformance;
mod history;
mod model;
mod support;
