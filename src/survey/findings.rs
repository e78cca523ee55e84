//! What was seen, and the setting that follows: observations in, rows of the table out.

mod links;
mod lateness;
mod rate;
mod references;
mod tokens;

use super::finding::Finding;
use super::observed::Observed;
use super::present::Present;
use super::question::Question;

/// A row for each question. That of the rate is left out if it was not asked.
pub fn findings(observed: &Observed, present: &Present) -> Vec<Finding> {
    let found = |question| {
        finding(question, observed, present).or_else(|| {
            (question != Question::Rate).then(|| Finding::open(question, "not found out"))
        })
    };
    Question::ALL.into_iter().filter_map(found).collect()
}

/// `None` if nothing was seen.
fn finding(question: Question, observed: &Observed, present: &Present) -> Option<Finding> {
    let shown = || observed.fresh.as_ref()?.shown.as_ref();
    match question {
        Question::TokenLife => observed.token_life.map(tokens::life),
        Question::Refresh => observed.refresh.map(tokens::refresh),
        Question::SecondToken => observed.second_token.map(tokens::second),
        Question::LinkHost => observed.link_host.as_ref().map(links::host),
        Question::Details => observed.fresh.as_ref().map(|fresh| links::details(fresh, present)),
        Question::DetailsLink => shown().map(links::details_link),
        Question::Contacts => shown().map(links::contacts),
        Question::Approval => shown().map(links::approval),
        Question::Refusal => observed.refusal.as_ref().map(references::refusal),
        Question::SecondCreate => {
            observed.second.as_ref().map(|second| references::second(second, present))
        }
        Question::Extend => observed.extended.as_ref().map(|it| links::extended(it, present)),
        Question::Cancel => observed.cancelled.as_ref().map(|it| links::cancelled(it, present)),
        Question::FreedReference => {
            observed.again.as_ref().map(|again| references::freed(again, present))
        }
        Question::Rate => observed.rate.as_ref().map(|rate| rate::rate(rate, present)),
    }
}
