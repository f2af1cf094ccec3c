//! The `alcove` program: its library, and the web application. The library is compiled without the page,
//! so that both are made at the same time, and a change of the page compiles this file alone.

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Page;

fn main() -> std::process::ExitCode {
    alcove::main(Page::get)
}
