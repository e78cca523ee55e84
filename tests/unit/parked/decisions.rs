//! What is replayed, on what evidence.

use serde_json::json;
use smartsend::amqp::ParkedMessage;
use smartsend::config::Config;
use smartsend::domain::amount::Amount;
use smartsend::domain::classify::CreatedLink;
use smartsend::domain::classify::link_status::{Approval, LinkStatus, Payment};
use smartsend::domain::classify::lookup::{Details, DetailsLink, Lookup, LookupFailure};
use smartsend::domain::customer::Private;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::publisher_guard::SigningKey;
use smartsend::domain::record::headers::Value;
use smartsend::domain::record::{Record, Seen};
use smartsend::parked::decision::{Decision, judge, refusal};
use smartsend::parked::message::Parked;

use super::{account, config, intent, now, parked, set, text};

fn why_not(config: &Config, message: &ParkedMessage, again: bool) -> Option<String> {
    let read = Parked::read(message, config);
    let merchant = config.merchants.get(read.merchant());
    refusal(&read, message, merchant, again).map(|why| why.into_owned())
}

#[test]
fn what_no_guard_has_let_through_and_what_is_not_ours_is_never_replayed() {
    let config = config("");
    let plain = parked(&intent("order-1", "100.50"), "NOT_SENT");
    assert_eq!(why_not(&config, &plain, false), None);
    for code in [
        "NOT_SIGNED",
        "NOT_ALLOWED",
        "INVALID_INTENT",
        "INVALID_COMMAND",
        "WRONG_QUEUE",
        "UNKNOWN_MERCHANT",
    ] {
        let message = parked(&intent("order-1", "100.50"), code);
        assert!(why_not(&config, &message, true).is_some(), "{code}");
    }
    let changed = |change: &dyn Fn(&mut ParkedMessage)| {
        let mut message = plain.clone();
        change(&mut message);
        why_not(&config, &message, true)
    };
    assert!(changed(&|message| message.own = false).unwrap().contains("broker.urls"));
    assert!(changed(&|message| drop(message.headers.remove("reason"))).is_some());
    assert!(changed(&|message| set(message, "merchant", text("other"))).is_some());
    assert!(changed(&|message| set(message, "account", text("2222222"))).is_some());
    assert!(changed(&|message| set(message, "api", text("v2"))).is_some());
    assert!(changed(&|message| message.body = "{".into()).is_some());
    let command = parked(&json!({ "command": "cancel", "merchantRefId": "a" }), "OUTCOME_UNKNOWN");
    assert!(why_not(&config, &command, true).unwrap().contains("takes no commands"));
    let commanded = super::config("commands_per_second = 2\n");
    assert_eq!(why_not(&commanded, &command, true), None);
}

#[test]
fn a_third_replay_has_to_be_asked_for() {
    let config = config("");
    let mut message = parked(&intent("order-1", "100.50"), "NOT_SENT");
    for (replays, again, is_refused) in
        [(1, false, false), (2, false, true), (2, true, false), (9, false, true)]
    {
        set(&mut message, "replays", Value::Number(replays));
        assert_eq!(why_not(&config, &message, again).is_some(), is_refused, "{replays} {again}");
    }
}

/// Otherwise a stranger's message that expires at once would come back under our login.
#[test]
fn what_rabbitmq_put_aside_still_has_to_pass_the_guards() {
    let message = parked(&intent("order-1", "100.50"), "DEAD_LETTERED");
    assert_eq!(why_not(&config(""), &message, false), None);
    assert!(why_not(&config("publishers = [\"refunds\"]\n"), &message, false).is_some());
    let key = "a key of sixteen or more";
    let signed = config(&format!("signing_keys = [\"{key}\"]\n"));
    assert!(why_not(&signed, &message, false).is_some());
    let mut vouched = message.clone();
    let signature = SigningKey::new(key.as_bytes()).sign("default", "m-1", &message.body);
    set(&mut vouched, "signature", text(&signature));
    assert_eq!(why_not(&signed, &vouched, false), None);
}

fn judged(config: &Config, record: Option<&Record>, lookup: &Lookup) -> (Decision, String) {
    let read = Parked::read(&parked(&intent("order-1", "100.50"), "NOT_SENT"), config);
    let merchant = &config.merchants["default"];
    let judgement = judge(&read.content, record, lookup, merchant, now());
    (judgement.decision, judgement.evidence.into_owned())
}

