//! Who runs a command, and why.

use smartsend::actor::{Actor, name_of, parse_note};
use smartsend::domain::record::headers::{Value, is_of_record};

#[test]
fn an_actor_is_the_user_and_whoever_that_was_before() {
    let users = "root:x:0:0:root:/root:/bin/sh\nasha:x:1000:1000::/home/asha:/bin/sh\n";
    assert_eq!(name_of(Some(1000), None, users), "asha");
    assert_eq!(name_of(Some(1000), Some(1000), users), "asha");
    assert_eq!(name_of(Some(0), Some(1000), users), "asha as root");
    assert_eq!(name_of(Some(7), None, users), "uid 7");
    assert_eq!(name_of(None, None, users), "unknown");
    assert!(parse_note("PayU is back").is_ok());
    for wrong in ["", "  ", "a\nb", "a\u{1b}[2J", &"x".repeat(251)] {
        assert!(parse_note(wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(Actor::new("asha".to_owned(), Some("why")).to_string(), "by asha: why");
    let headers = Actor::new("asha".to_owned(), Some("why")).headers();
    assert_eq!(headers.get("actor"), Some(&Value::Text("asha".to_owned())));
    assert!(!is_of_record(&headers), "an intent that is new stays new");
}
