//! SHA-256 (FIPS 180-4) as a constant function: the crates that have it cannot be called at compile time.

const BLOCK_SIZE_BYTES: usize = 64;

/// Where a block's last eight bytes, the length of the whole input in bits, begin.
const LENGTH_OFFSET_BYTES: usize = BLOCK_SIZE_BYTES - 8;

/// The digest of `input`.
pub(crate) const fn sha256(input: &[u8]) -> [u8; 32] {
    let mut state = INITIAL_STATE;
    // What is hashed is the input, a one bit, zeros, and the input's length in bits, up to a whole number of blocks.
    let blocks_count = (input.len() + 1 + 8).div_ceil(BLOCK_SIZE_BYTES);
    let mut block_index = 0;
    while block_index < blocks_count {
        state = compress(state, &block(input, block_index, block_index + 1 == blocks_count));
        block_index += 1;
    }
    let mut digest = [0; 32];
    let mut index = 0;
    while index < digest.len() {
        digest[index] = state[index / 4].to_be_bytes()[index % 4];
        index += 1;
    }
    digest
}

const fn block(input: &[u8], block_index: usize, is_last: bool) -> [u8; BLOCK_SIZE_BYTES] {
    let mut block = [0; BLOCK_SIZE_BYTES];
    let mut index = 0;
    while index < BLOCK_SIZE_BYTES {
        let position = block_index * BLOCK_SIZE_BYTES + index;
        if position < input.len() {
            block[index] = input[position];
        } else if position == input.len() {
            block[index] = 0x80;
        } else if is_last && index >= LENGTH_OFFSET_BYTES {
            block[index] = (input.len() as u64 * 8).to_be_bytes()[index - LENGTH_OFFSET_BYTES];
        }
        index += 1;
    }
    block
}

const fn compress(state: [u32; 8], block: &[u8; BLOCK_SIZE_BYTES]) -> [u32; 8] {
    let schedule = schedule(block);
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
    let mut round = 0;
    while round < ROUND_CONSTANTS.len() {
        let sum_e = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let first = h
            .wrapping_add(sum_e)
            .wrapping_add(choice)
            .wrapping_add(ROUND_CONSTANTS[round])
            .wrapping_add(schedule[round]);
        let sum_a = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let second = sum_a.wrapping_add(majority);
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(second));
        round += 1;
    }
    let working = [a, b, c, d, e, f, g, h];
    let mut sums = [0; 8];
    let mut index = 0;
    while index < sums.len() {
        sums[index] = state[index].wrapping_add(working[index]);
        index += 1;
    }
    sums
}

const fn schedule(block: &[u8; BLOCK_SIZE_BYTES]) -> [u32; 64] {
    let mut words = [0_u32; 64];
    let mut index = 0;
    while index < words.len() {
        words[index] = if index < 16 {
            let at = index * 4;
            u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        } else {
            let early = words[index - 15];
            let late = words[index - 2];
            let early = early.rotate_right(7) ^ early.rotate_right(18) ^ (early >> 3);
            let late = late.rotate_right(17) ^ late.rotate_right(19) ^ (late >> 10);
            words[index - 16].wrapping_add(early).wrapping_add(words[index - 7]).wrapping_add(late)
        };
        index += 1;
    }
    words
}

/// The first 32 bits of the fractional parts of the square roots of the first 8 primes.
const INITIAL_STATE: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
#[rustfmt::skip]
const ROUND_CONSTANTS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::format;
    use std::string::String;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The examples of FIPS 180-4, and inputs of 200 lengths, each of which begins with the digest before (computed with another implementation).
    #[test]
    fn digests_are_those_of_the_standard() {
        let cases: [(&[u8], &str); 4] = [
            (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            (&[b'a'; 1_000], "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
        ];
        for (input, digest) in cases {
            assert_eq!(hex(&sha256(input)), digest);
        }
        let mut all = sha256(b"");
        for length in 0..200 {
            let mut input = [0; 232];
            input[..32].copy_from_slice(&all);
            all = sha256(&input[..length + 32]);
        }
        assert_eq!(hex(&all), CHAINED);
    }

    const CHAINED: &str = "175cef6e0851b9bbad19051b437125f6119cebc6aa7ce22e1dd96f942d8d8a53";
}
