//! The deployment's keys as files of mode 600 in `keys/` of the data folder, made at the first start.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use app::secrets::{SecretError, Secrets};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::host::HostError;

const FOLDER: &str = "keys";
const MASTER: &str = "master.key";
const SIGNING: &str = "signing.pem";
const PUBLIC: &str = "signing.pub.pem";

/// The keys of a data folder.
pub(crate) fn load_or_make(folder: &Path) -> Result<Secrets, HostError> {
    let folder = &folder.join(FOLDER);
    // A folder that lacks one of them is refused below: new keys would make every sealed API key unreadable.
    if !folder.exists() {
        make(folder)?;
    }
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(HostError::Files);
    let master = STANDARD.decode(read(MASTER)?.trim()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let master = master.ok_or_else(|| HostError::Keys(SecretError(format!("{MASTER} does not hold 32 bytes"))))?;
    Secrets::new(&master, &read(SIGNING)?, &read(PUBLIC)?).map_err(HostError::Keys)
}

/// Makes every key in a folder beside, and moves that into place: a kill leaves all of them or none.
fn make(place: &Path) -> Result<(), HostError> {
    let folder = &place.with_extension("part");
    fs::create_dir_all(folder).map_err(HostError::Files)?;
    let failed = |_| HostError::Keys(SecretError("making keys failed".to_owned()));
    let mut master = [0_u8; 32];
    aws_lc_rs::rand::fill(&mut master).map_err(failed)?;
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(failed)?;
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).map_err(failed)?;
    write(folder, MASTER, &STANDARD.encode(master))?;
    write(folder, SIGNING, &pem("PRIVATE KEY", private.as_ref()))?;
    write(folder, PUBLIC, &pem("PUBLIC KEY", public.as_ref()))?;
    fs::rename(folder, place).map_err(HostError::Files)
}

fn write(folder: &Path, name: &str, content: &str) -> Result<(), HostError> {
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder.join(name));
    options
        .and_then(|mut file| file.write_all(content.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(HostError::Files)
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    // Base64 is ASCII: every chunk of it is text.
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