#[test]
fn a_link_that_agrees_is_announced_and_any_other_is_for_a_person() {
    let config = config("");
    let ours = link();
    let of = |lookup: &Lookup| judged(&config, None, lookup);
    let (decision, evidence) = of(&Lookup::Found(ours.clone()));
    assert_eq!(decision, Decision::Replay, "{evidence}");
    assert!(evidence.contains("its link exists"));
    let amount = Amount::parse("7.00").ok();
    let mobile = Some(Private::new("8888888888"));
    let masked = Some(Private::new("******9999"));
    for (changed, words) in [
        (with(&ours, |it| it.amount = amount), "another amount"),
        (with(&ours, |it| it.mobile = mobile.clone()), "another mobile"),
        (with(&ours, |it| it.status = LinkStatus::Cancelled), "closed"),
        (with(&ours, |it| it.status = LinkStatus::Expired), "closed"),
        (with(&ours, |it| it.link = DetailsLink::Foreign), "link_hosts"),
        (with(&ours, |it| it.link = DetailsLink::Absent), "does not show its address"),
        (with(&ours, |it| (it.mobile, it.email) = (masked.clone(), None)), "does not show enough"),
    ] {
        let (decision, evidence) = of(&Lookup::Found(changed));
        assert_eq!(decision, Decision::Refuse, "{words}: {evidence}");
        assert!(evidence.contains(words), "{words}: {evidence}");
    }
}

/// What details shows of the intent's own link.
fn link() -> Details {
    let hosts = LinkHosts::Only(vec!["payu.in".to_owned()]);
    let link = hosts.admit(&Private::new("https://payu.in/l")).unwrap();
    let made = CreatedLink { link, link_id: None, expiry: None, approval: Approval::Unknown };
    Details {
        status: LinkStatus::Live,
        payment: Payment::None,
        link: DetailsLink::Here(made),
        link_id: None,
        expiry: None,
        amount: Amount::parse("100.50").ok(),
        mobile: Some(Private::new("9999999999")),
        email: Some(Private::new("asha@example.com")),
    }
}

fn with(details: &Details, change: impl FnOnce(&mut Details)) -> Details {
    let mut details = details.clone();
    change(&mut details);
    details
}

#[test]
fn without_a_link_only_what_the_worker_would_send_again_is_replayed() {
    let found =
        |more: &str, record: Option<&Record>| judged(&config(more), record, &Lookup::NotFound).0;
    assert_eq!(found("", None), Decision::Replay);
    let unsure = Record::first(account(), now()).doubted(Seen::Unknown);
    assert_eq!(found("", Some(&unsure)), Decision::Replay);
    let known = Record::first(account(), now()).doubted(Seen::Duplicate);
    assert_eq!(found("", Some(&known)), Decision::Refuse);
    for policy in ["park", "strict"] {
        let more = format!("[merchants.default.in_doubt]\npolicy = \"{policy}\"\n");
        assert_eq!(found(&more, None), Decision::Refuse, "{policy}");
    }
    let config = config("");
    let merchant = &config.merchants["default"];
    for (field, value) in [("amount", "1000.01"), ("deadline", "2026-11-24T11:00:00Z")] {
        let mut body = intent("order-1", "1");
        body[field] = value.into();
        let read = Parked::read(&parked(&body, "OVER_LIMIT"), &config);
        let judgement = judge(&read.content, None, &Lookup::NotFound, merchant, now());
        assert_eq!(judgement.decision, Decision::Refuse, "{field}");
    }
    let failed = Lookup::Failed(LookupFailure::Status(502));
    assert_eq!(judged(&config, None, &failed).0, Decision::Undecided);
    assert_eq!(judged(&config, None, &Lookup::Throttled(None)).0, Decision::Undecided);
}

#[test]
fn a_command_is_replayed_unless_payu_gives_no_answer() {
    let config = config("commands_per_second = 2\n");
    let body = json!({ "command": "cancel", "merchantRefId": "order-1" });
    let read = Parked::read(&parked(&body, "OUTCOME_UNKNOWN"), &config);
    let of = |lookup: &Lookup| {
        judge(&read.content, None, lookup, &config.merchants["default"], now()).decision
    };
    let link = link();
    let closed = with(&link, |it| it.status = LinkStatus::Cancelled);
    for lookup in [Lookup::Found(link), Lookup::Found(closed), Lookup::NotFound] {
        assert_eq!(of(&lookup), Decision::Replay, "{lookup:?}");
    }
    assert_eq!(of(&Lookup::Failed(LookupFailure::Odd)), Decision::Undecided);
}
