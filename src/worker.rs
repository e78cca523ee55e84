//! One loop per merchant.
