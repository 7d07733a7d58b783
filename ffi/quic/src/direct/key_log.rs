//! TLS secrets in a file, for those who look at their own packets (NSS key log format).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::{KeyLog, NoKeyLog};

use crate::entry::lock;
use crate::status::Failure;

#[derive(Debug)]
struct KeyLogFile(Mutex<File>);

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        // A full disk is no reason to end the connection.
        let _ = lock(&self.0).write_all(line.as_bytes());
    }
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What TLS tells its secrets to.
pub fn key_log(path: Option<&Path>) -> Result<Arc<dyn KeyLog>, Failure> {
    let Some(path) = path else {
        return Ok(Arc::new(NoKeyLog));
    };
    let file = open(path)
        .map_err(|error| Failure::argument(format!("key log {}: {error}", path.display())))?;
    Ok(Arc::new(KeyLogFile(Mutex::new(file))))
}
