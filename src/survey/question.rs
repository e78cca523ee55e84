//! What the documentation leaves open.

/// One open point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    TokenLife,
    Refresh,
    SecondToken,
    LinkHost,
    Details,
    DetailsLink,
    Contacts,
    Approval,
    Refusal,
    SecondCreate,
    Extend,
    Cancel,
    FreedReference,
    Rate,
}

impl Question {
    /// In the order of the table.
    pub const ALL: [Self; 14] = [
        Self::TokenLife,
        Self::Refresh,
        Self::SecondToken,
        Self::LinkHost,
        Self::Details,
        Self::DetailsLink,
        Self::Contacts,
        Self::Approval,
        Self::Refusal,
        Self::SecondCreate,
        Self::Extend,
        Self::Cancel,
        Self::FreedReference,
        Self::Rate,
    ];

    /// The name in JSON.
    pub fn id(self) -> &'static str {
        self.row().0
    }

    pub fn text(self) -> &'static str {
        self.row().1
    }

    /// What PayU's pages say of it.
    pub fn payu_says(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::TokenLife => (
                "token_life",
                "How long does a token live?",
                "expires_in says; 7199 s in most samples",
            ),
            Self::Refresh => {
                ("refresh", "Can a token be refreshed?", "the password grant gives a refresh token")
            }
            Self::SecondToken => ("second_token", "Does a second token end the first?", "nothing"),
            Self::LinkHost => (
                "link_host",
                "On which host are links?",
                "test.payumoney.com in samples; none for production",
            ),
            Self::Details => (
                "details",
                "Does details show a fresh link, and how late?",
                "fetch details after some time; not how long",
            ),
            Self::DetailsLink => (
                "details_link",
                "Does details show the link itself?",
                "it has a field for it, filled in a sample of a paid link",
            ),
            Self::Contacts => (
                "contacts",
                "Does details mask the contacts?",
                "it has fields for them; no word of a mask",
            ),
            Self::Approval => (
                "approval",
                "Does a fresh link wait for an approver?",
                "the approval flow is on unless it is turned off",
            ),
            Self::Refusal => (
                "refusal",
                "What does a refusal look like?",
                "1108 for a create without a contact; no HTTP status",
            ),
            Self::SecondCreate => (
                "second_create",
                "What does a second create with one reference get, and does it make a link?",
                "a reference is unique for every link; 1103, 1115, 1125; no sample",
            ),
            Self::Extend => (
                "extend",
                "Can a link be extended, and how late does it show?",
                "one that has not expired; no sample of a success",
            ),
            Self::Cancel => (
                "cancel",
                "How is a link cancelled, and how late does it show?",
                "the reference is in the query on one page, in a form on another",
            ),
            Self::FreedReference => {
                ("freed_reference", "Is a reference free again after a cancel?", "nothing")
            }
            Self::Rate => ("rate", "At which rate does 429 begin?", "nothing"),
        }
    }
}
