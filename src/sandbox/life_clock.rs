//! How fast links age.
//!
//! A link lives for days, and no test waits for days. So a link's own time begins when the link is
//! made, and can run faster than ours. Its dates stay those that its client asked for, and the times
//! of requests stay real.

#[derive(Debug)]
pub(super) struct LifeClock {
    /// In order; the first begins with the epoch.
    sections: Vec<Section>,
}

/// A stretch of one speed.
#[derive(Debug, Clone, Copy)]
struct Section {
    from_us: u64,
    /// What the fast clock shows then.
    fast_us: u64,
    speed: u64,
}

const REAL_TIME: Section = Section { from_us: 0, fast_us: 0, speed: 1 };

impl Default for LifeClock {
    fn default() -> Self {
        Self { sections: vec![REAL_TIME] }
    }
}

impl LifeClock {
    pub(super) fn set_speed(&mut self, now_us: u64, speed: u64) {
        if self.last(|_| true).speed != speed {
            let fast_us = self.fast_us(now_us);
            self.sections.push(Section { from_us: now_us, fast_us, speed });
        }
    }

    /// A link's own time at a moment.
    pub(super) fn own_us(&self, made_at_us: u64, at_us: u64) -> u64 {
        let age_us = self.fast_us(at_us).saturating_sub(self.fast_us(made_at_us));
        made_at_us.saturating_add(age_us)
    }

    /// The moment at which a link's own time is this.
    pub(super) fn real_us(&self, made_at_us: u64, own_us: u64) -> u64 {
        let age_us = own_us.saturating_sub(made_at_us);
        let fast_us = self.fast_us(made_at_us).saturating_add(age_us);
        let section = self.last(|section| section.fast_us <= fast_us);
        let since_us = fast_us.saturating_sub(section.fast_us);
        section.from_us.saturating_add(since_us.div_ceil(section.speed.max(1)))
    }

    fn fast_us(&self, at_us: u64) -> u64 {
        let section = self.last(|section| section.from_us <= at_us);
        let since_us = at_us.saturating_sub(section.from_us);
        section.fast_us.saturating_add(since_us.saturating_mul(section.speed))
    }

    fn last(&self, is_begun: impl Fn(&Section) -> bool) -> Section {
        let section = self.sections.iter().rev().find(|section| is_begun(section));
        section.copied().unwrap_or(REAL_TIME)
    }
}
