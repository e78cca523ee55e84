//! Which reference each of the last links was given for, and how many links are known.

use smartsend::domain::customer::Private;
use smartsend::domain::link::{Link, LinkHosts};
use smartsend::domain::reference::Reference;
use smartsend::worker::given_links::{CAPACITY, GivenLinks};

fn link(number: usize) -> Link {
    let text = Private::new(format!("https://payumoney.com/smartPay?id={number}"));
    LinkHosts::Any.admit(&text).unwrap()
}

fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

#[test]
fn a_link_is_another_s_only_once_it_was_given_for_another_reference() {
    let given = GivenLinks::default();
    let [mine, another] = ["mine", "another"].map(reference);
    assert!(!given.is_of_another(&link(1), &mine));
    given.insert(&link(1), &another);
    assert!(given.is_of_another(&link(1), &mine));
    assert!(!given.is_of_another(&link(1), &another));
    assert!(!given.is_of_another(&link(2), &mine));
}

/// It remembers enough links, and never more of them however long the process lives.
#[test]
fn the_last_links_are_known_and_the_one_before_them_is_forgotten() {
    let given = GivenLinks::default();
    let is_known = |number| given.is_of_another(&link(number), &reference("another"));
    for number in 1..=CAPACITY {
        given.insert(&link(number), &reference("mine"));
    }
    assert!((1..=CAPACITY).all(is_known));
    given.insert(&link(0), &reference("mine"));
    assert!(!is_known(1));
    assert!(is_known(0) && (2..=CAPACITY).all(is_known));
}
