//! What the kinds of event are called.

use super::*;

#[test]
fn each_kind_has_its_type_and_its_routing_word() {
    for (kind, event_type, word) in [
        (EventKind::Created, "smartsend.link.created", "link.created"),
        (EventKind::Failed, "smartsend.link.failed", "link.failed"),
        (EventKind::Unresolved, "smartsend.link.unresolved", "link.unresolved"),
    ] {
        assert_eq!((kind.event_type(), kind.routing_word()), (event_type, word));
    }
}
