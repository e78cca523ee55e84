//! A person's VPAs, as far as PayU shows them.

use std::fmt::Write;

use serde_json::{Value, json};

use super::mask::plain;
use super::{Inquiry, NothingLearnt};
use crate::domain::customer::Mobile;
use crate::payu::wire::MaskedVpa;

impl Inquiry<'_> {
    /// Asks for the VPAs of a mobile number, once.
    pub async fn vpas(&self, mobile: &Mobile) -> Result<Vpas, NothingLearnt> {
        let token = self.token().await.map_err(|result| NothingLearnt::of(&result))?;
        let asked = self.turn(self.account.masked_vpas(&token, mobile)).await;
        NothingLearnt::unless(asked).map(Vpas)
    }
}

/// What PayU showed, which masks a part of each.
#[derive(Clone, Debug)]
pub struct Vpas(pub Vec<MaskedVpa>);

impl Vpas {
    pub fn table(&self) -> String {
        let mut table = String::new();
        for MaskedVpa { vpa, name, app } in &self.0 {
            let vpa = plain(vpa.expose());
            let name = name.as_ref().map_or_else(|| "-".to_owned(), |name| plain(name.expose()));
            let app = app.as_deref().map_or_else(|| "-".to_owned(), plain);
            // Writing to a String cannot fail.
            writeln!(table, "{vpa}  {app}  {name}").ok();
        }
        table
    }

    pub fn json(&self) -> String {
        let vpa = |it: &MaskedVpa| {
            let name = it.name.as_ref().map(|name| name.expose());
            json!({ "vpa": it.vpa.expose(), "app": it.app, "name": name })
        };
        let vpas: Vec<Value> = self.0.iter().map(vpa).collect();
        format!("{}\n", json!({ "vpas": vpas }))
    }
}
