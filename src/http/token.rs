//! What a token looks like: `tw_<id>_<secret>_<check>`, so that scanners find leaked ones and a slip of the hand is noticed
//! before it is looked up. Only its BLAKE3 hash is ever kept.

use zeroize::{Zeroize, Zeroizing};

/// Letters of id and secret: 32 of them, none mistaken for another.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
const ID_LETTERS: usize = 8;
/// 5 bits each: 160 bits.
const SECRET_LETTERS: usize = 32;
const CHECK_DIGITS: usize = 6;
const PREFIX: &str = "tw";
/// More than hashing takes of the stack, built without optimization too.
const HASH_STACK_BYTES: usize = 8 << 10;

/// A new token, seen once.
pub struct Minted {
    pub id: String,
    /// The whole token; never logged, never stored.
    pub text: Zeroizing<String>,
    /// As the log keeps it: hexadecimal BLAKE3 of the text.
    pub hash: String,
}

/// Mints a token from the system's randomness.
///
/// Errors: the system has none to give.
pub fn mint() -> Result<Minted, getrandom::Error> {
    let mut raw = Zeroizing::new([0; ID_LETTERS + SECRET_LETTERS]);
    getrandom::fill(raw.as_mut())?;
    let letters: Zeroizing<String> =
        raw.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect::<String>().into();
    let (id, secret) = letters.split_at(ID_LETTERS);
    let body = Zeroizing::new(format!("{PREFIX}_{id}_{secret}"));
    let text = Zeroizing::new(format!("{}_{}", *body, check(&body)));
    Ok(Minted { id: id.to_owned(), hash: hash(&text).to_hex().to_string(), text })
}

/// 160 random bits in letters, for what is no token.
///
/// Errors: the system has no randomness to give.
pub fn secret() -> Result<String, getrandom::Error> {
    let mut raw = [0; SECRET_LETTERS];
    getrandom::fill(&mut raw)?;
    Ok(raw.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

/// What is kept of a token. Hashing copies the text into blocks on the stack, from where it would get into padding of whatever is made there
/// next and moved to the heap: they are wiped.
pub fn hash(text: &str) -> blake3::Hash {
    let hash = blake3::hash(text.as_bytes());
    wipe_stack();
    hash
}

/// Writes zeros where the function that was called before this one had its variables.
#[inline(never)]
fn wipe_stack() {
    [0_u64; HASH_STACK_BYTES / 8].zeroize();
}

/// The id within a token of our own form. `None` if it is of another form or mistyped.
pub fn id_of(text: &str) -> Option<&str> {
    let (body, check_digits) = text.rsplit_once('_')?;
    let (prefix, rest) = body.split_once('_')?;
    let (id, secret) = rest.split_once('_')?;
    let whole = prefix == PREFIX && id.len() == ID_LETTERS && secret.len() == SECRET_LETTERS;
    (whole && check(body) == check_digits).then_some(id)
}

fn check(body: &str) -> String {
    hash(body).to_hex()[..CHECK_DIGITS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_token_carries_its_id_and_notices_a_slip() {
        let minted = mint().unwrap();
        assert_eq!(id_of(&minted.text), Some(minted.id.as_str()));
        assert_ne!(minted.text, mint().unwrap().text);
        let mut slipped = minted.text.clone();
        let last = if slipped.pop() == Some('0') { '1' } else { '0' };
        slipped.push(last);
        assert_eq!(id_of(&slipped), None);
        assert_eq!(id_of("tw_a_b_c"), None);
        assert_eq!(id_of("my own words"), None);
    }
}
