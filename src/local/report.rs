//! What has become of the rows, as the file says.

use rusqlite::{OptionalExtension, Row};

use super::claims::read_headers;
use super::error::StoreError;
use super::schema::Store;
use crate::domain::amount::Amount;
use crate::domain::event::{Received, ReceivedResult};
use crate::domain::record::Record;
use crate::domain::reference::Reference;

/// What has become of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It was not sent.
    Unsent,
    /// It may have been sent.
    InDoubt,
    Ended(ReceivedResult),
}

/// A row of the input file.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    /// The number that a spreadsheet shows.
    pub number: usize,
    pub reference: Reference,
    pub amount: Amount,
    pub standing: Standing,
}

/// The columns that [`Reported`] is read from, after the row's number.
const COLUMNS: &str = "reference, amount, state, headers, returned, event";

impl Store {
    /// Gives every row of the file to `take`, in the file's order.
    pub fn report<E: From<StoreError>>(
        &self,
        mut take: impl FnMut(Reported) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!(
            "SELECT number, {COLUMNS} FROM places JOIN intents ON intents.id = places.intent
             ORDER BY number"
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(StoreError::from)?;
        let mut rows = statement.query([]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            take(reported(row)?)?;
        }
        Ok(())
    }

    /// The row of the file that has this reference.
    pub fn find(&self, reference: &str) -> Result<Option<Reported>, StoreError> {
        let sql = format!(
            "SELECT number, {COLUMNS} FROM intents JOIN places ON intents.id = places.intent
             WHERE reference = ?1"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([reference])?;
        rows.next()?.map(reported).transpose()
    }

    /// What earlier runs began and the file no longer has, in no order.
    pub fn left_out(&self) -> Result<Vec<Reported>, StoreError> {
        let sql = format!(
            "SELECT 0, {COLUMNS} FROM intents
             WHERE state IN ('claimed', 'waiting')
                 AND NOT EXISTS (SELECT * FROM places WHERE places.intent = intents.id)"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(reported(row)?);
        }
        Ok(found)
    }

    /// Whether any row of the file has not ended.
    pub fn is_open(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM places JOIN intents ON intents.id = places.intent
                   WHERE state IN ('queued', 'claimed', 'waiting') LIMIT 1";
        Ok(self.connection.query_row(sql, [], |_| Ok(())).optional()?.is_some())
    }
}

fn reported(row: &Row<'_>) -> Result<Reported, StoreError> {
    let number: i64 = row.get(0)?;
    let (reference, amount): (String, String) = (row.get(1)?, row.get(2)?);
    Ok(Reported {
        number: usize::try_from(number).unwrap_or(usize::MAX),
        reference: Reference::parse(&reference).map_err(|_| StoreError::Damaged("reference"))?,
        amount: Amount::parse(&amount).map_err(|_| StoreError::Damaged("amount"))?,
        standing: standing(row)?,
    })
}

/// A record that is new and counts no attempt is that of a row which was handed back unsent.
fn standing(row: &Row<'_>) -> Result<Standing, StoreError> {
    if let Some(event) = row.get::<_, Option<Vec<u8>>>(6)? {
        let event = Received::from_json(&event).ok_or(StoreError::Damaged("event"))?;
        return Ok(Standing::Ended(event.result));
    }
    let (state, headers, returned): (String, String, i64) = (row.get(3)?, row.get(4)?, row.get(5)?);
    let record = Record::from_headers(&read_headers(&headers)?);
    let is_unsent = record.is_ok_and(|record| !record.is_in_doubt() && record.attempts == 0);
    Ok(match &*state {
        "queued" => Standing::Unsent,
        "waiting" if returned == 0 && is_unsent => Standing::Unsent,
        _ => Standing::InDoubt,
    })
}
