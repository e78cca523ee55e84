//! What follows from what details shows of a link, and of what is done to it.

use super::lateness::{first_lookup, joined, quarantine, sight, tenths, words};
use crate::config::CancelAs;
use crate::domain::classify::link_status::Approval;
use crate::survey::finding::Finding;
use crate::survey::observed::{
    CancelEnd, Cancelled, Extended, Fresh, LinkHost, Printed, Shown, Sight,
};
use crate::survey::present::Present;
use crate::survey::question::Question;

pub(super) fn host(link: &LinkHost) -> Finding {
    let Some(host) = &link.host else {
        return Finding::open(Question::LinkHost, "a link that cannot be read");
    };
    let setting = if link.is_allowed {
        "none: link_hosts allows it".to_owned()
    } else {
        format!("link_hosts: add \"{host}\", once PayU has confirmed it")
    };
    Finding::found(Question::LinkHost, host, setting)
}

pub(super) fn details(fresh: &Fresh, present: &Present) -> Finding {
    let question = Question::Details;
    match &fresh.sight {
        Sight::Seen(late) => {
            let settings = [quarantine(*late, present), first_lookup(*late, present)];
            let setting = joined(settings, "none: the quarantine is long enough");
            Finding::found(question, format!("yes, {}", words(*late)), setting)
        }
        Sight::Unseen(waited) => Finding::found(
            question,
            format!("no, not within {}", tenths(*waited)),
            "in_doubt.policy = \"park\", and no commands_per_second: lookups prove nothing here; \
             ask PayU, or survey again with a longer --wait",
        ),
        Sight::Unanswered(called) => Finding::open(question, format!("the lookups got {called}")),
    }
}

pub(super) fn details_link(shown: &Shown) -> Finding {
    let (seen, setting) = match (shown.has_link, shown.approval) {
        (true, _) => ("yes", "none: a link whose answer was lost is recovered"),
        (false, Approval::Pending) => (
            "no, while the link waits for its approver",
            "a link whose answer was lost is announced as LINK_UNKNOWN",
        ),
        (false, Approval::Approved | Approval::NotNeeded | Approval::Unknown) => (
            "no",
            "a link whose answer was lost is announced as LINK_UNKNOWN: take it from the dashboard",
        ),
    };
    Finding::found(Question::DetailsLink, seen, setting)
}

pub(super) fn contacts(shown: &Shown) -> Finding {
    let asked: Vec<(&str, Printed)> = [("mobile", shown.mobile), ("e-mail", shown.email)]
        .into_iter()
        .filter(|(_, printed)| *printed != Printed::Unasked)
        .collect();
    let seen: Vec<String> = asked
        .iter()
        .map(|(name, printed)| {
            let how = match printed {
                Printed::Unasked | Printed::Absent => "not shown",
                Printed::InFull => "in full",
                Printed::Masked => "masked",
                Printed::Otherwise => "printed as another one",
            };
            format!("{name}: {how}")
        })
        .collect();
    let in_full = asked.iter().filter(|(_, printed)| *printed == Printed::InFull).count();
    let setting = if in_full == asked.len() {
        "none: a recovered event has its contacts"
    } else if in_full > 0 {
        "a recovered event has only the contact that is shown in full"
    } else {
        "a link whose answer was lost is announced as LINK_UNKNOWN, since nothing shows whose \
         it is"
    };
    Finding::found(Question::Contacts, seen.join(", "), setting)
}

pub(super) fn approval(shown: &Shown) -> Finding {
    let question = Question::Approval;
    let (seen, setting) = match shown.approval {
        Approval::Pending => (
            "yes: APPROVAL_PENDING",
            "turn the flow off on the dashboard, or send disableApprovalFlow (api = \"v2\")",
        ),
        Approval::Approved => ("it was approved at once: APPROVED", "none"),
        Approval::NotNeeded => ("no: PENDING", "none"),
        Approval::Unknown => return Finding::open(question, "a status that PayU does not list"),
    };
    Finding::found(question, seen, setting)
}

pub(super) fn extended(extended: &Extended, present: &Present) -> Finding {
    let Extended { called, is_accepted, sight: shown } = extended;
    let question = Question::Extend;
    match (is_accepted, shown) {
        (_, Sight::Seen(late)) => {
            let setting = joined([quarantine(*late, present)], "none: extend can be used");
            Finding::found(question, format!("yes, {called}; shown {}", words(*late)), setting)
        }
        (true, Sight::Unseen(_) | Sight::Unanswered(_)) => Finding::found(
            question,
            format!("accepted with {called}; shown: {}", sight(shown)),
            "no extend: it cannot be confirmed, and would end as command.unresolved",
        ),
        (false, _) if called.codes.is_empty() => {
            Finding::open(question, format!("{called}, which says nothing"))
        }
        (false, _) => Finding::found(
            question,
            format!("no, {called}"),
            "no extend: PayU refuses it for links of this api",
        ),
    }
}

pub(super) fn cancelled(cancelled: &Cancelled, present: &Present) -> Finding {
    let question = Question::Cancel;
    let tries = tries(cancelled);
    match &cancelled.end {
        CancelEnd::Shown(way, late) => {
            let way_setting =
                (*way != present.cancel_as).then(|| format!("cancel_as = {}", quoted(*way)));
            let enough = format!("none: cancel_as = {} is right", quoted(*way));
            let setting = joined([way_setting, quarantine(*late, present)], &enough);
            Finding::found(question, format!("{tries}; shown {}", words(*late)), setting)
        }
        CancelEnd::Accepted(way, waited) => Finding::found(
            question,
            format!("{tries}; accepted, but not shown within {}", tenths(*waited)),
            format!(
                "cancel_as = {}; no commands_per_second: a cancel cannot be confirmed, and would \
                 end as command.unresolved",
                quoted(*way)
            ),
        ),
        CancelEnd::Not => Finding::found(
            question,
            format!("not at all: {tries}"),
            "no cancel: PayU refuses it for links of this api; cancel on the dashboard",
        ),
    }
}

/// `by query: HTTP 200; by form: HTTP 200, code 1112 LINK_NOT_FOUND`.
fn tries(cancelled: &Cancelled) -> String {
    let tries = cancelled.tries.iter();
    let tries: Vec<String> =
        tries.map(|(way, called)| format!("by {}: {called}", name(*way))).collect();
    tries.join("; ")
}

fn name(way: CancelAs) -> &'static str {
    match way {
        CancelAs::Query => "query",
        CancelAs::Form => "form",
    }
}

fn quoted(way: CancelAs) -> String {
    format!("\"{}\"", name(way))
}
