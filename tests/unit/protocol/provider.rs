//! Smart Send's part: what a request that takes effect makes.

use super::asked::Heard;
use super::setting::{Details, Setting};
use super::state::{Orphan, State};

impl State {
    /// A request takes effect. `refusal` is how a second link is refused.
    pub(super) fn land(&mut self, request: Orphan, refusal: Heard, setting: &Setting) -> Heard {
        let links = &mut self.provider.links[usize::from(request.account)];
        if self.provider.limited {
            return Heard::Limit;
        }
        if *links > 0 && !setting.strict() {
            return refusal;
        }
        *links = 2.min(*links + 1);
        if setting.details == Details::Lag {
            let hidden = setting.quarantine.saturating_sub(request.sent);
            self.provider.hidden = self.provider.hidden.max(hidden);
        }
        Heard::Created
    }
}
