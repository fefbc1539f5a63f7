//! Writes `docs/openapi/asserting-wl.json`, which a test compares with what is served.

fn main() -> std::io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi/asserting-wl.json");
    std::fs::write(path, asserting_wl::routes::openapi())
}
