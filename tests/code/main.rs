//! The source of the product against its rules: walls between rooms, and schemas against what the code says.

mod architecture;
mod faults;
mod readme;
mod schemas;
#[path = "../support/source.rs"]
mod source;
mod toolchain;
