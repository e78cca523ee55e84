//! What can be found out of tokens, without a link.

use super::caller::{Caller, Interrupted, is_status};
use super::observed::{Observed, Refresh, SecondToken};
use crate::domain::customer::Private;
use crate::domain::reference::Reference;
use crate::payu::trial::Trial;
use crate::payu::wire::Granted;
use crate::ports::{Token, TokenError};

/// Asks for tokens, and leaves the caller with the newest. `reference` is one without a link.
pub(super) async fn ask(
    caller: &mut Caller,
    reference: &Reference,
    observed: &mut Observed,
) -> Result<Result<(), TokenError>, Interrupted> {
    let mut first = match caller.grant(None).await? {
        Ok(first) => first,
        Err(why) => return Ok(Err(why)),
    };
    observed.token_life = Some(first.life);
    caller.use_token(first.bearer.clone());
    observed.refresh = refresh(caller, &mut first).await?;
    match caller.grant(None).await? {
        Ok(second) => {
            caller.use_token(second.bearer.clone());
            observed.second_token = compare(caller, &first.bearer, &second, reference).await?;
        }
        // One is enough for what follows.
        Err(_) => observed.second_token = None,
    }
    Ok(Ok(()))
}

/// Refreshes a token, which the new one then takes the place of.
async fn refresh(caller: &mut Caller, first: &mut Granted) -> Result<Option<Refresh>, Interrupted> {
    let Some(refresh) = first.refresh.clone() else { return Ok(Some(Refresh::Without)) };
    let refreshed = match caller.grant(Some(&refresh)).await? {
        Ok(refreshed) => refreshed,
        Err(TokenError::Refused) => return Ok(Some(Refresh::Refused)),
        Err(TokenError::Throttled(_) | TokenError::Unavailable(_)) => return Ok(None),
    };
    let is_same = refreshed.bearer == first.bearer;
    let rotates = refreshed.refresh.as_ref().is_some_and(|it| *it != refresh);
    caller.use_token(refreshed.bearer.clone());
    *first = refreshed;
    Ok(Some(Refresh::Granted { is_same, rotates }))
}

/// The second token is tried too: a 401 that both get says nothing of the first.
async fn compare(
    caller: &mut Caller,
    first: &Private,
    second: &Granted,
    reference: &Reference,
) -> Result<Option<SecondToken>, Interrupted> {
    if *first == second.bearer {
        return Ok(Some(SecondToken::Same(second.life)));
    }
    let mut accepted = Vec::new();
    for bearer in [first, &second.bearer] {
        let token = Token { issue: 0, bearer: bearer.clone() };
        let asked =
            caller.ask_with(&token, Trial::Lookup(reference), caller.cancel_as).await?.tried;
        let is_answered = is_status(&asked, 200) || is_status(&asked, 404);
        accepted.push(if is_status(&asked, 401) {
            Some(false)
        } else {
            is_answered.then_some(true)
        });
    }
    Ok(match accepted[..] {
        [Some(true), _] => Some(SecondToken::Both),
        [Some(false), Some(true)] => Some(SecondToken::EndsFirst),
        _ => None,
    })
}
