//! The rows of the input file, taken in.

use rusqlite::{OptionalExtension, Transaction, named_params};
use uuid::Uuid;

use super::error::StoreError;
use super::schema::Store;
use crate::domain::amount::Amount;
use crate::domain::reference::Reference;

/// A good row of the input file.
#[derive(Debug)]
pub struct NewRow<'a> {
    /// The number that a spreadsheet shows.
    pub number: usize,
    pub reference: &'a Reference,
    pub amount: Amount,
    /// What it has in common with every intent of this reference, amount and customer.
    pub name: Uuid,
    pub message_id: &'a str,
    /// The intent's JSON.
    pub body: &'a [u8],
}

/// How a row was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is to be paid: it is new, or an earlier run has not got to its end.
    Open,
    /// An earlier run has got to its end.
    Ended,
    /// An earlier run has, or may have, sent another amount or customer under this reference.
    Contradicts,
}

impl Store {
    /// Forgets the places of the file as it was before. Its intents stay.
    pub fn begin_file(&self) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM places", [])?;
        Ok(())
    }

    /// Takes in some rows, all of them or none.
    pub fn place(&mut self, rows: &[NewRow<'_>]) -> Result<Vec<Placed>, StoreError> {
        let transaction = self.connection.transaction()?;
        let placed = rows.iter().map(|row| place_one(&transaction, row));
        let placed = placed.collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(placed)
    }
}

/// What was never claimed was never sent, so a row that says something else takes its place.
fn place_one(transaction: &Transaction<'_>, row: &NewRow<'_>) -> Result<Placed, StoreError> {
    let name = row.name.to_string();
    let mut find = transaction
        .prepare_cached("SELECT id, state, name = ?2 FROM intents WHERE reference = ?1")?;
    let found = find.query_row((row.reference.as_str(), &name), |found| {
        Ok((found.get(0)?, found.get(1)?, found.get(2)?))
    });
    let known: Option<(i64, String, bool)> = found.optional()?;
    let (id, placed) = match known {
        Some((id, state, is_same)) if state != "queued" => match (&*state, is_same) {
            (_, false) => return Ok(Placed::Contradicts),
            ("done" | "parked", true) => (id, Placed::Ended),
            (_, true) => (id, Placed::Open),
        },
        Some(_) | None => (put(transaction, row, &name)?, Placed::Open),
    };
    let mut place = transaction.prepare_cached("INSERT INTO places VALUES (?1, ?2)")?;
    place.execute((i64::try_from(row.number).unwrap_or(i64::MAX), id))?;
    Ok(placed)
}

fn put(transaction: &Transaction<'_>, row: &NewRow<'_>, name: &str) -> Result<i64, StoreError> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO intents (reference, amount, name, message_id, body)
             VALUES (:reference, :amount, :name, :message_id, :body)
         ON CONFLICT (reference) DO UPDATE SET amount = :amount, name = :name, body = :body
         RETURNING id",
    )?;
    let values = named_params! {
        ":reference": row.reference.as_str(),
        ":amount": row.amount.to_string(),
        ":name": name,
        ":message_id": row.message_id,
        ":body": row.body,
    };
    Ok(put.query_row(values, |put| put.get(0))?)
}
