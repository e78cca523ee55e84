//! One delivery, from intent to settlement.
