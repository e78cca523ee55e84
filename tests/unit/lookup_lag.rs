//! How late lookups show links.

use std::time::Duration;

use smartsend::domain::lookup_lag::{LookupLag, schedule};

const SECOND: Duration = Duration::from_secs(1);

fn of(shown: &[(u32, u64)], missed: u64) -> LookupLag {
    LookupLag { shown: shown.iter().map(|(s, count)| (SECOND * *s, *count)).collect(), missed }
}

#[test]
fn a_link_is_looked_up_at_growing_times_until_the_quarantine_is_over() {
    let seconds: Vec<_> = schedule(Duration::from_mins(5)).map(|at| at.as_secs_f64()).collect();
    assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 240.0, 300.0]);
    assert_eq!(schedule(SECOND).count(), 2);
    assert!(schedule(Duration::from_hours(2)).is_sorted());
}

#[test]
fn the_figures_are_those_of_the_links_in_order() {
    let mut figures = LookupLag::default();
    assert_eq!((figures.count(), figures.percentile(50), figures.longest()), (0, None, None));
    for _ in 0..98 {
        figures.record(SECOND);
    }
    figures.record(SECOND * 8);
    assert_eq!(figures.percentile(99), Some(SECOND * 8));
    figures.record(SECOND * 60);
    assert_eq!(figures.count(), 100);
    assert_eq!(figures.percentile(50), Some(SECOND));
    assert_eq!(figures.percentile(98), Some(SECOND));
    assert_eq!(figures.percentile(99), Some(SECOND * 8));
    assert_eq!(figures.percentile(100), Some(SECOND * 60));
    assert_eq!(figures.longest(), Some(SECOND * 60));
}

#[test]
fn a_link_that_was_not_shown_is_later_than_all_others() {
    let mut figures = of(&[(1, 1)], 0);
    figures.record_missed();
    assert_eq!((figures.count(), figures.percentile(50)), (2, Some(SECOND)));
    assert_eq!(figures.percentile(99), None);
}

/// Whoever was active last has gone on from the other's figures.
#[test]
fn the_fuller_of_two_figures_counts() {
    let (few, many) = (of(&[(1, 3)], 0), of(&[(1, 3), (2, 1)], 1));
    let mut figures = few.clone();
    figures.merge(many.clone());
    assert_eq!(figures, many);
    figures.merge(few);
    assert_eq!(figures, many);
    figures.merge(of(&[(8, 5)], 0));
    assert_eq!(figures, many, "of two that are as full, its own");
}
