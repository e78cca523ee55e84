//! What a cancel or an extend can come to: PayU's samples, and whatever else comes back.

use smartsend::domain::classify::manage::ManageOutcome;

use super::*;

fn manage(status: u16, envelope: Option<Envelope>) -> ManageOutcome {
    ManageOutcome::classify(answer(status, envelope), &reference())
}

// PayU's page "Cancel Smart Send Link".
#[test]
fn the_sampled_answers_of_a_cancel_are_done_or_refused() {
    let done = Envelope { texts: vec![Private::new("Smart send link cancelled")], ..success(None) };
    assert_eq!(manage(200, Some(done)), ManageOutcome::Done);
    for (codes, text) in [
        (&[1112][..], "SmartPay Link not found"),
        (&[1110], "Payout cannot be cancelled as it is already processed or cancelled"),
        (&[], "Payout cannot be cancelled as it is already processed"),
        (&[], "Payout transaction already cancelled"),
        (&[], "Payout transaction in progress. Try after sometime!"),
    ] {
        for status in [200, 400, 404, 422] {
            let refused = ManageOutcome::Refused(codes.first().copied());
            assert_eq!(manage(status, Some(refusal(codes, &[text]))), refused, "{text}");
        }
    }
}

#[test]
fn an_answer_about_the_account_or_another_reference_is_not_the_command_s() {
    let denied = ManageOutcome::Denied(Denial::Merchant);
    assert_eq!(manage(200, Some(refusal(&[1100], &["Fail"]))), denied);
    assert_eq!(manage(401, None), ManageOutcome::Denied(Denial::Unauthorized));
    assert_eq!(manage(403, None), ManageOutcome::Denied(Denial::Forbidden));
    assert_eq!(manage(429, None), ManageOutcome::Throttled(None));
    let throttled = refusal(&[], &["Requests limit reached"]);
    assert_eq!(manage(200, Some(throttled)), ManageOutcome::Throttled(None));
    let data = Data { reference: Some("order-2".to_owned()), ..Data::default() };
    for envelope in [success(None), refusal(&[1110], &["Fail"])] {
        let others = Envelope { data: data.clone(), ..envelope };
        let other_reference = ManageOutcome::Unknown(UnknownReason::OtherReference);
        assert_eq!(manage(200, Some(others)), other_reference);
    }
}

#[test]
fn what_makes_no_sense_may_have_been_processed() {
    for status in [302, 400, 404, 405, 500, 502, 503] {
        assert!(matches!(manage(status, None), ManageOutcome::Unknown(_)), "{status}");
    }
    let unread = ManageOutcome::Unknown(UnknownReason::NoEnvelope);
    assert_eq!(manage(200, None), unread);
    for status in [500, 502] {
        for envelope in [success(None), refusal(&[1110], &["Fail"])] {
            let outcome = manage(status, Some(envelope));
            assert!(matches!(outcome, ManageOutcome::Unknown(_)), "{status}: {outcome:?}");
        }
    }
}

#[test]
fn a_call_that_did_not_leave_says_so() {
    for (result, outcome) in [
        (CallResult::NotSent(NotSent::Dns), ManageOutcome::NotSent(NotSent::Dns)),
        (CallResult::TokenRefused, ManageOutcome::NoToken(NoToken::Refused)),
        (CallResult::TokenThrottled(None), ManageOutcome::NoToken(NoToken::Throttled(None))),
        (
            CallResult::NoAnswer(NoAnswer::Timeout),
            ManageOutcome::Unknown(UnknownReason::NoAnswer(NoAnswer::Timeout)),
        ),
    ] {
        let found = ManageOutcome::classify(result, &reference());
        assert_eq!(found, outcome);
        assert!(!found.is_answered());
    }
    assert!(ManageOutcome::Done.is_answered() && ManageOutcome::Refused(None).is_answered());
}

// PayU's page on details, and its list of transaction statuses in more than one way of writing.
#[test]
fn the_payment_is_read_however_it_is_written() {
    for (word, payment) in [
        ("", Payment::None),
        ("QUEUED", Payment::Underway),
        ("In Progress", Payment::Underway),
        ("PENDING FOR APPROVAL", Payment::Underway),
        ("WAITING_FOR_RETRY", Payment::Underway),
        ("something new", Payment::Underway),
        ("SUCCESS", Payment::Arrived),
        ("REVERSED", Payment::Arrived),
        ("FAILURE", Payment::Failed),
        ("failed", Payment::Failed),
        ("REJECTED", Payment::Failed),
        ("CANCELLED", Payment::Failed),
    ] {
        let mut envelope = found(LINK);
        envelope.data.payment_status = Some(word.to_owned());
        let Lookup::Found(details) = lookup(200, Some(envelope)) else { panic!("{word}") };
        assert_eq!(details.payment, payment, "{word}");
    }
    for (word, approval) in [
        ("approval pending", Approval::Pending),
        ("APPROVED", Approval::Approved),
        ("PENDING", Approval::NotNeeded),
        ("INITIATED", Approval::Unknown),
    ] {
        let mut envelope = found(LINK);
        envelope.data.link_status = Some(word.to_owned());
        let Lookup::Found(details) = lookup(200, Some(envelope)) else { panic!("{word}") };
        let DetailsLink::Here(made) = details.link else { panic!("{word}") };
        assert_eq!(made.approval, approval, "{word}");
    }
    for (word, status) in [
        ("approval pending", LinkStatus::Live),
        ("INITIATED", LinkStatus::Claimed),
        ("SUCCESS", LinkStatus::Claimed),
        ("FAILURE", LinkStatus::Failed),
        ("something new", LinkStatus::Unlisted),
    ] {
        let mut envelope = found(LINK);
        envelope.data.link_status = Some(word.to_owned());
        let Lookup::Found(details) = lookup(200, Some(envelope)) else { panic!("{word}") };
        assert_eq!(details.status, status, "{word}");
    }
}

#[test]
fn each_outcome_has_a_word_of_its_own_for_metrics_and_logs() {
    let words = [
        ManageOutcome::Done,
        ManageOutcome::Refused(None),
        ManageOutcome::NotSent(NotSent::Connect),
        ManageOutcome::NoToken(NoToken::Refused),
        ManageOutcome::Throttled(None),
        ManageOutcome::Denied(Denial::Forbidden),
        ManageOutcome::Unknown(UnknownReason::NoAnswer(NoAnswer::Timeout)),
    ]
    .map(|outcome| outcome.word());
    let expected = ["done", "refused", "not_sent", "no_token", "throttled", "denied", "unknown"];
    assert_eq!(words, expected);
}
