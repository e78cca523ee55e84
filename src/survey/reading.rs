//! What a survey reads of an answer, beyond what the worker does.

use url::Url;

use super::observed::{Printed, Shown};
use super::watch::Found;
use crate::domain::call::CallResult;
use crate::domain::classify::comparison::{Comparison, Likeness};
use crate::domain::classify::lookup::{Details, DetailsLink};
use crate::domain::customer::Private;
use crate::domain::intent::Intent;

pub(super) fn link_of(result: &CallResult) -> Option<Private> {
    let CallResult::Answered(answer) = result else { return None };
    answer.envelope.as_ref()?.data.link.clone()
}

/// The host of a link, which is no secret.
pub(super) fn host_of(link: &Private) -> Option<String> {
    Url::parse(link.expose()).ok()?.host_str().map(str::to_owned)
}

/// What details shows of the link that an intent made.
pub(super) fn shown(found: &Found, intent: &Intent) -> Shown {
    let details = &found.details;
    let compared = Comparison::new(details, intent.amount, &intent.contact);
    let mobile = (intent.contact.mobile().is_some(), details.mobile.is_some());
    let email = (intent.contact.email().is_some(), details.email.is_some());
    Shown {
        has_link: !matches!(details.link, DetailsLink::Absent),
        mobile: printed(mobile, compared.mobile),
        email: printed(email, compared.email),
        approval: found.approval,
    }
}

fn printed((is_asked, is_shown): (bool, bool), likeness: Likeness) -> Printed {
    match likeness {
        _ if !is_asked => Printed::Unasked,
        _ if !is_shown => Printed::Absent,
        Likeness::Equal => Printed::InFull,
        Likeness::Unclear => Printed::Masked,
        Likeness::Different => Printed::Otherwise,
    }
}

/// Whether details shows another link than before; `None` if it shows too little.
pub(super) fn is_other(before: &Details, after: &Details) -> Option<bool> {
    if let (DetailsLink::Here(before), DetailsLink::Here(after)) = (&before.link, &after.link) {
        return Some(before.link != after.link);
    }
    let (before, after) = (before.link_id.as_ref()?, after.link_id.as_ref()?);
    Some(before != after)
}
