//! The codes that events, parked messages and results files give as their reason, but for PayU's.

/// A code of ours, for a person.
pub(super) struct ReasonRow {
    pub(super) code: &'static str,
    /// The event that it comes in.
    pub(super) event: &'static str,
    pub(super) means: &'static str,
    /// Whether money is at risk.
    pub(super) money: &'static str,
    pub(super) to_do: &'static str,
}

const NO_LINK: &str = "no: the reference has no link and gets none.";
const MAYBE: &str = "yes: it may have a link that nobody knows of.";
const HAS_LINK: &str =
    "yes: there is a link that nobody was sent, and another payout would be the second.";
const NOT_BY_THIS: &str = "not by this message: nothing was sent for it. The reference may have a \
                           link by another one.";
const LOOK_FIRST: &str = "look the reference up at PayU. If it has a link, send that to the \
                          customer or cancel it there. If it has none, smartsend parked replay sends \
                          it back. Never pay under a new reference before that.";
const BACK: &str = "smartsend parked replay sends it back as one that may have been sent, so it is \
                    looked up first.";

pub(super) const REASONS: &[ReasonRow] = &[
    ReasonRow {
        code: "DEADLINE_PASSED",
        event: "link.failed",
        means: "its deadline passed before anything was sent, and the lookups found no link.",
        money: NO_LINK,
        to_do: "if it is still to be paid, publish it under a new reference with a later deadline.",
    },
    ReasonRow {
        code: "INVALID_INTENT",
        event: "intent.rejected",
        means: "the message cannot be read or breaks a rule; errors lists each field.",
        money: NOT_BY_THIS,
        to_do: "correct the fields and publish it again. The same reference serves if it has no \
                link yet.",
    },
    ReasonRow {
        code: "WRONG_QUEUE",
        event: "intent.rejected, command.unresolved",
        means: "it is a command among intents, or an intent among commands; nothing was sent for it.",
        money: NOT_BY_THIS,
        to_do: "publish intents to the intents exchange, and commands to the commands exchange.",
    },
    ReasonRow {
        code: "NOT_ALLOWED",
        event: "intent.rejected",
        means: "its user_id is not one of the merchant's publishers; nothing was sent for it.",
        money: NOT_BY_THIS,
        to_do: "find out who published it. A login that may is added to publishers, and its \
                messages need user_id; then publish it again as that login.",
    },
    ReasonRow {
        code: "NOT_SIGNED",
        event: "intent.rejected, command.unresolved",
        means: "it has no signature by one of the merchant's signing keys, over its merchant, its \
                message_id and its body; nothing was sent for it.",
        money: NOT_BY_THIS,
        to_do: "find out who published it. If it is yours, sign it and publish it again.",
    },
    ReasonRow {
        code: "DUPLICATE_REFERENCE",
        event: "intent.rejected",
        means: "the reference has a link for another amount and another customer; this message \
                made none.",
        money: "not by this message. But one reference stands for two payouts, and one of them has \
                no link.",
        to_do: "find out which of the two is right. The other one needs a reference of its own, \
                if it has no link yet.",
    },
    ReasonRow {
        code: "UNKNOWN_MERCHANT",
        event: "intent.rejected",
        means: "no queue is bound for its routing key, which must be a merchant's name.",
        money: NOT_BY_THIS,
        to_do: "correct the routing key upstream, or declare the merchant's queue with smartsend \
                topology apply; then publish the parked message again.",
    },
    ReasonRow {
        code: "OUTCOME_UNKNOWN",
        event: "link.unresolved",
        means: "it was sent, no answer came, no lookup found a link, and the policy forbids \
                sending it again, or it is too late for that.",
        money: MAYBE,
        to_do: LOOK_FIRST,
    },
    ReasonRow {
        code: "REFUSED",
        event: "link.unresolved",
        means: "PayU refused it, with a code that may depend on the day or is not known, or \
                refused it alone while others were let through; no link was found.",
        money: "perhaps: no lookup found a link, and a refusal can hide a duplicate.",
        to_do: "smartsend explain with the provider's code says what to remove. Look the reference \
                up at PayU; if it has no link, smartsend parked replay sends it back.",
    },
    ReasonRow {
        code: "NOT_SENT",
        event: "link.unresolved",
        means: "max_age was reached and nothing could be sent.",
        money: "not by this worker, as far as its record goes; no lookup could rule out a link.",
        to_do: BACK,
    },
    ReasonRow {
        code: "LINK_UNKNOWN",
        event: "link.unresolved",
        means: "there is a link, but no answer shows it, or shows nothing to compare it by.",
        money: HAS_LINK,
        to_do: "look the reference up at PayU, compare amount and customer, and send that link.",
    },
    ReasonRow {
        code: "LINK_CLOSED",
        event: "link.unresolved",
        means: "there is a link, but it is expired, cancelled, rejected or failed.",
        money: "no, unless PayU opens the link again.",
        to_do: "look it up at PayU. If it is closed for good and still to be paid, publish the \
                intent under a new reference.",
    },
    ReasonRow {
        code: "LINK_HOST",
        event: "link.unresolved",
        means: "PayU gave a link on a host that is not in link_hosts.",
        money: HAS_LINK,
        to_do: "ask PayU whether the host is theirs. If it is, add it to link_hosts, and smartsend \
                parked replay sends it back. If not, send the link to nobody.",
    },
    ReasonRow {
        code: "REFERENCE_CONFLICT",
        event: "link.unresolved",
        means: "the reference has a link that differs in amount or customer, and this intent may \
                have been sent before.",
        money: "yes: the link may be this intent's, shown in another form, or someone else's.",
        to_do: "compare the link at PayU with the intent before you send or pay anything.",
    },
    ReasonRow {
        code: "OVER_LIMIT",
        event: "link.unresolved",
        means: "it is above the merchant's max_amount; this worker sent nothing.",
        money: NOT_BY_THIS,
        to_do: "if the amount is right, raise max_amount, restart the worker, and smartsend parked \
                replay sends it back.",
    },
    ReasonRow {
        code: "ACCOUNT_CHANGED",
        event: "link.unresolved",
        means: "it was begun for another account or API than the one configured now.",
        money: "yes: it may have a link on the other account, where this one's lookups see nothing.",
        to_do: "look the reference up on the account that its headers name, before you pay it on \
                this one.",
    },
    ReasonRow {
        code: "LINK_REPEATED",
        event: "link.unresolved",
        means: "the provider answered with a link that this worker was given for another \
                reference, and lookups showed no other.",
        money: "yes: two customers would be sent one link, and there may be a second one.",
        to_do: LOOK_FIRST,
    },
    ReasonRow {
        code: "DEAD_LETTERED",
        event: "link.unresolved",
        means: "RabbitMQ put it aside: it expired, or was delivered too often.",
        money: MAYBE,
        to_do: BACK,
    },
    ReasonRow {
        code: "INVALID_COMMAND",
        event: "command.unresolved",
        means: "the message is no valid command; errors lists each field.",
        money: NOT_BY_THIS,
        to_do: "correct the fields and publish it again.",
    },
    ReasonRow {
        code: "CLAIMED",
        event: "link.cancel_failed, link.extend_failed",
        means: "the customer has claimed the link, and is being paid.",
        money: "no: the payout is under way as it was asked for.",
        to_do: "nothing can be changed any more. If the payout fails, PayU may let the customer try again; then \
                send the command again.",
    },
    ReasonRow {
        code: "PAID",
        event: "link.cancel_failed, link.extend_failed",
        means: "the customer was paid by the link.",
        money: "no: the payout was made as it was asked for.",
        to_do: "settle with the customer if it should not have been.",
    },
    ReasonRow {
        code: "EXPIRED",
        event: "link.cancel_failed, link.extend_failed",
        means: "the link expired before it was claimed.",
        money: "no: nobody can claim it any more.",
        to_do: "if it is still to be paid, publish it under a new reference.",
    },
    ReasonRow {
        code: "CANCELLED",
        event: "link.cancel_failed, link.extend_failed",
        means: "the link is cancelled already, and cannot be extended.",
        money: "no: nobody can claim it any more.",
        to_do: "if it is still to be paid, publish it under a new reference.",
    },
    ReasonRow {
        code: "REJECTED",
        event: "link.cancel_failed, link.extend_failed",
        means: "the merchant's approver has rejected the link.",
        money: "no: nobody can claim it any more.",
        to_do: "ask the approver; if it is still to be paid, publish it under a new reference.",
    },
    ReasonRow {
        code: "EXPIRY_INVALID",
        event: "link.cancel_failed, link.extend_failed",
        means: "PayU does not accept this expiry, or the link lives longer already; it was not changed.",
        money: "no: the link is as it was.",
        to_do: "choose a later time, and look at PayU's limits for it.",
    },
];
