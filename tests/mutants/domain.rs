//! The tests that hold `src/domain`, and need nothing else.

mod amount;
mod spending;
mod lookup_lag;
mod publisher_guard;
mod intent;
mod record;
mod outcome;
mod decision;
mod commands;
mod event;
mod dead_letters {
    mod findings;
    mod messages;
}
