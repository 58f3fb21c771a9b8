//! The deployment's keys: sealing of API keys, signatures of links and tokens.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{digest, hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

/// Keys of a deployment, from its secret store (locally: files of mode 600 in the data folder). Never logged.
pub struct Secrets {
    sealing: RandomizedNonceKey,
    links: hmac::Key,
    signing: EncodingKey,
    public_key: String,
}

/// A key of the deployment is unusable, or something sealed cannot be opened with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SecretError(pub String);

#[derive(Serialize)]
struct Claims<'a> {
    data: &'a str,
    iss: &'a str,
}

impl Secrets {
    /// The deployment's keys.
    ///
    /// `master` is 32 secret bytes; `signing_key` an RSA private key (PKCS#8 PEM, at least 2048 bits) and `public_key`
    /// its public half (SubjectPublicKeyInfo PEM).
    ///
    /// # Errors
    /// The signing key is no RSA key in PEM.
    pub fn new(master: &[u8; 32], signing_key: &str, public_key: &str) -> Result<Secrets, SecretError> {
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, &derive(master, b"weir api keys")?)
            .map_err(|_| SecretError("the encryption key is unusable".into()))?;
        let signing = EncodingKey::from_rsa_pem(signing_key.as_bytes())
            .map_err(|error| SecretError(format!("the signing key is unusable: {error}")))?;
        let links = hmac::Key::new(hmac::HMAC_SHA256, &derive(master, b"weir links")?);
        Ok(Secrets { sealing, links, signing, public_key: public_key.to_owned() })
    }

    /// Encrypts a secret so that only this deployment can read it; the nonce goes with it.
    ///
    /// # Errors
    /// The cipher refused (it does so for absurd lengths only).
    pub fn seal(&self, secret: &str) -> Result<Vec<u8>, SecretError> {
        let mut content = secret.as_bytes().to_vec();
        let nonce = self
            .sealing
            .seal_in_place_append_tag(Aad::empty(), &mut content)
            .map_err(|_| SecretError("sealing failed".into()))?;
        Ok([nonce.as_ref().as_slice(), &content].concat())
    }

    /// Decrypts what `seal` made.
    ///
    /// # Errors
    /// It was sealed by another deployment, or altered.
    pub fn open(&self, sealed: &[u8]) -> Result<String, SecretError> {
        let unreadable = || SecretError("a sealed secret cannot be opened with this deployment's key".into());
        let (nonce, content) = sealed.split_at_checked(12).ok_or_else(unreadable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| unreadable())?;
        let mut content = content.to_vec();
        let plain = self.sealing.open_in_place(nonce, Aad::empty(), &mut content).map_err(|_| unreadable())?;
        String::from_utf8(plain.to_vec()).map_err(|_| unreadable())
    }

    /// An unguessable token that carries `subject`, for links that need no login and never expire.
    #[must_use]
    pub fn token(&self, subject: &[u8]) -> String {
        let tag = hmac::sign(&self.links, subject);
        // 128 bits of the tag are out of reach for guessing.
        URL_SAFE_NO_PAD.encode([subject, &tag.as_ref()[..16]].concat())
    }

    /// The subject of a token that this deployment made; none for every other text. Compares in constant time.
    #[must_use]
    pub fn subject(&self, token: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (subject, tag) = bytes.split_at_checked(bytes.len().checked_sub(16)?)?;
        let expected = hmac::sign(&self.links, subject);
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..16], tag).ok()?;
        Some(subject.to_vec())
    }

    /// `X-Lago-Signature` of a `jwt` endpoint: RS256 over the body and the issuer (chapter 07, 1.3).
    ///
    /// # Errors
    /// The key cannot sign.
    pub fn jwt_signature(&self, body: &str, issuer: &str) -> Result<String, SecretError> {
        let header = Header { typ: None, ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &Claims { data: body, iss: issuer }, &self.signing)
            .map_err(|error| SecretError(format!("signing failed: {error}")))
    }

    /// The public key as clients fetch it: Base64 of the PEM text, broken after every 60 characters and at the end.
    #[must_use]
    pub fn public_key_base64(&self) -> String {
        let encoded = STANDARD.encode(&self.public_key);
        let mut lines = String::with_capacity(encoded.len() + encoded.len() / 60 + 1);
        for line in encoded.as_bytes().chunks(60) {
            // Base64 is ASCII: every chunk is text.
            lines.push_str(std::str::from_utf8(line).unwrap_or_default());
            lines.push('\n');
        }
        lines
    }
}

/// A key of its own for each purpose, so that one never weakens another.
fn derive(master: &[u8; 32], purpose: &[u8]) -> Result<[u8; 32], SecretError> {
    let failed = |_| SecretError("key derivation failed".into());
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"weir")
        .extract(master)
        .expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(failed)?;
    Ok(key)
}

/// SHA-256 in hexadecimal: how an API key is looked up.
#[must_use]
pub fn hash(secret: &str) -> String {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether two secrets are the same, in constant time for equal lengths.
#[must_use]
pub fn same(left: &str, right: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(hash(left).as_bytes(), hash(right).as_bytes()).is_ok()
}
