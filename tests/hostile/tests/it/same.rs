//! A seed gives the same case, today and later, here and elsewhere.

use hostile::{case, cases};

/// Of the cases 1 to 1000. It changes with the cases: then figures that were
/// published for a seed and a count no longer hold.
const DIGEST: u64 = 0x767b_dfbe_50f8_4f23;

#[test]
fn a_seed_gives_the_same_case() {
    assert_eq!(case(3), case(3));
    assert_ne!(case(3).seen, case(4).seen);
    let digest = cases(1, 1000).fold(0xcbf2_9ce4_8422_2325, |digest, case| {
        let edits = format!("{:?}", case.edits).into_bytes();
        let all = [case.seen.bytes, case.now.bytes, edits].concat();
        all.into_iter().fold(digest, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    });
    assert_eq!(digest, DIGEST, "the cases have changed; the digest is {digest:#x}");
}
