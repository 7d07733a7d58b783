//! How the library is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The runtime's threads live as long as the process: their code is not to be unmapped when the last
    // of those who opened the library, an isolate that ends, closes it.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
