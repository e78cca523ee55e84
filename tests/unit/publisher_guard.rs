//! Who may publish, and how a message is signed.

use smartsend::domain::publisher_guard::{GuardRefusal, Publication, PublisherGuard, SigningKey};
use smartsend::domain::record::headers::{Headers, Value};
use smartsend::domain::work::Work;

const KEY: &[u8] = b"a key of sixteen or more";
const BODY: &[u8] = br#"{"merchantRefId":"order-8841-r1"}"#;
/// By another program: `printf 'default\norder-8841\n{"merchantRefId":"order-8841-r1"}' | openssl dgst
/// -sha256 -hmac 'a key of sixteen or more'`.
const SIGNATURE: &str = "v1=290aac2aa3b8792297a6648fa336f97ed81d740eb8d54deff840c7453578f3ec";

fn guard(publishers: &[&str], keys: &[&[u8]]) -> PublisherGuard {
    PublisherGuard {
        publishers: publishers.iter().map(ToString::to_string).collect(),
        signing_keys: keys.iter().map(|key| SigningKey::new(key)).collect(),
    }
}

fn headers<const N: usize>(named: [(&str, &str); N]) -> Headers {
    named.map(|(name, value)| (name.to_owned(), Value::Text(value.to_owned()))).into()
}

fn message(headers: &Headers) -> Publication<'_> {
    Publication {
        merchant: "default",
        user_id: Some("upstream"),
        own: false,
        message_id: Some("order-8841"),
        headers,
        body: BODY,
    }
}

#[test]
fn a_signature_is_what_another_program_makes_of_it() {
    assert_eq!(SigningKey::new(KEY).sign("default", "order-8841", BODY), SIGNATURE);
    assert_eq!(format!("{:?}", SigningKey::new(KEY)), "SigningKey");
}

#[test]
fn everyone_may_publish_unless_somebody_is_named() {
    let none = Headers::new();
    let anyone = PublisherGuard::default();
    let unknown = Publication { user_id: None, ..message(&none) };
    for work in Work::ALL {
        assert_eq!(anyone.refuses(work, message(&none)), None);
        assert_eq!(anyone.refuses(work, unknown), None);
    }

    let named = guard(&["upstream", "other"], &[]);
    assert_eq!(named.refuses(Work::Intents, message(&none)), None);
    let stranger = Publication { user_id: Some("Upstream"), ..message(&none) };
    for refused in [unknown, stranger] {
        assert_eq!(named.refuses(Work::Intents, refused), Some(GuardRefusal::NotAllowed));
        assert_eq!(named.refuses(Work::Commands, refused), None, "they pay nobody");
    }
}

#[test]
fn a_signature_covers_merchant_id_and_body() {
    let signed = headers([("signature", SIGNATURE)]);
    let guard = guard(&[], &[KEY]);
    for work in Work::ALL {
        assert_eq!(guard.refuses(work, message(&signed)), None);
        for changed in [
            Publication { merchant: "acme", ..message(&signed) },
            Publication { message_id: Some("order-8842"), ..message(&signed) },
            Publication { message_id: None, ..message(&signed) },
            Publication { body: br#"{"merchantRefId":"order-8841-r2"}"#, ..message(&signed) },
            // The parts are apart, so that none can give a byte to its neighbour.
            Publication {
                merchant: "default\norder",
                message_id: Some("8841"),
                ..message(&signed)
            },
        ] {
            assert_eq!(guard.refuses(work, changed), Some(GuardRefusal::NotSigned), "{changed:?}");
        }
    }
}

#[test]
fn only_the_whole_signature_counts() {
    let guard = guard(&[], &[KEY]);
    let mut almost = SIGNATURE.to_owned();
    almost.pop();
    let long = format!("{SIGNATURE}0");
    let bare = SIGNATURE.trim_start_matches("v1=");
    let upper = SIGNATURE.to_uppercase();
    for wrong in ["", "v1=", &almost, &long, bare, &upper] {
        let headers = headers([("signature", wrong)]);
        assert_eq!(guard.refuses(Work::Intents, message(&headers)), Some(GuardRefusal::NotSigned));
    }
    let number = Headers::from([("signature".to_owned(), Value::Number(1))]);
    assert_eq!(guard.refuses(Work::Intents, message(&number)), Some(GuardRefusal::NotSigned));
}

#[test]
fn each_of_several_keys_serves_while_they_are_rotated() {
    let signed = headers([("signature", SIGNATURE)]);
    let next: &[u8] = b"another key of sixteen";
    for keys in [&[KEY, next][..], &[next, KEY]] {
        assert_eq!(guard(&[], keys).refuses(Work::Intents, message(&signed)), None);
    }
    let rotated = guard(&[], &[next]);
    assert_eq!(rotated.refuses(Work::Intents, message(&signed)), Some(GuardRefusal::NotSigned));
}

/// A login alone makes no copy of ours: the tools may publish with the worker's.
#[test]
fn a_copy_of_our_own_was_let_through_before() {
    let guard = guard(&["upstream"], &[KEY]);
    let record = headers([("record", "v2")]);
    let signed = headers([("signature", SIGNATURE)]);
    let worker = Some("worker");
    let copy = Publication { user_id: worker, own: true, ..message(&record) };
    assert_eq!(guard.refuses(Work::Intents, copy), None);
    let forged = Publication { own: false, ..copy };
    assert_eq!(guard.refuses(Work::Intents, forged), Some(GuardRefusal::NotAllowed));
    let forged = Publication { user_id: Some("upstream"), ..forged };
    assert_eq!(guard.refuses(Work::Intents, forged), Some(GuardRefusal::NotSigned));
    let new = Publication { user_id: worker, own: true, ..message(&signed) };
    assert_eq!(guard.refuses(Work::Intents, new), Some(GuardRefusal::NotAllowed));
}
