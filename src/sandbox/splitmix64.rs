//! Numbers that look random and are the same in every run.

/// The `number`th value of the generator splitmix64 (Steele, Lea and Flood, 2014).
pub(super) fn splitmix64(seed: u64, number: u64) -> u64 {
    let steps = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut mixed = seed.wrapping_add(steps);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
